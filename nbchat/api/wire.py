"""Values to the body of a chat-completions request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbchat.values.errors import ParameterError
from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.values.surrogates import paired

__all__ = ["body", "encoded"]


def body(
    messages: Iterable[Message],
    params: Params,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    include_usage: bool = True,
    server: str | None = None,
) -> dict[str, Any]:
    """Return the request's JSON: what the user set, plus only `stream` and the request for a usage count.

    `server` is the destination; data that other servers attached to messages is left out (None = all such data). There
    are no defaults and no nulls: many servers refuse unknown parameters, and "unset" means that the server decides.
    """
    request: dict[str, Any] = {}
    if params.model is not None:
        request["model"] = params.model
    request["messages"] = [message.to_wire(server) for message in messages]
    for name, value in params.items():
        request.setdefault(name, list(value) if isinstance(value, tuple) else value)
    if tools:
        request["tools"] = list(tools)
    streaming = params.stream is not False
    request["stream"] = streaming
    if streaming and include_usage:
        request["stream_options"] = {"include_usage": True}
    return request


def encoded(request: Mapping[str, Any]) -> bytes:
    """Encode the request's JSON. Lone surrogates become U+FFFD.

    Raises ParameterError for values that JSON can't hold.
    """
    try:
        text = json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"The request can't be written as JSON ({error}). Nothing was sent.") from None
    return paired(text).encode()
