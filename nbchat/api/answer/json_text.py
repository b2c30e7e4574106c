"""Decode JSON as servers write it: flawed, truncated, or with absurd numbers and nesting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["loads", "read_truncated", "several"]

MOST_NESTED = 100
"""Most nesting levels that are read; whatever is deeper becomes null."""

MOST_DIGITS = 4_000
"""Most digits of a number that is read as an integer. Python refuses to convert more than 4,300."""

_TOKEN = re.compile(r'"[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+("?)|[{}\[\],]')
_CLOSING = {"{": "}", "[": "]"}
_BETWEEN = re.compile(r"(?:\s|data:)*")


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


_QUICK = msgspec.json.Decoder()
_DECODER = json.JSONDecoder(strict=False, parse_int=_integer)


def loads(data: bytes) -> Any:
    """Decode JSON.

    Raises ValueError. Invalid UTF-8 becomes U+FFFD, raw control characters in strings are allowed, and values nested
    too deeply become null.
    """
    try:
        value = _QUICK.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = data.decode("utf-8", "replace")
        try:
            value = _DECODER.decode(text)
        except RecursionError:
            return _DECODER.decode(_shallow(text))
    if data.count(b"[") + data.count(b"{") > MOST_NESTED and not _is_shallow(value):
        return _DECODER.decode(_shallow(data.decode("utf-8", "replace")))
    return value


def several(data: bytes) -> list[Any]:
    """Decode a text that may hold several JSON values in a row. Raises ValueError."""
    text, at, values = _shallow(data.decode("utf-8", "replace")), 0, []
    while at < len(text):
        value, at = _DECODER.raw_decode(text, at)
        values.append(value)
        between = _BETWEEN.match(text, at)
        at = between.end() if between is not None else at
    return values


def read_truncated(text: str) -> Any:
    """Return the value of a truncated JSON text with everything open closed; None = unreadable.

    A truncated string keeps its beginning; any other truncated value is dropped with its key, and so is a last number.
    """
    text = _shallow(text)
    open_brackets: list[str] = []
    fallback = (0, "")  # the last position between values, and the brackets that close everything open there
    for token in _TOKEN.finditer(text):
        mark = text[token.start()]
        if mark == '"':
            if not token[1]:
                text = text[: token.end()] + '"'
                break
        elif mark in _CLOSING:
            open_brackets.append(_CLOSING[mark])
            fallback = token.end(), "".join(reversed(open_brackets))
        elif mark == ",":
            fallback = token.start(), "".join(reversed(open_brackets))
        elif open_brackets:
            open_brackets.pop()
    whole = text + "".join(reversed(open_brackets))
    known = text[: fallback[0]] + fallback[1]
    for candidate in (known,) if text[-1:].isdigit() else (whole, known):
        try:
            return _DECODER.decode(candidate)
        except ValueError:
            continue
    return None


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_NESTED):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, (dict, list))]
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)


def _shallow(text: str) -> str:
    """Return a JSON text with null in place of values nested too deeply."""
    if text.count("[") + text.count("{") <= MOST_NESTED:
        return text
    kept: list[str] = []
    depth = at = 0
    for token in _TOKEN.finditer(text):
        mark = text[token.start()]
        if mark in "{[":
            depth += 1
            if depth == MOST_NESTED + 1:
                kept += (text[at : token.start()], "null")
        elif mark in "}]" and depth:
            depth -= 1
            if depth == MOST_NESTED:
                at = token.end()
    return "".join(kept) + (text[at:] if depth <= MOST_NESTED else "")
