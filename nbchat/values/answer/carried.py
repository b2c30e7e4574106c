"""Fields that a server attached to an answer and expects back, unchanged, in later requests.

They are recognised by shape, not by vendor, and returned to the same address only:

- Tool call: every field except id, type, index and function is always returned. Gemini answers 400 to a call without its
  `extra_content.google.thought_signature` (ai.google.dev, "Thought signatures").
- Message: `extra_content`, `reasoning_details`, `thinking_blocks` and any field named as a signature, encrypted or opaque
  is always returned: OpenRouter ("Preserving reasoning blocks"), LiteLLM for Claude, Gemini.
- `reasoning_content`, even if empty, is returned with every message of a turn that calls tools, in all later requests:
  DeepSeek V3.2 and later answer 400 without it (api-docs.deepseek.com, "Thinking mode"); Kimi and GLM ask for it.

The `reasoning_content` of an answer without calls is dropped: DeepSeek's R1 answers 400 to it, the others ignore it.
`reasoning` is never returned: Groq answers 400 to it. An answer that is incomplete, or whose text was edited (a continued
one), returns nothing: its signatures would no longer match.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct

from nbchat.values.frozen import FrozenDict
from nbchat.values.json_fields import an_object, optional_text
from nbchat.values.surrogates import paired

__all__ = ["REASONING", "Carried", "attached", "attached_to_call", "is_carried", "with_more"]

REASONING = "reasoning_content"

_FIELD = re.compile(r"extra_content|reasoning_details|thinking_blocks|.*(?:signature|encrypted|opaque).*")
_OF_A_CALL = frozenset(
    {"id", "type", "index", "function", "custom", "name", "arguments", "parameters", "input", "args"}
)
_TEXTS = ("text", "summary", "thinking")
"""Fields of a list item that are streamed in pieces."""


class Carried(Struct, frozen=True):
    """Fields to return to `server`, the address that the request was sent to, and to no other."""

    server: str
    fields: Mapping[str, Any] = FrozenDict()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files."""
        return {"server": self.server, "fields": dict(self.fields)}

    @classmethod
    def from_dict(cls, carried: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError naming what is wrong."""
        fields = an_object(an_object(carried, "what is carried").get("fields", {}), "the carried fields")
        return cls(optional_text(carried, "server") or "", FrozenDict(fields))


def is_carried(name: str) -> bool:
    """Whether a server expects, or may expect (reasoning), a message's field of this name back."""
    return name == REASONING or _FIELD.fullmatch(name) is not None


def attached(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a message (or of a streamed piece) that the server expects back, except its reasoning."""
    return {name: _plain(value) for name, value in message.items() if _FIELD.fullmatch(name) and value}


def attached_to_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a tool call (or of a streamed piece) that the server expects back."""
    fields = {name: _plain(value) for name, value in call.items() if name not in _OF_A_CALL and value is not None}
    function = call.get("function")
    inner = attached_to_call(function) if isinstance(function, Mapping) else {}
    return {**fields, "function": inner} if inner else fields


def with_more(fields: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the fields of a further piece: objects are merged, lists extended, other values replaced."""
    merged = dict(fields)
    for name, value in more.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = with_more(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            merged[name] = _longer(known, value)
        else:
            merged[name] = value
    return merged


def _longer(items: list[Any], more: list[Any]) -> list[Any]:
    """Extend a list by the items of a further piece: each is a new item, or more text for an earlier one."""
    items = list(items)
    for item in more:
        place = next((place for place in range(len(items) - 1, -1, -1) if _is_of(items[place], item)), None)
        if place is not None:
            texts = {
                name: items[place].get(name, "") + item[name] for name in _TEXTS if _is_text(items[place], item, name)
            }
            items[place] = {
                **items[place],
                **{name: value for name, value in item.items() if value is not None},
                **texts,
            }
        elif item not in items:
            items.append(item)
    return items


def _is_of(begun: Any, item: Any) -> bool:
    """Whether `item` continues the text of `begun`: same type, same index."""
    if not isinstance(begun, dict) or not isinstance(item, dict) or begun.get("type") != item.get("type"):
        return False
    ids = begun.get("id"), item.get("id")
    same = begun.get("index") == item.get("index") and (None in ids or ids[0] == ids[1])
    return same and not (begun.keys() | item.keys()).isdisjoint(_TEXTS)


def _is_text(begun: Mapping[str, Any], item: Mapping[str, Any], name: str) -> bool:
    return isinstance(item.get(name), str) and isinstance(begun.get(name, ""), str)


def _plain(value: Any) -> Any:
    """Return JSON that can be sent again: lone surrogates become U+FFFD, NaN and infinities null."""
    if isinstance(value, dict):
        return {_plain(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return paired(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
