"""Tab completion of `%%chat` and `%chat` lines: options, models, sessions, commands, variables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["complete", "install", "remove"]

IDENTIFIER = "nbchat"
MAGICS = ("%%chat", "%chat")

ROWS = (list, tuple, set, Iterator)
"""Types of Python's own that `--each` is likely to take."""

MOST_COLUMNS = 1000
"""Columns of a frame that are completed."""

_LINE = r"\s*%{1,2}chat\s"
_EACH = r"\s*%%chat\s(?:.*\s)?--each[ =]([A-Za-z_]\w*)(?=\s|$)"
_FIELD = r"\{(\w*)$"


def install(shell: Any) -> None:
    """Install completion in this shell, whichever interface its version has."""
    completer = getattr(shell, "Completer", None)
    matchers = getattr(completer, "custom_matchers", None)
    try:
        from IPython.core.completer import context_matcher
    except ImportError:
        matchers = None
    if matchers is not None:

        @context_matcher(identifier=IDENTIFIER)
        def matcher(context: Any) -> Any:
            return _match(shell, context)

        remove(shell)
        matchers.append(matcher)
    elif hasattr(shell, "set_hook"):

        def hook(_self: Any, event: Any) -> list[str]:
            return complete(shell, event.text_until_cursor, event.symbol)

        remove(shell)
        for magic in MAGICS:
            shell.set_hook("complete_command", hook, str_key=magic)


def remove(shell: Any) -> None:
    """Remove completion."""
    completer = getattr(shell, "Completer", None)
    matchers = getattr(completer, "custom_matchers", None)
    if matchers is not None:
        matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != IDENTIFIER]
    hooks = getattr(getattr(completer, "custom_completers", None), "strs", {})
    for magic in MAGICS:
        hooks.pop(magic, None)


def _match(shell: Any, context: Any) -> Any:
    from IPython.core.completer import SimpleCompletion

    line = context.line_with_cursor[: context.cursor_position] if context.cursor_line == 0 else ""
    if context.cursor_line != 0:
        lines = context.full_text.split("\n")
        current = lines[context.cursor_line] if context.cursor_line < len(lines) else ""
        if (field := re.search(_FIELD, current[: context.cursor_position])) and (rows := re.match(_EACH, lines[0])):
            found = [name for name in _columns(shell, rows[1]) if name.startswith(field[1])]
            return {
                "completions": [SimpleCompletion(text=name, type="column") for name in found],
                "matched_fragment": field[1],
                "suppress": False,
            }
        line = current[: context.cursor_position] if current.lstrip().startswith("%chat") else ""
    if not re.match(_LINE, line):
        return {"completions": [], "suppress": False}
    fragment = re.split(r"\s", line)[-1]
    found = complete(shell, line, fragment)
    return {
        "completions": [SimpleCompletion(text=text, type="option") for text in found],
        "matched_fragment": fragment,
        "suppress": bool(found),
    }


def complete(shell: Any, line: str, fragment: str) -> list[str]:
    """Return the completions of `fragment`, which ends the line."""
    words = line[: len(line) - len(fragment)].split()
    return [word for word in _candidates(shell, words, fragment) if word.startswith(fragment) and word != fragment]


def _candidates(shell: Any, words: list[str], fragment: str) -> Iterable[str]:
    from nbchat.cells.options import OWN, ROWS

    magic, before = (words[0] if words else ""), (words[-1] if len(words) > 1 else "")
    if before in ("-m", "--model"):
        return _models()
    if before == "--session":
        return _sessions()
    if before in ("--image", "--tools", "--schema", "--into", "<<"):
        return _names(shell)
    if before == "--each":
        return _rows(shell, fragment)
    if before == "--base-url":
        return _endpoints()
    if magic == "%chat":
        return _command_words(words[1:], fragment)
    used = {word.partition("=")[0] for word in words}
    repeatable = {row.flag for row in OWN.values() if row.repeatable} | {"--stop", "--logit-bias"}
    flags = [row.flag for row in ROWS if row.flag not in used or row.flag in repeatable]
    return [*flags, "--no-stream"] if fragment.startswith("-") or not fragment else []


def _command_words(words: list[str], fragment: str) -> Iterable[str]:
    from nbchat.magics.line import COMMANDS
    from nbchat.values.params import PARAMETERS

    if not words:
        return list(COMMANDS)
    match words[0]:
        case "connect":
            return _endpoints()
        case "switch":
            return _sessions()
        case "set":
            return [f"{name}=" for name in PARAMETERS]
        case "help":
            return [*COMMANDS, *PARAMETERS]
        case "retry" | "continue":
            return [*(row.flag for row in PARAMETERS.values()), "--session"] if fragment.startswith("-") else []
    return []


def _models() -> Iterable[str]:
    """Return the models of the current server; none if it does not answer quickly."""
    from nbchat.conversation.servers.connection import models
    from nbchat.frontend import registry
    from nbchat.values.errors import NbchatError

    try:
        return models(registry().current.endpoint, timeout=2.0)
    except NbchatError:
        return []


def _sessions() -> Iterable[str]:
    from nbchat.frontend import registry

    return registry().names()


def _endpoints() -> Iterable[str]:
    from nbchat.api.endpoints import BUILTIN, ENDPOINTS, LOCAL_SERVERS
    from nbchat.values.modelname import SMOLLM2

    return [*ENDPOINTS, *LOCAL_SERVERS, SMOLLM2, BUILTIN]


def _names(shell: Any) -> Iterable[str]:
    return [name for name in shell.user_ns if not name.startswith("_")]


def _rows(shell: Any, fragment: str) -> Iterable[str]:
    """The variables that may hold rows, and the columns of the frame that is named before a dot."""
    name, dot, _ = fragment.partition(".")
    if dot:
        return [f"{name}.{column}" for column in _columns(shell, name)]
    known = ((name, value) for name, value in shell.user_ns.items() if not name.startswith("_"))
    return [name for name, value in known if hasattr(value, "columns") or isinstance(value, ROWS) or _is_column(value)]


def _columns(shell: Any, name: str) -> list[str]:
    """The columns of a frame of this name that a placeholder can name."""
    columns = getattr(shell.user_ns.get(name), "columns", ())
    known = itertools.islice(columns if isinstance(columns, Iterable) else (), MOST_COLUMNS)
    return [column for column in known if isinstance(column, str) and column.isidentifier()]


def _is_column(value: object) -> bool:
    """Whether it is a column or an array: it has a data type and a length."""
    return hasattr(value, "dtype") and hasattr(value, "__len__") and not isinstance(value, type)
