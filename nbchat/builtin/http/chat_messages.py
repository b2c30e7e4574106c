"""Validate a request's messages the way OpenAI's API does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.model.tokenizer import ROLES

__all__ = ["Message", "read_messages"]


class Message(Struct, frozen=True):
    """One message as text.

    `calls` are an assistant's tool calls as (id, name, arguments); `answers` is the id of the call that a tool message
    answers (None = not a tool message).
    """

    role: str
    text: str
    calls: tuple[tuple[str, str, str], ...] = ()
    answers: str | None = None


def read_messages(given: object) -> tuple[Message, ...]:
    """Validate messages. Raises Refusal."""
    if not isinstance(given, list) or not given:
        raise Refusal("messages must be an array of at least one message.", param="messages")
    messages = tuple(_message(item, f"messages[{i}]") for i, item in enumerate(given))
    _check_calls(messages)
    return messages


def _message(given: object, where: str) -> Message:
    if not isinstance(given, dict):
        raise Refusal(f"{where} must be an object with role and content.", param=where)
    role = given.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Refusal(f"{where}.role must be one of {', '.join(ROLES)}, not {role!r:.40}.", param=f"{where}.role")
    calls = tuple(_calls(given.get("tool_calls"), f"{where}.tool_calls")) if role == "assistant" else ()
    content = given.get("content")
    if content is None and role == "assistant" and isinstance(given.get("refusal"), str):
        content = given["refusal"]
    if content is None and not calls:
        raise Refusal(f"{where}.content must be a string or an array of parts.", param=f"{where}.content")
    answers = given.get("tool_call_id")
    if role == "tool" and not isinstance(answers, str):
        raise Refusal(f"{where}.tool_call_id must be the id of a call.", param=f"{where}.tool_call_id")
    return Message(role, _text(content, f"{where}.content"), calls, answers if role == "tool" else None)


def _text(content: object, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise Refusal(f"{where} must be a string or an array of parts.", param=where)
    return "\n\n".join(_part(part, f"{where}[{i}]") for i, part in enumerate(content))


def _part(part: object, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(part, dict) and kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if isinstance(part, dict) and kind == "refusal" and isinstance(part.get("refusal"), str):
        return str(part["refusal"])
    if kind == "image_url":
        message = "This model can't see images: it is nbchat's built-in model, which knows text only. Send text alone."
        raise Refusal(message, param=where, code="image_not_supported")
    raise Refusal(f'{where} must be {{"type": "text", "text": …}}; no other part is known here.', param=where)


def _calls(given: object, where: str) -> Iterator[tuple[str, str, str]]:
    if given is None:
        return
    if not isinstance(given, list):
        raise Refusal(f"{where} must be an array.", param=where)
    for i, call in enumerate(given):
        function = call.get("function") if isinstance(call, Mapping) else None
        values: list[Any] = [call.get("id"), function.get("name"), function.get("arguments")] if function else []
        if not values or not all(isinstance(value, str) for value in values):
            message = f"{where}[{i}] must have an id and a function with name and arguments."
            raise Refusal(message, param=f"{where}[{i}]")
        yield values[0], values[1], values[2]


def _check_calls(messages: tuple[Message, ...]) -> None:
    """Check that each call is answered by a tool message right after it, and each tool message answers a call."""
    waiting: set[str] = set()
    known: set[str] = set()
    for i, message in enumerate(messages):
        if message.role == "tool":
            if message.answers not in known:
                raise Refusal(f"messages[{i}] answers no tool call before it.", param=f"messages[{i}].tool_call_id")
            waiting.discard(str(message.answers))
            continue
        if waiting:
            break
        known = waiting = {call[0] for call in message.calls}
        known = set(known)
    if waiting:
        named = ", ".join(sorted(waiting))
        raise Refusal(f"These tool calls were not answered by messages of role tool: {named}.", param="messages")
