"""Payloads in the form of OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["DONE", "MODEL", "Payload", "chunk", "completion", "encode", "encode_event", "error", "tool_call", "usage"]

Payload = Mapping[str, Any]

DONE = "data: [DONE]\n\n"
"""The event that ends a stream."""

MODEL = "scripted-1"
"""The default model."""


def chunk(
    content: str | None = None, index: int = 0, finish: str | None = None, *, model: str | None = MODEL, **delta: Any
) -> dict[str, Any]:
    """Return a stream event for one choice, with `content` (None = not sent) and other keys of the delta.

    Add keys beside the choices with `{**chunk("x"), "usage": usage(3, 1)}`.
    """
    words = {} if content is None else {"content": content}
    choice = {"index": index, "delta": {**delta, **words}, "finish_reason": finish}
    return _envelope("chat.completion.chunk", [choice], model)


def completion(
    content: str | None = None,
    finish: str | None = "stop",
    *,
    model: str | None = MODEL,
    choices: int = 1,
    **message: Any,
) -> dict[str, Any]:
    """Return a whole reply with `choices` equal choices and other keys of the message."""
    content_message = {"role": "assistant", "content": content, **message}
    every = [{"index": index, "message": content_message, "finish_reason": finish} for index in range(choices)]
    return _envelope("chat.completion", every, model)


def usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    """Return token counts, with other keys (`prompt_tokens_details=…`)."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {**counts, **details}


def tool_call(
    name: str,
    arguments: str | Payload = "{}",
    *,
    id: str = "call_1",  # noqa: A002 - the wire's word
    index: int = 0,
) -> dict[str, Any]:
    """Return a tool call; `arguments` is raw text or an object to encode."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": text}}


def error(
    message: str,
    *,
    type: str = "invalid_request_error",  # noqa: A002 - the wire's word
    param: str | None = None,
    code: Any = None,
) -> dict[str, Any]:
    """Return an error body."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def _envelope(kind: str, choices: list[dict[str, Any]], model: str | None) -> dict[str, Any]:
    named = {} if model is None else {"model": model}
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1_750_000_000, **named, "choices": choices}


def encode(payload: Any) -> bytes:
    """Encode JSON as UTF-8, escaping only lone surrogates."""
    try:
        return json.dumps(payload, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate can only be sent as an escape
        return json.dumps(payload).encode()


def encode_event(event: Payload | str | bytes) -> bytes:
    """Encode a stream event: a payload is wrapped, text and bytes are unchanged."""
    if isinstance(event, bytes):
        return event
    if isinstance(event, str):
        return event.encode()
    return b"data: " + encode(event) + b"\n\n"
