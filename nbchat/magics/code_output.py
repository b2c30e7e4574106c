"""Code in an answer to the next cell: found, parsed, compared with the names that live in the kernel."""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from nbchat.values.params import nearest

__all__ = ["complaints", "difference", "offer", "python_code"]

PYTHON = frozenset({"", "python", "python3", "py", "ipython", "ipython3", "py3"})
"""Fence languages that count as code for the next cell; an empty one does if it parses."""


def python_code(markdown: str) -> str:
    """The Python code blocks of an answer, joined by blank lines; empty = it has none."""
    from markdown_it import MarkdownIt

    fences = [token for token in MarkdownIt("commonmark").parse(markdown) if token.type == "fence"]
    blocks = []
    for fence in fences:
        language = fence.info.strip().split(maxsplit=1)[0].lower() if fence.info.strip() else ""
        if language in PYTHON and (language or _parses(fence.content)):
            blocks.append(fence.content.rstrip("\n"))
    return "\n\n".join(blocks)


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True


def complaints(code: str, namespace: Mapping[str, object], shell: Any = None) -> list[str]:
    """What is wrong with code before it runs: a syntax error, or names that are defined nowhere.

    `shell` translates IPython's own syntax (magics, `!`) first; None = plain Python.
    """
    try:
        tree = ast.parse(shell.transform_cell(code) if shell is not None else code)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    except ValueError as error:  # a null byte
        return [str(error)]
    used, made = _names(tree)
    if "*" in made:  # a star import may have made any of them
        return []
    known = {*made, *namespace, *dir(builtins), "get_ipython", "display", "__name__", "__file__"}
    live = [name for name in namespace if not name.startswith("_")]
    return [f"uses {name}, not defined;{hint}" for name in used if name not in known for hint in [_hint(name, live)]]


def _hint(name: str, live: Iterable[str]) -> str:
    live = list(live)
    parts = set(name.lower().split("_"))
    turned = next((other for other in live if set(other.lower().split("_")) == parts), None)
    return f" did you mean {turned}?" if turned else (nearest(name, live).lower() or " no live name is close").rstrip()


def _names(tree: ast.AST) -> tuple[list[str], set[str]]:
    """Names that are read, in order, and names that anything in the code makes."""
    used: dict[str, None] = {}
    made: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used[name] = None
            case ast.Name(id=name):
                made.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                made.add(name)
            case ast.arg(arg=name):
                made.add(name)
            case ast.alias(name=name, asname=other):
                made.add(other or name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                made.add(name)
            case ast.MatchMapping(rest=str(name)):
                made.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                made.update(names)
            case _:
                pass
    return list(used), made


def difference(before: str, after: str) -> str:
    """A unified diff without its file lines; empty = no difference."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return "\n".join(list(lines)[2:])


def offer(shell: Any, code: str, *, replace: bool = False) -> list[str]:
    """Put code into the next cell (`replace`: into the running one), and say so; complaints about it follow.

    Not every front-end can do it, so whoever calls this shows the code as well.
    """
    shell.set_next_input(code, replace=replace)
    where = "this cell" if replace else "the next cell"
    return [f"the code is in {where}", *complaints(code, shell.user_ns, shell)]
