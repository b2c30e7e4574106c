"""What can be read of JSON whose end is missing."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["read_truncated"]

MOST_NESTED = 50
"""Levels of objects and lists that are closed."""

_TOKEN = re.compile(r'"[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+("?)|[{}\[\],]')
_CLOSING = {"{": "}", "[": "]"}
_DECODER = json.JSONDecoder(strict=False)


def read_truncated(text: str) -> Any:
    """The value that this beginning of a JSON text gives where everything open is closed; None = it gives none.

    A string that was cut keeps its beginning; another value that was cut is left out, with its name.
    """
    open_brackets: list[str] = []
    fallback = (
        0,
        "",
    )  # the last place where a value had ended or none had begun, and what closes all that is open there
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
