"""Read JSON whose end is missing."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["read_truncated"]

MOST_NESTED = 50
"""Most nesting levels that are closed."""

_TOKEN = re.compile(r'"[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+("?)|[{}\[\],]')
_CLOSING = {"{": "}", "[": "]"}
_DECODER = json.JSONDecoder(strict=False)


def read_truncated(text: str) -> Any:
    """Return the value of a truncated JSON text with everything open closed; None = unreadable.

    A truncated string keeps its beginning; any other truncated value is dropped with its key.
    """
    open_brackets: list[str] = []
    fallback = (
        0,
        "",
    )  # the last position between values, and what closes everything open there
    for token in _TOKEN.finditer(text):
        mark = text[token.start()]
        if mark == '"':
            if not token[1]:
                text = text[: token.end()] + '"'
                break
        elif mark in _CLOSING:
            open_brackets.append(_CLOSING[mark])
            if len(open_brackets) > MOST_NESTED:
                return None
            fallback = token.end(), "".join(reversed(open_brackets))
        elif mark == ",":
            fallback = token.start(), "".join(reversed(open_brackets))
        elif open_brackets:
            open_brackets.pop()
    whole = text + "".join(reversed(open_brackets))
    for candidate in (whole, text[: fallback[0]] + fallback[1]):
        try:
            return _DECODER.decode(candidate)
        except (ValueError, RecursionError):
            continue
    return None
