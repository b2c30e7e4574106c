"""Classify a server's error: turn a status and a body of any shape into a typed error of one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from nbchat.api.error_body import ErrorDetail, describe
from nbchat.api.keys import Key
from nbchat.api.pacing.rate_limits import RETRIED_STATUSES
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

__all__ = ["error_from", "is_temporary", "is_unsupported", "may_refuse_usage", "refused_parameter"]


def _words(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """A case-insensitive pattern, compiled on first use."""
    return lambda text: re.search(pattern, text, re.IGNORECASE)


_MODEL_CODE = _words(
    r"model_(not_(found|exist|available|open)|does_not_exist|decommissioned)|(invalid|unknown|no_such)_model"
    r"|(deployment|endpoint|or_model|model_id)_not_found"
)

# Codes and types, as normalized by `_code_words`; where several are given, the first in this order decides.
_CODES: tuple[tuple[Callable[[str], re.Match[str] | None], type[ServerError]], ...] = (
    (
        _words(
            r"insufficient_(\w+_)?(quota|balance|credit|fund)|exceeded_current_quota|billing_|overdue|arrear"
            r"|budget_exceeded|exceeded\w*_budget|payment_required|pre_consume|out_of_credit|credit_(limit|exhausted)"
        ),
        QuotaExceeded,
    ),
    (_MODEL_CODE, ModelNotFound),
    (
        _words(
            r"rate_?limit|throttl|too_many_requests|resource_exhausted|limit_requests|request_limit|(token|request)_quota"
            r"|set_limit_exceeded|quota_violation"
        ),
        RateLimited,
    ),
    (
        _words(r"context_(length|size|window)|request_too_large|tokens_limit_reached|(prompt|input)_too_long"),
        ContextTooLong,
    ),
    (
        _words(
            r"api_?key|authenticat|unauthori[sz]ed|auth_error|auth_failure|permission_(denied|error)|access_denied"
            r"|(?<!extra_)forbidden|no_db_connection|iam_token|token_(not_valid|invalid|expired)|credential"
        ),
        AuthenticationFailed,
    ),
)
_BAD_REQUEST = _words(r"invalid_(param|argument|value|input)|bad_request|unsupported|not_supported|validation")

_KEY = _words(
    r"\b(invalid|incorrect|wrong|missing|no|bad|expired|revoked|disabled|unknown|provided?|passed|valid|carry)\b[^.;]{0,40}"
    r"\b(api|secret|access|auth|virtual)?[ _-]?(key|token)\b(?! (count|limit|id))"
    r"|\b(api|secret|access|bearer|auth) ?-?(key|token)\b[^.;]{0,40}"
    r"\b(invalid|missing|incorrect|expired|not (valid|found|provided)|required|revoked|disabled|refused)\b"
    r"|\bauthenticat(e|ion)\b|\bunauth(ori[sz]ed|enticated)\b|\bauthorization header\b|\blogin fail|\bcredentials\b"
    r"|身份验证|鉴权|令牌|密钥"
)
_CONTEXT = _words(
    r"context[ _](length|size|window)|maximum context|too many tokens|prompt is too long|exceed_context|超长"
    r"|reduce the length|\binputs?\W{0,3} (tokens|length)\b.{0,60}(must|should|exceed)|range of input length"
    r"|(request|prompt|input)( body)? (is )?too (large|long)"
)
_QUOTA = _words(
    r"insufficient[ _](quota|balance|credit|fund)|(credit|account)? ?balance is (too low|insufficient)"
    r"|(no|out of|purchase( more)?|used (up )?all( available)?|have any|monthly included) credits"
    r"|credit limit exceeded|budget has been exceeded|overdue balance|account .{0,60}\bsuspended|payment required"
    r"|欠费|余额不足|额度不足|额度已用尽"
)
_CURRENT_QUOTA = _words(r"exceeded your current quota")
_MODEL = _words(
    r"model[ _]not[ _](found|exist)|(unknown|invalid|no such) model|\bmodel\b.{0,80}\b(does not|not) (exist|found)"
    r"|not a valid model|unable to access model|model is not available|not found the model|no (endpoints|models) (found|loaded)"
    r"|模型不存在|无可用渠道"
)
_IMAGES = _words(
    r"\b(image|vision|multimodal)\w*\b[^.]{0,60}(\b(not|unsupported)\b|n't\b)"
    r"|(\b(not|no|0)\b|n't\b)[^.]{0,60}\b(image|vision|multimodal)"
)
_UNSUPPORTED = _words(
    r"unsupported|\bnot (\w+ )?support|n't support|unknown|unrecogni[sz]ed|deprecated|no longer|only the default"
    r"|\bnot (allowed|permitted|accepted|available|recogni[sz]ed)|extra (inputs|fields)|extra_forbidden|unexpected"
    r"|invalid option"
)
_REFUSAL = _words(
    r"unsupported|\bnot (\w+ )?support|n't support|\brequires\b|\b(is|are) required\b"
    r"|\b(must|should) (be|have|contain)\b|\bnot (allowed|permitted)"
    r"|\binvalid\b|\bunexpected (keyword|field|argument|param)|\b(unknown|unrecogni[sz]ed) (field|param|arg|model)"
    r"|failed to parse|validation error|not a multimodal"
)
_PASSING = _words(
    r"overload|try again|retry|temporar|time[d-]? ?out|unavailable|loading|busy|capacity|connection|upstream"
)
_WRONG_VALUE = _words(
    r"\b(between|at (most|least)|(less|greater|smaller|larger|higher|lower) than|maximum|minimum|above|below|exceeds?"
    r"|range|too (large|small|big|long|many|high|low)|(must|should) be|expected|invalid (value|type))\b"
)
_UNKNOWN_FIELD = _words(
    r"(unknown|unrecogni[sz]ed|unexpected|unsupported|extra|additional)[ _](\w+ )?(field|param|arg|prop|input|key)"
    r"|^\W*(http )?(400|422)?\W*(bad request|unprocessable entity|invalid request)\W*$"
)
_QUOTED = re.compile(r"`[^`]{1,200}`|\"[^\"]{1,200}\"|(?<!\w)'[^']{1,200}'(?!\w)")


def refused_parameter(detail: ErrorDetail, sent: Mapping[str, Any]) -> str | None:
    """The wire name of the sent parameter that this error is about, or None.

    Taken from the body's `param` if it has one (`stream_options.include_usage` counts as `stream_options`), else from a
    parameter's name in the message, also as `presencePenalty`.
    """
    candidates = [name for name in sent if name not in ("messages", "model", "stream")]
    if detail.param:
        name = re.split(r"[.\[]", detail.param.removeprefix("body."))[0]
        return name if name in candidates else None
    named = [name for name in candidates if _names(name, detail.message)]
    if not named and "include_usage" in detail.message and "stream_options" in candidates:
        return "stream_options"
    return max(named, key=len) if named else None


def _names(parameter: str, message: str) -> bool:
    first, *rest = parameter.split("_")
    spellings = {parameter, first + "".join(map(str.capitalize, rest))}
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", message) for name in spellings)


def is_unsupported(detail: ErrorDetail) -> bool:
    """Whether a parameter is refused whatever its value: the message says so, or merely names it."""
    if _WRONG_VALUE(detail.words):
        return False
    return bool(detail.param or _UNSUPPORTED(detail.words))


def may_refuse_usage(status: int, detail: ErrorDetail, sent: Mapping[str, Any]) -> bool:
    """Whether the request for a usage count may be refused: named, or an unknown field without a name."""
    if "stream_options" not in sent or status not in (400, 422, 500):
        return False
    if detail.param or refused_parameter(detail, sent):
        return refused_parameter(detail, sent) == "stream_options"
    return status != 500 and bool(not detail.message or _UNKNOWN_FIELD(detail.message))


def is_temporary(status: int, detail: ErrorDetail, error: ServerError) -> bool:
    """Whether a retry may succeed; a refusal with status 500 never does."""
    if status not in RETRIED_STATUSES or error.is_final:
        return False
    return status != 500 or not _is_refusal(detail)


def _is_refusal(detail: ErrorDetail) -> bool:
    """Whether an error under a status of 500 is about the request itself, by the body's status and codes first."""
    if detail.status is not None and detail.status != 500:
        return detail.status not in RETRIED_STATUSES
    if _BAD_REQUEST(_code_words(detail)):
        return True
    return bool((_REFUSAL(detail.message) or _IMAGES(detail.message)) and not _PASSING(detail.message))


def error_from(
    status: int | None,
    body: object,
    *,
    server: str,
    sent: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    key: Key | None = None,
    key_env: str | None = None,
    known: bool = False,
) -> ServerError:
    """Return the typed error for a status (None = inside a stream) and a body; `server` is the server's name.

    The status and the body's codes decide; its message only if they don't. The key is masked in the message before
    anything else reads it. `key_env` is the variable that would hold the key; `known`: the address has answered before,
    so it is not the cause.
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
        retry_after=detail.retry_after if retry_after is None else retry_after,
    )
    quoted = f": {detail.message}" if detail.message else ""
    sentence = f"{server} answered {'with an error' if status in (None, 200) else f'HTTP {status}'}{quoted}"
    if not sentence.endswith((".", "!", "?", "…", "。")):
        sentence += "."
    advice = _advice(error, detail, sent, key, key_env, known=known)
    error.args = (f"{sentence} {advice}".rstrip(),)
    return error


def _code_words(detail: ErrorDetail) -> str:
    """Join the codes and types in one normalized text: `DeploymentNotFound` becomes `deployment_not_found`."""
    words = (re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word) for word in detail.kinds)
    return " ".join(re.sub(r"[\W_]+", "_", word).lower() for word in words)


def _kind(status: int | None, detail: ErrorDetail, sent: Mapping[str, Any]) -> type[ServerError]:
    if status in (None, 200, 500) and detail.status is not None:
        status = detail.status
    codes = _code_words(detail)
    coded = next((kind for matches, kind in _CODES if matches(codes)), None)
    if status == 402 or coded is QuotaExceeded:
        return QuotaExceeded
    if status == 413:
        return ContextTooLong
    words = _QUOTED.sub(" ", detail.message)
    if status == 429:
        return QuotaExceeded if coded is None and _QUOTA(words) else RateLimited
    if coded is not None:
        return coded
    if status in (401, 403):
        return QuotaExceeded if _QUOTA(words) else AuthenticationFailed
    if status in (404, 405, 410):
        return ModelNotFound
    return _kind_by_words(status, detail, words, sent)


def _kind_by_words(status: int | None, detail: ErrorDetail, words: str, sent: Mapping[str, Any]) -> type[ServerError]:
    """Classify by the message, where status and codes don't decide. Quoted text is the user's own and was removed."""
    vague = status in (400, 422, 500, None, 200)
    if (vague or status == 412) and (_QUOTA(words) or _CURRENT_QUOTA(words)):
        return QuotaExceeded
    if status is None and re.search(r"rate.?limit", words, re.IGNORECASE):
        return RateLimited
    if _CONTEXT(detail.message):
        return ContextTooLong
    if vague and detail.param and refused_parameter(detail, sent):
        return ParameterRefused
    if vague and _KEY(words):
        return AuthenticationFailed
    if (vague or status == 503) and _MODEL(words):
        return ModelNotFound
    return ParameterRefused if vague and refused_parameter(detail, sent) else ServerError


def _advice(
    error: ServerError,
    detail: ErrorDetail,
    sent: Mapping[str, Any],
    key: Key | None,
    key_env: str | None,
    *,
    known: bool,
) -> str:
    """Return what to do next; empty = unknown."""
    match error:
        case QuotaExceeded():
            return "The account behind the key has no credit left: top it up, or give another key with %chat key."
        case RateLimited():
            wait = "a moment" if error.retry_after is None else f"{error.retry_after:.0f} s"
            return f"Wait {wait}, or send less at once."
        case ContextTooLong():
            return "Shorten the message, or leave out earlier turns with %chat undo or --once."
        case AuthenticationFailed():
            return _key_advice(error, detail, key, key_env)
        case ModelNotFound():
            return _model_advice(detail, sent, known=known)
        case ParameterRefused():
            unset = f" (%chat set {error.param}=none)" if error.param in PARAMETERS else ""
            return f"Leave it unset{unset}." if is_unsupported(detail) else f"Give another value, or unset it{unset}."
    if _IMAGES(detail.message):
        return "Leave the images out, or choose a model that takes them."
    if error.status == 407:
        return "A proxy asks for a login: give it in HTTPS_PROXY, as http://user:password@host:port."
    if error.status is not None and 300 <= error.status < 400:
        return "The address redirects: give the base URL that it leads to."
    is_temporary = error.status is not None and error.status >= 500 and (error.status != 500 or not _is_refusal(detail))
    return "Try again later." if is_temporary else ""


def _key_advice(error: ServerError, detail: ErrorDetail, key: Key | None, key_env: str | None) -> str:
    if error.status == 403 and detail.is_page:
        return "A gateway before the server refused it: a proxy, a VPN or a firewall may be why."
    if key is None and key_env:
        return f"No key was sent: set {key_env}, or use %chat key."
    if key is None:
        return "No key was sent: set one with %chat key, or in the endpoint's variable."
    if error.status == 403 and not _KEY(detail.message) and "key" not in _code_words(detail):
        return "The key lacks permission: ask for access, or choose another model or server."
    return "Set the right key with %chat key, or in the endpoint's variable."


def _model_advice(detail: ErrorDetail, sent: Mapping[str, Any], *, known: bool) -> str:
    if _IMAGES(detail.message):
        return "Leave the images out, or choose a model that takes them."
    model = sent.get("model", "the model")
    named = _MODEL(detail.message) or _MODEL_CODE(_code_words(detail)) or (model and str(model) in detail.message)
    if known or named:
        return f"Is {model!r} one of %chat models?"
    return f"Is {model!r} one of %chat models, and the base URL the API's (often ending in /v1)?"
