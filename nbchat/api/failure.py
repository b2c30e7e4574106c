"""What a server's error means: bodies of every shape seen, to one typed error with one sentence."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nbchat.api.keys import Key
from nbchat.api.textflow import paired
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

__all__ = ["ErrorDetail", "describe", "error_from", "is_unsupported", "may_refuse_usage", "refused_parameter"]

LONGEST_QUOTE = 300
"""Characters of a server's own words that an error quotes."""

MOST_NESTED = 20
"""Levels of an error body that are looked at."""


def _words(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """A search in any case; compiled when it is first needed, which is when something fails."""
    return lambda text: re.search(pattern, text, re.IGNORECASE)


_KEY = _words(r"api[ _-]?key|\bauth(entication|orization)?\b|credential|bearer|unauthorized")
_CONTEXT = _words(
    r"context[ _](length|size|window)|maximum context|too many tokens|prompt is too long|exceed_context"
    r"|reduce the length"
)
_QUOTA = _words(r"insufficient[ _](quota|balance|credit|funds)|exceeded your current quota|billing|payment")
_MODEL = _words(
    r"model[ _]not[ _](found|exist)|(unknown|invalid|no such) model|\bmodel\b.{0,80}\b(does not|not) (exist|found)"
)
_UNSUPPORTED = _words(
    r"unsupported|\bnot (\w+ )?support|n't support|unknown|unrecogni[sz]ed|deprecated|no longer|only the default"
    r"|\bnot (allowed|permitted|accepted|available|recogni[sz]ed)|extra (inputs|fields)|extra_forbidden|unexpected"
    r"|invalid option"
)
_WRONG_VALUE = _words(
    r"\b(between|at (most|least)|(less|greater|smaller|larger|higher|lower) than|maximum|minimum|above|below|exceeds?"
    r"|range|too (large|small|big|long|many|high|low)|(must|should) be|expected|invalid (value|type))\b"
)
_UNKNOWN_FIELD = _words(
    r"(unknown|unrecogni[sz]ed|unexpected|unsupported|extra|additional)[ _](\w+ )?(field|param|arg|prop|input|key)"
    r"|^\W*(http )?(400|422)?\W*(bad request|unprocessable entity|invalid request)\W*$"
)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What an error body said, each on one line. Empty `message` = nothing usable; None = not said."""

    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | None = None

    @property
    def words(self) -> str:
        """All that tells what kind of error it is."""
        return f"{self.code or ''} {self.type or ''} {self.message}"


def describe(body: object, key: Key | None = None) -> ErrorDetail:
    """The detail in a body: bytes, text, or decoded JSON of any shape. The key is masked in it.

    `{error: {message, type, param, code}}`, `{error: "…"}`, `{detail: "…"}`, `{detail: [{loc, msg}]}`,
    `{type: "error", error: {…}}`, `{message: "…"}`, `[{error: …}]`, plain text, HTML (its title).
    """
    if isinstance(body, ErrorDetail):
        return body
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    return _described(_redacted(_decoded(body) if isinstance(body, str) else body, key))


def _decoded(text: str) -> object:
    """The JSON of a text where it is an object or a list; a page's title; else the text itself."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, (dict, list)):
        return body
    start = text[:2000].lower()
    if "<html" in start or start.lstrip().startswith("<!doctype"):
        title = re.search(r"<(title|h1)[^>]{0,500}>([^<]{1,500})</", text[:20_000], re.IGNORECASE)
        return html.unescape(title[2]) if title else ""
    return text


def _redacted(body: Any, key: Key | None, depth: int = 0) -> Any:
    """The body with the key masked in every text, and nothing of what lies too deep."""
    if isinstance(body, str):
        return key.redact(body) if key is not None else body
    if depth > MOST_NESTED:
        return None
    if isinstance(body, Mapping):
        return {_redacted(str(name), key): _redacted(value, key, depth + 1) for name, value in body.items()}
    return [_redacted(item, key, depth + 1) for item in body] if isinstance(body, list) else body


def _described(body: object) -> ErrorDetail:
    match body:
        case str():
            return ErrorDetail(_one_line(body))
        case [first, *_]:
            return _described(first)
        case {"error": Mapping() as error} if error:
            return _described_object(error)
        case {"error": error, **rest} if error:
            return ErrorDetail(_one_line(error), code=_word(rest.get("code")))
        case {"detail": [*items]}:
            return _described_validation(items)
        case {"detail": Mapping() as detail} if detail:
            return _described(detail)
        case Mapping():
            return _described_object(body)
    return ErrorDetail()


def _described_object(error: Mapping[str, Any]) -> ErrorDetail:
    names = ("message", "msg", "detail", "error_description", "error")
    message = next((error[name] for name in names if error.get(name)), "")
    code = _word(error.get("code", error.get("err_code")))
    return ErrorDetail(_one_line(message), _word(error.get("type")), _word(error.get("param")), code)


def _described_validation(items: list[Any]) -> ErrorDetail:
    """FastAPI's list of `{loc: ["body", field, …], msg}`."""
    first = items[0] if items and isinstance(items[0], Mapping) else {}
    loc = first.get("loc")
    where = [str(step) for step in loc if step != "body"] if isinstance(loc, list) else []
    message = _one_line(first.get("msg") or (items[0] if items else ""))
    return ErrorDetail(
        _one_line(f"{'.'.join(where)}: {message}") if where else message,
        _word(first.get("type")),
        _word(where[0]) if where else None,
    )


def _word(value: object) -> str | None:
    known = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
    return _one_line(value) if known else None


def _one_line(value: object) -> str:
    """A text, or any JSON, on one line that is not too long and moves no cursor."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(_UNPRINTABLE.sub(" ", paired(text[: 20 * LONGEST_QUOTE])).split())
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


def is_unsupported(detail: ErrorDetail) -> bool:
    """Whether a parameter is refused whatever its value: the server's words say so, or just point at it."""
    if _WRONG_VALUE(detail.words):
        return False
    return bool(detail.param or _UNSUPPORTED(detail.words))


def may_refuse_usage(status: int, detail: ErrorDetail, sent: Mapping[str, Any]) -> bool:
    """Whether it may be the wish for a usage count that is refused: named, or an unknown field that is not named."""
    if "stream_options" not in sent or status not in (400, 422, 500):
        return False
    if detail.param or refused_parameter(detail, sent):
        return refused_parameter(detail, sent) == "stream_options"
    return status != 500 and bool(not detail.message or _UNKNOWN_FIELD(detail.message))


def error_from(
    status: int | None,
    body: object,
    *,
    server: str,
    sent: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    key: Key | None = None,
) -> ServerError:
    """The typed error of a status (None = it came inside a stream) and a body; `server` names who said it.

    By the status first, but a wrong key may be a 400 and a bad request a 500, so the words count too. The key is
    masked in the server's words before anything else sees them.
    """
    sent = sent or {}
    detail = describe(body, key)
    kind = _kind(status, detail, sent)
    error = kind(
        "",
        status=status,
        code=detail.code or detail.type,
        param=refused_parameter(detail, sent) if kind is ParameterRefused else detail.param,
        request_id=request_id,
        retry_after=retry_after,
    )
    said = f": {detail.message}" if detail.message else ""
    sentence = f"{server} answered {'with an error' if status in (None, 200) else f'HTTP {status}'}{said}"
    if not sentence.endswith((".", "!", "?", "…")):
        sentence += "."
    error.args = (f"{sentence} {_advice(error, detail, sent, key)}".rstrip(),)
    return error


def _kind(status: int | None, detail: ErrorDetail, sent: Mapping[str, Any]) -> type[ServerError]:
    words = detail.words
    vague = status in (400, 422, 500, None)  # statuses that say little: the words decide
    if status == 402 or (status in (400, 403, 429, None) and _QUOTA(words)):
        return QuotaExceeded
    if status == 429 or "rate_limit" in words:
        return RateLimited
    if status == 413 or _CONTEXT(words):
        return ContextTooLong
    if vague and detail.param and refused_parameter(detail, sent):
        return ParameterRefused
    if status in (401, 403) or (status in (400, None) and _KEY(words)):
        return AuthenticationFailed
    if status in (404, 405) or ((vague or status == 503) and _MODEL(words)):
        return ModelNotFound
    return ParameterRefused if vague and refused_parameter(detail, sent) else ServerError


def _advice(error: ServerError, detail: ErrorDetail, sent: Mapping[str, Any], key: Key | None) -> str:
    """What to do next; empty where nobody knows."""
    match error:
        case QuotaExceeded():
            return "The account behind the key has no credit left: top it up, or give another key with %chat key."
        case RateLimited():
            wait = "a moment" if error.retry_after is None else f"{error.retry_after:.0f} s"
            return f"Wait {wait}, or ask for less at once."
        case ContextTooLong():
            return "Shorten the message, or leave out earlier turns with %chat undo or --once."
        case AuthenticationFailed():
            start = "No key was sent: set one" if key is None else "Set the right key"
            return f"{start} with %chat key, or in the endpoint's variable."
        case ModelNotFound():
            model = sent.get("model", "the model")
            return f"Is {model!r} one of %chat models, and the base URL the API's (often ending in /v1)?"
        case ParameterRefused():
            unset = f" (%chat set {error.param}=none)" if error.param in PARAMETERS else ""
            return f"Leave it unset{unset}." if is_unsupported(detail) else f"Give another value, or unset it{unset}."
    if error.status is not None and 300 <= error.status < 400:
        return "The address redirects: give the base URL that it leads to."
    return "Try again later." if error.status is not None and error.status >= 500 else ""
