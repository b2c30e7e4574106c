"""The outgoing guard: checks every text of a request's body before it is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbchat.api.keys import Key
from nbchat.data.privacy.guard import Guard, check, environment_secrets
from nbchat.values.messages import Message

__all__ = ["MessageGuard", "check_body", "check_message"]

OTHERS = ("messages", "model", "stream", "stream_options")
"""Fields without user text, or checked separately."""

PLACES = {"tools": "a tool's description", "response_format": "the schema"}
"""Names of body fields in error messages; others are called "the parameter NAME"."""


def check_body(body: Mapping[str, Any], key: Key | None) -> None:
    """Raise GuardError if a request's body contains this key, another secret or a private value."""
    check([*_fields(body), *_messages(body["messages"])], _secrets(key))


def check_message(message: Message, key: Key | None) -> None:
    """Raise GuardError if a single message must not be sent, such as a tool's result."""
    check(_messages([message.to_dict()]), _secrets(key))


class MessageGuard:
    """Checks any number of messages against this key, the environment's secrets and the private values of now."""

    def __init__(self, key: Key | None) -> None:
        self._guard = Guard(_secrets(key))

    def check(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Raise GuardError if one of these messages, in wire form, must not be sent."""
        self._guard.check(_messages(messages))


def _secrets(key: Key | None) -> dict[str, str]:
    secrets = environment_secrets(os.environ)
    if key is not None:
        texts = key.texts or (key.reveal(),)
        names = (
            ["the key in use"] if len(texts) == 1 else [f"secret {n} of this request" for n in range(1, len(texts) + 1)]
        )
        secrets |= zip(names, texts, strict=True)
    return secrets


def _messages(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return each message with its place in the request, for error messages."""
    for index, message in enumerate(messages):
        role = str(message.get("role"))
        newest = "the message" if index == len(messages) - 1 else "the history"
        yield {"system": "the system text", "tool": "a tool's result"}.get(role, newest), _text(message)


def _fields(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if name not in OTHERS and (text := _text(value)):
            yield PLACES.get(name, f"the parameter {name}"), text


def _text(value: Any) -> str:
    return "\n".join(_texts(value))


def _texts(value: Any, name: str = "") -> Iterator[str]:
    """Yield all texts of a value except image data and the API's own keywords."""
    if isinstance(value, str):
        if name not in ("role", "type") and not (name == "url" and value.startswith("data:")):
            yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, key)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each, name)
