"""Detect that a prompt asks for JSON in words, without `response_format`: "Answer with JSON alone, …"."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.builtin.http.chat_messages import Message
from nbchat.builtin.http.request import JSON_OBJECT

__all__ = ["asked_in_words"]

MOST_STARTS = 50
"""Most braces at which to look for a schema."""

_ASKS = re.compile(
    r"(?:^|[.!?:;\n]\s*|\bplease\s+)(?:only\s+)?"
    r"(?:answer|respond|reply|return|output|give(?:\s+me)?|write|produce|provide)\b[^.?!\n]{0,60}?\bJSON\b"
    r"(?!\s+(?:parser|library|librar|file|module|encoder|decoder|serial|API|endpoint)|[^.!\n]{0,200}\?)"
    r"|\bJSON\s+(?:only|alone)\b|\b(?:only|nothing but)\s+(?:valid\s+)?JSON\b",
    re.IGNORECASE,
)
_SCHEMA_MARKS = frozenset({"$schema", "properties", "anyOf", "oneOf", "items", "enum"})


def asked_in_words(messages: Sequence[Message]) -> Mapping[str, Any] | None:
    """Return the schema that the user's last message or a system text asks for; None = no JSON is asked for.

    A schema in the text is used; without one, any object will do.
    """
    if messages[-1].role != "user":
        return None
    texts = [message.text for message in messages if message.role in ("system", "developer")]
    text = "\n".join([messages[-1].text, *texts])
    return (_schema_in(text) or JSON_OBJECT) if _ASKS.search(text) else None


def _schema_in(text: str) -> Mapping[str, Any] | None:
    decoder = json.JSONDecoder()
    starts = [match.start() for match in re.finditer(r"\{", text)][:MOST_STARTS]
    for start in starts:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and (_SCHEMA_MARKS & value.keys() or value.get("type") == "object"):
            return value
    return None
