"""Tools that every session can offer: run Python in the notebook's namespace, and describe a variable."""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import io
import itertools
import linecache
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import CodeType, ModuleType
from typing import Any

from nbchat.conversation.tools.description import value_text
from nbchat.conversation.tools.tool import Tool
from nbchat.values.wording import nearest

__all__ = ["BUILTIN_TOOLS", "look_at", "run_python"]

MOST_TRACEBACK_LINES = 12
"""Traceback lines sent to the model, counted from the end."""

MOST_NAMES = 40
"""Most variables listed when one is not found."""

_numbers = itertools.count(1)


def run_python(namespace: dict[str, Any]) -> Tool:
    """Return a tool that runs code in this namespace. It always asks first, because it can do anything the user can."""

    def run_python(code: str) -> Any:
        """Run Python code in the user's live notebook, where its variables and imports are.

        The result is what was printed, then the value of the last expression. Errors come back as a traceback.

        Args:
            code: Python source; top-level await is allowed, magics and shell commands are not.

        """
        return _run(code, namespace)

    return Tool.of(run_python)


def look_at(namespace: Mapping[str, Any]) -> Tool:
    """Return a tool that describes a variable of this namespace. It is safe: none of the user's code is run.

    Objects of other than built-in and data-library classes are described by the names and classes of their attributes.
    """

    def look_at(name: str) -> str:
        """Describe a variable of the user's live notebook: its type, and what is in it.

        Args:
            name: the variable's name, without attributes or calls.

        """
        names = [known for known in namespace if not known.startswith("_") and not _is_the_shells(known, namespace)]
        if name in names:
            from nbchat.data.safe_repr import described_passively, runs_nothing

            value = namespace[name]
            return value_text(value) if runs_nothing(value) else described_passively(value)
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        there = f" The variables are: {', '.join(names[-MOST_NAMES:])}{more}." if names else ""
        return f"There is no variable {name!r}.{nearest(name, names)}{there}"

    return Tool.of(look_at, safe=True)


BUILTIN_TOOLS: Mapping[str, Callable[[dict[str, Any]], Tool]] = {
    "run_python": run_python,
    "look_at": look_at,
}
"""Tool factories by name; each makes its tool for a namespace."""


def _is_the_shells(name: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a name is a module, or one that an interactive shell puts into every namespace."""
    return name in ("In", "Out", "exit", "quit", "get_ipython", "open") or issubclass(type(namespace[name]), ModuleType)


def _run(code: str, namespace: dict[str, Any]) -> str | Awaitable[str]:
    """Return what the code prints and its value, or its traceback; a coroutine for that if the code awaits."""
    file = f"<run_python {next(_numbers)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)  # so that tracebacks show it
    try:
        body, last = _compiled(code, file)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return "".join(traceback.format_exception_only(error)).strip()
    awaits = any(part.co_flags & inspect.CO_COROUTINE for part in (body, last) if part is not None)
    return _evaluated_async(body, last, namespace, file) if awaits else _evaluated(body, last, namespace, file)


def _compiled(code: str, file: str) -> tuple[CodeType, CodeType | None]:
    """Compile the statements, and separately the last expression if the code ends in one."""
    tree = ast.parse(code, file)
    last = tree.body[-1] if tree.body else None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    if not isinstance(last, ast.Expr):
        return compile(tree, file, "exec", flags=flags, dont_inherit=True), None
    tree.body.pop()
    body = compile(tree, file, "exec", flags=flags, dont_inherit=True)
    return body, compile(ast.Expression(last.value), file, "eval", flags=flags, dont_inherit=True)


def _evaluated(body: CodeType, last: CodeType | None, namespace: dict[str, Any], file: str) -> str:
    with _outcome(file) as outcome:
        _evaluate(body, namespace)
        outcome.take(None if last is None else _evaluate(last, namespace))
    return outcome.text


async def _evaluated_async(body: CodeType, last: CodeType | None, namespace: dict[str, Any], file: str) -> str:
    with _outcome(file) as outcome:
        for part in (body, *(() if last is None else (last,))):
            value = _evaluate(part, namespace)
            if part.co_flags & inspect.CO_COROUTINE:
                value = await value
            outcome.take(value if part is last else None)
    return outcome.text


class _Outcome:
    """What code printed, and its value or traceback."""

    def __init__(self) -> None:
        self.printed = io.StringIO()
        self.value = ""

    def take(self, value: Any) -> None:
        """Store the value of the last expression."""
        self.value = "" if value is None else value_text(value)

    @property
    def text(self) -> str:
        parts = [part for part in (self.printed.getvalue().rstrip("\n"), self.value) if part]
        return "\n".join(parts) or "(it ran; nothing was printed or returned)"


@contextlib.contextmanager
def _outcome(file: str) -> Iterator[_Outcome]:
    """Capture printed output, and an exception as its traceback."""
    outcome = _Outcome()
    with contextlib.redirect_stdout(outcome.printed):
        try:
            yield outcome
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the model reads whatever the code raises
            outcome.value = _traceback(error, file)


def _evaluate(code: CodeType, namespace: dict[str, Any]) -> Any:
    namespace.setdefault("__builtins__", builtins)
    return eval(code, namespace)  # noqa: S307  # the user allowed it


def _traceback(error: BaseException, file: str) -> str:
    """Return the end of a traceback, without nbchat's own frames."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != file:
        frames = frames.tb_next
    lines = "".join(traceback.format_exception(type(error), error, frames)).strip().splitlines()
    return "\n".join(["…", *lines[-MOST_TRACEBACK_LINES:]] if len(lines) > MOST_TRACEBACK_LINES else lines)
