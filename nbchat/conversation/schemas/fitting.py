"""Structured answers: ask the server, or in the prompt if it lacks support; read the value; ask again once."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from nbchat.conversation.process import process
from nbchat.conversation.schemas.converters import Misfit
from nbchat.conversation.schemas.schema import NoJson, Schema
from nbchat.values.answer.reply import CUT_REASONS, Reply, Request
from nbchat.values.errors import (
    AuthenticationFailed,
    ContextTooLong,
    ParameterRefused,
    QuotaExceeded,
    RateLimited,
    SchemaError,
    ServerError,
)
from nbchat.values.messages import Message, TextPart
from nbchat.values.params import Params

__all__ = ["corrections", "fitted", "is_format_refused", "knows_no_format", "learn_format", "note_ignored", "shaped"]

FIELD = "response_format"

_FORMAT_WORDS = re.compile(r"response[_ ]?format|json[_ ]?schema|structured[_ ]output|guided|grammar", re.IGNORECASE)
_UNSUPPORTED_WORDS = re.compile(r"response[_ ]format", re.IGNORECASE)
_INVALID_WORDS = re.compile(r"invalid (json )?schema", re.IGNORECASE)


def knows_no_format(base_url: str, model: str | None) -> bool:
    """Whether this server's model is known to refuse or ignore `response_format`."""
    return process.capabilities.refuses(base_url, model or "", FIELD)


def shaped(schema: Schema, message: Message, params: Params, *, in_words: bool) -> tuple[Message, Params]:
    """Return the message and parameters that ask for the schema, in the prompt or as `response_format`."""
    if not in_words:
        return message, params.replace(response_format=schema.response_format)
    if isinstance(message.content, str):
        content: Any = f"{message.content}\n\n{schema.instruction}"
    else:
        content = (*message.content, TextPart(f"\n\n{schema.instruction}"))
    return replace(message, content=content), params.replace(response_format=None)


def is_format_refused(error: BaseException | None) -> bool:
    """Whether the server may have refused `response_format`: it names it, or names nothing."""
    if not isinstance(error, ServerError) or error.status not in (None, 400, 404, 405, 422, 500, 501):
        return False
    if isinstance(error, ParameterRefused):
        return error.param == FIELD
    if isinstance(error, (AuthenticationFailed, ContextTooLong, QuotaExceeded, RateLimited)):
        return False
    return bool(_FORMAT_WORDS.search(str(error))) or (type(error) is ServerError and error.status in (400, 422))


def learn_format(base_url: str, model: str | None, words: str) -> None:
    """Remember that this model lacks `response_format`, unless the error is about one schema only."""
    capabilities = process.capabilities
    if _UNSUPPORTED_WORDS.search(words) and not _INVALID_WORDS.search(words):
        capabilities.learn(base_url, model or "", FIELD, words)
    else:
        capabilities.forget(base_url, model or "", FIELD)


def fitted(schema: Schema, reply: Reply) -> Any:
    """Return the value in an answer. Raises Misfit, or SchemaError if asking again would not help."""
    choice = reply.choices[0]
    if choice.finish_reason in CUT_REASONS:
        raise SchemaError(
            "The answer reached the token limit before its JSON was complete: allow more with max_tokens, or ask for less."
        )
    if choice.refusal and not choice.text:
        raise SchemaError(f"The model refused to answer: {choice.refusal}")
    if choice.finish_reason == "content_filter":
        raise SchemaError("The server's content filter ended the answer before its JSON was complete.")
    return schema.parse(choice.text)


def corrections(schema: Schema, reply: Reply, misfit: Misfit) -> tuple[Message, ...]:
    """Return the messages that ask again after a misfit. They do not join the history."""
    wrong = Message("user", f"That does not fit: {misfit}. {schema.instruction}")
    return (Message("assistant", reply.text), wrong) if reply.text.strip() else (wrong,)


def note_ignored(misfit: Misfit, request: Request | None, base_url: str, model: str | None) -> None:
    """Remember a server that accepted `response_format` but answered in prose."""
    if isinstance(misfit, NoJson) and request is not None and FIELD in request.body:
        learn_format(base_url, model, f"{FIELD} was accepted but ignored")
