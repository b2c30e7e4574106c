"""Recover the arguments of a tool call from the forms in which servers send them; detect calls left in the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from nbchat.values.json_fields import parsed_json

__all__ = ["call_in_text", "is_object", "repaired_arguments"]

MOST_ENCODINGS = 3
"""Most levels of JSON-string encoding that are undone."""

_WRITTEN_CALL = (
    r"<tool_call>|<function_call>|<tool_use>|<invoke\b|<function=\w|\[TOOL_CALLS?\]|<\|python_tag\|>"
    r"|<\|tool_calls?_(?:section_)?begin\|>|<｜tool▁calls?▁begin｜>|<\|tool_call\|?>|<\|channel\|>commentary to=functions"
    r"|^```tool_(?:call|code)\b"
)
"""How models open a call in their own notation, which the server should have parsed: Qwen and Hermes, Llama, Mistral,
Kimi, DeepSeek, gpt-oss, Gemma, …"""


def repaired_arguments(text: str, last: str = "") -> str:
    """Return the arguments that `text` stands for: itself, or the one object it unambiguously contains.

    Servers prefix the real object with `{}`, repeat it, or encode it as a JSON string. Some send cumulative pieces: then
    `last` is the latest one (empty = the pieces were not cumulative). A text with no object, or with several different
    ones, is returned unchanged.
    """
    if not text.strip() or is_object(text):
        return text
    return _only_object(text) or (last if is_object(last) else "") or text


def is_object(text: str) -> bool:
    """Whether a text is one JSON object."""
    return isinstance(parsed_json(text), dict)


def call_in_text(text: str) -> str:
    """Return the opening of a call that the model wrote into its text in its own notation; "" = none."""
    if not any(opening in text for opening in ("<", "[TOOL_CALL", "```tool_")):
        return ""
    found = re.search(_WRITTEN_CALL, text, re.MULTILINE)
    return found[0] if found else ""


def _only_object(text: str) -> str:
    """The only object in a text, ignoring empty ones and repetitions; "" = none, or several."""
    found = list(_objects(text, MOST_ENCODINGS))
    full = [one for one in found if parsed_json(one)]
    if not found or any(parsed_json(one) != parsed_json(full[0]) for one in full):
        return ""
    return (full or found)[0]


def _objects(text: str, encodings: int) -> Iterator[str]:
    """Yield the source of each object in a text of objects only (or JSON strings of them); nothing for any other text."""
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


_DECODER = json.JSONDecoder()
_NOT_SPACE = re.compile(r"\S").search
