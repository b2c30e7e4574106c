"""What a model meant by a call: its arguments, of the pieces in which servers send them, and calls left in the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["is_object", "settled_arguments", "written_call"]

MOST_ENCODINGS = 3
"""How often arguments may have been encoded as a JSON string, one time inside another."""

_WRITTEN_CALL = re.compile(
    r"<tool_call>|<function_call>|<tool_use>|<invoke\b|<function=\w|\[TOOL_CALLS?\]|<\|python_tag\|>"
    r"|<\|tool_calls?_(?:section_)?begin\|>|<｜tool▁calls?▁begin｜>|<\|tool_call\|?>|<\|channel\|>commentary to=functions"
    r"|^```tool_(?:call|code)\b",
    re.MULTILINE,
)
"""How models begin a call in their own notation, which their server should have read: Qwen and Hermes, Llama, Mistral,
Kimi, DeepSeek, gpt-oss, Gemma, …"""


def settled_arguments(text: str, last: str = "") -> str:
    """The arguments that this text means: itself, or the one object that it holds beyond doubt.

    Servers put `{}` before the true object, send it whole once more, or encode it as a JSON string. Some send all of it
    so far in each piece: then `last` is the last one (empty = the pieces did not grow so). What holds no object, or
    several, stays as it came.
    """
    if not text.strip() or is_object(text):
        return text
    return _only_object(text) or (last if is_object(last) else "") or text


def is_object(text: str) -> bool:
    """Whether a text is one JSON object."""
    return isinstance(_loaded(text), dict)


def written_call(text: str) -> str:
    """How a call begins that a model wrote into its text, in its own notation; "" = there is none."""
    found = _WRITTEN_CALL.search(text)
    return found[0] if found else ""


def _only_object(text: str) -> str:
    """The object in a text that holds others only if they are empty or the same; "" = not so."""
    found = list(_objects(text, MOST_ENCODINGS))
    full = [one for one in found if _loaded(one)]
    if not found or any(_loaded(one) != _loaded(full[0]) for one in full):
        return ""
    return (full or found)[0]


def _objects(text: str, encodings: int) -> Iterator[str]:
    """The texts of the objects that stand one after the other in a text, also as JSON strings; none, if else is there."""
    found: list[str] = []
    place = 0
    try:
        while (start := _NOT_SPACE(text, place)) is not None:
            value, place = _DECODER.raw_decode(text, start.start())
            if isinstance(value, dict):
                found.append(text[start.start() : place])
            elif isinstance(value, str) and encodings:
                inner = list(_objects(value, encodings - 1))
                if value.strip() and not inner:
                    return
                found += inner
            elif value is not None:
                return
    except (ValueError, RecursionError):
        return
    yield from found


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_DECODER = json.JSONDecoder()
_NOT_SPACE = re.compile(r"\S").search
