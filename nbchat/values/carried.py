"""What a server attached to an answer and wants back, unchanged, when its conversation goes on.

It is known by its shape, not by who sent it, and goes back to the same address only:

- Of a tool call, everything but its id, type, index and function goes back with the call, always. Gemini answers 400 to
  a call without its `extra_content.google.thought_signature` (ai.google.dev, "Thought signatures").
- Of a message, `extra_content`, `reasoning_details`, `thinking_blocks` and whatever is called a signature, encrypted or
  opaque goes back with the message, always: OpenRouter ("Preserving reasoning blocks"), LiteLLM for Claude, Gemini.
- `reasoning_content`, also an empty one, goes back with every message of a turn in which tools are called, in all later
  requests too: DeepSeek since V3.2 answers 400 without (api-docs.deepseek.com, "Thinking mode"); Kimi and GLM ask for it.

An answer without calls goes back without its `reasoning_content`: DeepSeek's R1 answers 400 to it, the others ignore it.
`reasoning` never goes back: Groq answers 400 to it. Nothing does with an answer that is not whole, or whose text is not
the server's own any more (a continued one): its signatures would not fit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nbchat.values.frozen import FrozenDict
from nbchat.values.json_fields import an_object, optional_text

__all__ = ["REASONING", "Carried", "attached", "attached_to_call", "is_carried", "with_more"]

REASONING = "reasoning_content"

_FIELD = re.compile(r"extra_content|reasoning_details|thinking_blocks|.*(?:signature|encrypted|opaque).*")
_OF_A_CALL = frozenset(
    {"id", "type", "index", "function", "custom", "name", "arguments", "parameters", "input", "args"}
)
_TEXTS = ("text", "summary", "thinking")
"""What of an item of a list comes in pieces."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Fields of a message that go back to `server`, the address that its request was sent to, and to no other."""

    server: str
    fields: Mapping[str, Any] = FrozenDict()

    def to_dict(self) -> dict[str, Any]:
        """As files write it."""
        return {"server": self.server, "fields": dict(self.fields)}

    @classmethod
    def from_dict(cls, carried: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError naming what is wrong."""
        fields = an_object(an_object(carried, "what is carried").get("fields", {}), "the fields that are carried")
        return cls(optional_text(carried, "server") or "", FrozenDict(fields))


def is_carried(name: str) -> bool:
    """Whether a server wants a field of this name of a message back, or may: its reasoning."""
    return name == REASONING or _FIELD.fullmatch(name) is not None


def attached(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message, or of a piece of one, that its server wants back, but for its reasoning."""
    return {name: _plain(value) for name, value in message.items() if _FIELD.fullmatch(name) and value}


def attached_to_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a tool call, or of a piece of one, that its server wants back."""
    fields = {name: _plain(value) for name, value in call.items() if name not in _OF_A_CALL and value is not None}
    function = call.get("function")
    inner = attached_to_call(function) if isinstance(function, Mapping) else {}
    return {**fields, "function": inner} if inner else fields


def with_more(fields: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with those of a further piece: objects are merged, lists grow, what else comes again is replaced."""
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
    """A list with the items of a further piece: each a new one, or more of the text of one that was begun."""
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
    """Whether an item is a further piece of one that was begun: of the same type and place, and text."""
    if not isinstance(begun, dict) or not isinstance(item, dict) or begun.get("type") != item.get("type"):
        return False
    ids = begun.get("id"), item.get("id")
    same = begun.get("index") == item.get("index") and (None in ids or ids[0] == ids[1])
    return same and not (begun.keys() | item.keys()).isdisjoint(_TEXTS)


def _is_text(begun: Mapping[str, Any], item: Mapping[str, Any], name: str) -> bool:
    return isinstance(item.get(name), str) and isinstance(begun.get(name, ""), str)


def _plain(value: Any) -> Any:
    """JSON that can be sent again: halves of characters become U+FFFD, NaN and infinities null."""
    if isinstance(value, dict):
        return {_plain(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return None if isinstance(value, float) and not math.isfinite(value) else value
