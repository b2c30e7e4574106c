"""What a server's error body means: bodies of every shape seen, to one typed error with one sentence."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nbchat.values.errors import (
    AuthenticationFailed,
    ContextTooLong,
    ModelNotFound,
    ParameterRefused,
    QuotaExceeded,
    RateLimited,
    ServerError,
)
from nbchat.values.params import PARAMETERS

__all__ = ["ErrorDetail", "describe", "error_from", "refused_parameter"]

LONGEST_QUOTE = 300
"""Characters of a server's own words that an error quotes."""

MOST_NESTED = 20
"""Levels of an error body that are looked at."""

_KEY_WORDS = re.compile(r"api[ _-]?key|\bauth(entication|orization)?\b|credential|bearer|unauthorized", re.IGNORECASE)
_CONTEXT_WORDS = re.compile(
    r"context[ _](length|size|window)|maximum context|too many tokens|prompt is too long|exceed_context"
    r"|reduce the length",
    re.IGNORECASE,
)
_QUOTA_WORDS = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|exceeded your current quota|billing|payment", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What an error body said. Empty `message` = nothing usable; None = not said."""

    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | None = None


def describe(body: object) -> ErrorDetail:
    """The detail in a decoded body: an object, a list of one, a bare string, or anything else.

    `{error: {message, type, param, code}}`, `{error: "…"}`, `{detail: "…"}`, `{detail: [{loc, msg}]}`,
    `{type: "error", error: {…}}`, `{message: "…"}`, `[{error: …}]`, plain text, HTML.
    """
    match body:
        case bytes():
            return _describe_text(body.decode("utf-8", "replace"))
        case str():
            return _describe_text(body)
        case [first, *_]:
            return describe(first)
        case {"error": Mapping() as error}:
            return _describe_object(error)
        case {"error": inner, **rest} if inner:
            return ErrorDetail(
                _clip(inner if isinstance(inner, str) else json.dumps(inner)), code=_word(rest.get("code"))
            )
        case {"detail": [*items]}:
            return _describe_validation(items)
        case {"detail": detail} if detail:
            return describe(detail) if isinstance(detail, Mapping) else ErrorDetail(_clip(str(detail)))
        case Mapping():
            return _describe_object(body)
    return ErrorDetail()


def _describe_text(text: str) -> ErrorDetail:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, (Mapping, list)):
        return describe(body)
    if "<html" in text[:2000].lower() or text.lstrip().lower().startswith("<!doctype"):
        title = re.search(r"<(title|h1)[^>]*>([^<]{1,500})</", text[:20_000], re.IGNORECASE)
        return ErrorDetail(_clip(html.unescape(title[2])) if title else "")
    return ErrorDetail(_clip(text))


def _describe_object(error: Mapping[str, Any]) -> ErrorDetail:
    message = next((error[key] for key in ("message", "msg", "detail", "error_description") if error.get(key)), "")
    if not isinstance(message, str):
        message = json.dumps(message, default=str)
    return ErrorDetail(
        _clip(message),
        _word(error.get("type")),
        _word(error.get("param")),
        _word(error.get("code", error.get("err_code"))),
    )


def _describe_validation(items: list[Any]) -> ErrorDetail:
    """FastAPI's list of `{loc: ["body", field, …], msg}`."""
    first = items[0] if items and isinstance(items[0], Mapping) else {}
    where = [str(step) for step in first.get("loc", ()) if step != "body"]
    message = first.get("msg") or (str(items[0]) if items else "")
    return ErrorDetail(
        _clip(f"{'.'.join(where)}: {message}" if where else str(message)), param=where[0] if where else None
    )


def _word(value: object) -> str | None:
    return _clip(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None


def _clip(text: str) -> str:
    text = " ".join(text[: 20 * LONGEST_QUOTE].split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def refused_parameter(detail: ErrorDetail, sent: Mapping[str, Any]) -> str | None:
    """The wire name of the sent parameter that this error is about, or None.

    By the body's `param` where it has one (`stream_options.include_usage` counts as `stream_options`), else by the
    name's standing as a word in the message.
    """
    candidates = [name for name in sent if name not in ("messages", "model", "stream")]
    if detail.param:
        name = re.split(r"[.\[]", detail.param.removeprefix("body."))[0]
        return name if name in candidates else None
    named = [name for name in candidates if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", detail.message)]
    if not named and "include_usage" in detail.message and "stream_options" in candidates:
        return "stream_options"
    return max(named, key=len) if named else None


def error_from(
    status: int | None,
    body: object,
    *,
    server: str,
    sent: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    redact: Callable[[str], str] = str,
) -> ServerError:
    """The typed error of a status (None = it came inside a stream) and a body; `server` names who said it.

    By the status first, but a wrong key may be a 400 and a bad request a 500, so the words count too. `redact` takes
    secrets out of the server's words before anything else sees them.
    """
    sent = sent or {}
    detail = describe(_redacted(body, redact))
    kind, advice = _kind(status, detail, sent)
    param = refused_parameter(detail, sent) if kind is ParameterRefused else detail.param
    said = f": {detail.message}" if detail.message else ""
    http = f"HTTP {status}" if status is not None and status != 200 else "with an error"
    sentence = f"{server} answered {http}{said}"
    if not sentence.endswith((".", "!", "?", "…")):
        sentence += "."
    return kind(
        f"{sentence} {advice(sent, param)}".rstrip(),
        status=status,
        code=detail.code or detail.type,
        param=param,
        request_id=request_id,
        retry_after=retry_after,
    )


def _redacted(body: Any, redact: Callable[[str], str], depth: int = 0) -> Any:
    if isinstance(body, bytes):
        return redact(body.decode("utf-8", "replace"))
    if isinstance(body, str):
        return redact(body)
    if depth > MOST_NESTED:
        return None
    if isinstance(body, Mapping):
        return {redact(str(key)): _redacted(value, redact, depth + 1) for key, value in body.items()}
    return [_redacted(item, redact, depth + 1) for item in body] if isinstance(body, list) else body


def _kind(status: int | None, detail: ErrorDetail, sent: Mapping[str, Any]) -> tuple[type[ServerError], Any]:
    words = f"{detail.code or ''} {detail.type or ''} {detail.message}"
    if status == 402 or (status in (429, 403, 400, None) and _QUOTA_WORDS.search(words)):
        return QuotaExceeded, lambda *_: "The account behind the key has no credit left."
    if status == 429 or "rate_limit" in words:
        return RateLimited, lambda *_: "Wait, or ask for less at once."
    if _CONTEXT_WORDS.search(words):
        return ContextTooLong, lambda *_: "Shorten the prompt, or drop earlier turns with %chat undo or --once."
    if status in (401, 403) or (status in (400, None) and _KEY_WORDS.search(words)):
        return AuthenticationFailed, lambda *_: "Set the right key with %chat key, or in the endpoint's variable."
    if status in (404, 405):
        return ModelNotFound, _advice_not_found
    if status in (400, 422, 500, None) and refused_parameter(detail, sent):
        return ParameterRefused, lambda _sent, param: f"Change it, or leave it unset{_how_to_unset(param)}."
    return ServerError, lambda *_: "Try again later." if status is not None and status >= 500 else ""


def _advice_not_found(sent: Mapping[str, Any], _param: str | None) -> str:
    return (
        f"Is {sent.get('model', 'the model')!r} one of %chat models, and the base URL the API's (often ending in /v1)?"
    )


def _how_to_unset(param: str | None) -> str:
    return f" (%chat set {param}=none)" if param in PARAMETERS else ""
