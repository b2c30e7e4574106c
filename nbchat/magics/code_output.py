"""Offer an answer's code as a cell: marked, checked for undefined names, and compared with the previous code."""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from nbchat.magics.answer_code import code_in, parsed
from nbchat.magics.filled_cells import answered, marked
from nbchat.values.wording import nearest

__all__ = ["announce", "complaints", "difference", "offer", "offer_answer", "python_code"]


def python_code(markdown: str) -> str:
    """Return the Python code of an answer; empty = none."""
    return code_in(markdown).code


def complaints(code: str, namespace: Mapping[str, object], shell: Any = None) -> list[str]:
    """Return the problems of code that has not run yet: a syntax error, or undefined names.

    `shell` translates IPython's own syntax (magics, `!`) first; None = plain Python.
    """
    try:
        tree = parsed(code)
        if shell is not None:  # files = !ls makes a name
            tree = ast.parse(shell.transform_cell(code))
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)]
    except (ValueError, MemoryError, RuntimeError):  # IPython fails on hundreds of magics
        return []
    used, made = _names(tree)
    if "*" in made:  # a star import may have made any of them
        return []
    known = {*made, *namespace, *dir(builtins), "get_ipython", "display", "__name__", "__file__"}
    live = [name for name in namespace if not name.startswith("_")]
    return [
        f"uses {name}, which is not defined;{hint}"
        for name in used
        if name not in known
        for hint in [_hint(name, live)]
    ]


def _hint(name: str, live: Iterable[str]) -> str:
    live = list(live)
    parts = set(name.lower().split("_"))
    turned = next((other for other in live if set(other.lower().split("_")) == parts), None)
    return f" did you mean {turned}?" if turned else (nearest(name, live).lower() or " no similar name exists").rstrip()


def _names(tree: ast.AST) -> tuple[list[str], set[str]]:
    """Return the names that code reads, in order, and those that it defines anywhere."""
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
    """Return a unified diff without file headers; empty = no difference."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return "\n".join(list(lines)[2:])


def offer(shell: Any, code: str, *, replace: bool = False, source: str = "") -> list[str]:
    """Put code into the next cell (`replace`: into the running one), with a note and any complaints about it.

    `source` is the `%%chat --code` cell that the code is marked with; empty = no mark. Some front ends ignore this, so
    callers must show the code as well.
    """
    shell.set_next_input(marked(code, source) if source else code, replace=replace)
    where = "this cell" if replace else "the next cell"
    return [f"the code is in {where}", *complaints(code, shell.user_ns, shell)]


def offer_answer(shell: Any, text: str, source: str, *, had_code: bool) -> list[str]:
    """Put an answer's code into the next cell, or say that it has none. `had_code`: whether the previous answer had code."""
    code, notes = code_in(text)
    answered(source, code)
    if code:
        return [*offer(shell, code, source=source), *notes]
    stale = ["the cell with the earlier answer's code will not run again"] if had_code else []
    return ["the answer has no Python code", *notes, *stale]


def announce(shell: Any, text: str, source: str) -> list[str]:
    """Describe the code of a background answer, whose next cell can no longer be filled."""
    code, notes = code_in(text)
    answered(source, code)
    if not code:
        return ["the answer has no Python code", *notes]
    return [f"%chat code {source} puts the code into its cell", *complaints(code, shell.user_ns, shell), *notes]
