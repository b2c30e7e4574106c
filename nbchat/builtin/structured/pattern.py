"""Generate texts that match a regular expression, from its parse tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _constants as op  # type: ignore[attr-defined]  # the names that its parser uses are not public
from re import _parser as parser  # type: ignore[attr-defined]  # the standard library has no public parser of patterns
from typing import Any

__all__ = ["example"]

_CLASSES = {"CATEGORY_DIGIT": "4", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}
_OTHERS = {"CATEGORY_NOT_DIGIT": "a", "CATEGORY_NOT_SPACE": "a", "CATEGORY_NOT_WORD": "-"}
_LONGEST = 10_000


def example(pattern: str, extra: int = 0) -> str | None:
    """Return a short matching text, with `extra` more repeats than needed; None if none is found.

    Lookaround assertions and backreferences are not supported.
    """
    try:
        text = _sequence(parser.parse(pattern), extra)
        return text if len(text) <= _LONGEST and re.search(pattern, text) else None
    except (re.error, RecursionError, KeyError, OverflowError, ValueError):
        return None


def _sequence(parsed: Sequence[tuple[Any, Any]], extra: int) -> str:
    return "".join(_item(code, value, extra) for code, value in parsed)


def _item(code: Any, value: Any, extra: int) -> str:
    if code is op.LITERAL:
        return chr(value)
    if code is op.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if code is op.ANY:
        return "a"
    if code is op.AT:
        return ""
    if code is op.IN:
        return _member(value)
    if code is op.BRANCH:
        return _sequence(value[1][extra % len(value[1])], extra)
    if code is op.SUBPATTERN:
        return _sequence(value[3], extra)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, getattr(op, "POSSESSIVE_REPEAT", None)):
        low, high, inner = value
        count = min(int(low) + extra, int(high))
        if count > _LONGEST:
            raise ValueError("too long")
        return _sequence(inner, extra) * count
    raise KeyError(code)


def _member(items: Sequence[tuple[Any, Any]]) -> str:
    """A character of a set."""
    if items[0][0] is op.NEGATE:
        inside = re.compile("[" + "".join(_as_source(code, value) for code, value in items[1:]) + "]")
        return next(c for c in map(chr, [*range(97, 123), *range(32, 97), *range(123, 0x250)]) if not inside.match(c))
    code, value = items[0]
    if code is op.LITERAL:
        return chr(value)
    if code is op.RANGE:
        return chr(value[0])
    return {**_CLASSES, **_OTHERS}[str(value)]


def _as_source(code: Any, value: Any) -> str:
    if code is op.LITERAL:
        return re.escape(chr(value))
    if code is op.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}[str(value)]
