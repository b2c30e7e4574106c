"""Messages, their content parts, and tool calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from nbchat.values.answer.carried import Carried
from nbchat.values.frozen import FrozenDict, Incidental
from nbchat.values.json_fields import an_object, items_of, optional_text, text_of
from nbchat.values.surrogates import paired_json

__all__ = ["Content", "ImagePart", "Message", "Part", "Question", "Role", "Source", "TextPart", "ToolCall"]

Role = Literal["system", "user", "assistant", "tool"]


class TextPart(Struct, frozen=True):
    """A text part of a message that also holds images."""

    text: str


class ImagePart(Struct, frozen=True):
    """An image in a message. `url` is a `data:` URL; `detail` is "low", "high" or "auto" (None = not sent)."""

    url: str
    detail: str | None = None


class Source(Struct, frozen=True):
    """A source that an answer cites: a URL, a title, or both; each is empty if not given."""

    url: str
    title: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form used in files."""
        return {"url": self.url, **({"title": self.title} if self.title else {})}

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError naming what is wrong."""
        source = an_object(source, "a source")
        return cls(text_of(source, "url"), text_of(source, "title"))


Part = TextPart | ImagePart
Content = str | tuple[Part, ...]


class ToolCall(Struct, frozen=True):
    """A tool call requested by the model. `arguments` is its raw text, which may be empty or invalid JSON.

    `extra` holds fields that the server attached to the call and expects back.
    """

    id: str
    name: str
    arguments: str = ""
    extra: Mapping[str, Any] = FrozenDict()

    def parsed(self) -> Any:
        """Return the decoded arguments (none sent = `{}`). Raises ValueError if they are not JSON."""
        return paired_json(json.loads(self.arguments)) if self.arguments.strip() else {}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files, and by the API when there is nothing `extra`."""
        call = {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}
        return {**call, "extra": dict(self.extra)} if self.extra else call

    def to_wire(self) -> dict[str, Any]:
        """Return the call as sent back to the server that made it, with the fields it attached."""
        call = replace(self, extra=FrozenDict()).to_dict()
        return {**self.extra, **call, "function": {**self.extra.get("function", {}), **call["function"]}}

    @classmethod
    def from_dict(cls, call: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; a call without an id has an empty one. Raises ValueError naming what is wrong."""
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ValueError("a tool call must be {id, function: {name, arguments}}")
        extra = FrozenDict(an_object(call.get("extra") or {}, "the extra fields of a tool call"))
        return cls(str(call.get("id") or ""), function["name"], str(function.get("arguments") or ""), extra)


class Message(Incidental, frozen=True):
    """One message of a conversation.

    `tool_call_id` names the call that a message of role "tool" answers; `name` distinguishes speakers of one role; each
    is None if not sent. `carried` holds fields to return to the server that wrote the message (None = nothing). `typed`
    is what the user wrote before live values were inserted; it is not sent (None = the text itself).
    """

    _incidental = ("typed",)

    role: Role
    content: Content = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    carried: Carried | None = None
    typed: str | None = None

    @property
    def as_typed(self) -> str:
        """The text as the user typed it."""
        return self.text if self.typed is None else self.typed

    @property
    def text(self) -> str:
        """The text, without images."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The images."""
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if isinstance(part, ImagePart))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files, and by the API when nothing is carried or typed differently.

        Plain string content when there is only text; `""`, not `null`, when an assistant only calls tools
        (one server answers 500 to `null`).
        """
        message: dict[str, Any] = {"role": self.role, "content": _content_to_wire(self.content)}
        if self.tool_calls:
            message["tool_calls"] = [call.to_dict() for call in self.tool_calls]
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        if self.name is not None:
            message["name"] = self.name
        if self.carried is not None:
            message["carried"] = self.carried.to_dict()
        if self.typed is not None:
            message["typed"] = self.typed
        return message

    def to_wire(self, server: str | None) -> dict[str, Any]:
        """Return the message as sent to the address `server`, with the carried fields if they came from there."""
        message = replace(self, carried=None, typed=None).to_dict()
        goes_back = self.carried is not None and self.carried.server == server
        if self.tool_calls:
            calls = self.tool_calls if goes_back else [replace(call, extra=FrozenDict()) for call in self.tool_calls]
            message["tool_calls"] = [call.to_wire() for call in calls]
        return {**self.carried.fields, **message} if goes_back and self.carried is not None else message

    @classmethod
    def from_dict(cls, message: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError naming what is wrong."""
        role = an_object(message, "a message").get("role")
        if role not in ("system", "user", "assistant", "tool"):
            raise ValueError(f"a message's role must be system, user, assistant or tool; got {role!r}")
        return cls(
            role,
            _content_from_wire(message.get("content")),
            tuple(map(ToolCall.from_dict, items_of(message, "tool_calls"))),
            optional_text(message, "tool_call_id"),
            optional_text(message, "name"),
            Carried.from_dict(message["carried"]) if message.get("carried") is not None else None,
            optional_text(message, "typed"),
        )


Question = str | Sequence[Part] | Message
"""What can be asked: a text, a list of texts and images, or a message."""


def _content_to_wire(content: Content) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    if all(isinstance(part, TextPart) for part in content):
        return "".join(part.text for part in content if isinstance(part, TextPart))
    return [_part_to_wire(part) for part in content]


def _part_to_wire(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    image = {"url": part.url} if part.detail is None else {"url": part.url, "detail": part.detail}
    return {"type": "image_url", "image_url": image}


def _content_from_wire(content: object) -> Content:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"a message's content must be text or a list of parts; got {type(content).__name__}")
    return tuple(_part_from_wire(part) for part in content)


def _part_from_wire(part: object) -> Part:
    match part:
        case {"type": "text", "text": str(text)}:
            return TextPart(text)
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            detail = rest.get("detail")
            return ImagePart(url, detail if isinstance(detail, str) else None)
    raise ValueError("a content part must be {type: text, text} or {type: image_url, image_url: {url}}")
