"""Recognize errors in answers with status 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["failure_in", "has_detail", "remark_in"]

FINE_CODES = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null"})
"""Codes that also occur in successful answers, in lower case."""

BAD_WORDS = frozenset({"error", "fail", "failed", "failure"})
FIRST_BAD_STATUS = 400

CODE_NAMES = ("status_code", "error_code", "err_code", "errcode", "code", "status", "ret")
WORD_NAMES = (
    "status_msg",
    "error_msg",
    "err_msg",
    "errmsg",
    "error_message",
    "errorMessage",
    "message",
    "msg",
    "Message",
)
"""Fields for an error's code and message, if there is no `error`."""

ERROR_NAMES = ("errors", "fault", "Error", "exception", "error_msg", "error_message", "errorMessage", "errmsg")
"""Fields that only errors have."""

HOLDERS = ("base_resp", "header", "response", "result", "data", "meta")
"""Objects that may hold code and message."""


def failure_in(payload: Any, kind: bytes) -> object:
    """Return the error in a payload, for `error_from`; None = no error.

    `kind` is the type of its event. A non-empty `error` always counts; other signs count only if there are no choices.
    """
    if not isinstance(payload, dict):
        return str(payload) if kind == b"error" else None
    if payload.get("error"):
        return payload
    choices = payload.get("choices")
    if isinstance(choices, list) and choices:
        return _of_choices(choices)
    if kind == b"error" or "error" in (payload.get("object"), payload.get("type")):
        return payload if "choices" not in payload else None
    return _failure_by_signs(payload)


def remark_in(payload: Any) -> object:
    """Return a payload that holds only a message from the server, for `error_from`; None = any other payload.

    Whether it is an error depends on what follows: "queue position 3", "The model crashed.".
    """
    if isinstance(payload, str) and payload.strip():
        return {"error": {"message": payload}}
    if not isinstance(payload, dict) or payload.get("choices") is not None or payload.get("usage"):
        return None
    if payload.get("detail"):
        return payload
    if any(name in payload and not _is_bad(name, payload[name]) for name in CODE_NAMES if name != "status"):
        return None
    words = _first_words(payload)
    return None if words is None else {"error": {"message": words}}


def has_detail(remark: object) -> bool:
    """Whether a remark has the form of FastAPI's errors, `{"detail": …}`."""
    return isinstance(remark, dict) and "detail" in remark


def _of_choices(choices: list[Any]) -> object:
    """OpenRouter reports a failing model inside the choice."""
    for choice in choices:
        if isinstance(choice, dict) and choice.get("error"):
            return {"error": choice["error"]}
    return None


def _failure_by_signs(payload: Mapping[str, Any]) -> object:
    if any(payload.get(name) for name in ERROR_NAMES):
        return payload if "choices" not in payload else _words(payload) or payload
    if payload.get("success") is False and "choices" not in payload:
        return payload
    holders = (payload, *(inner for name in HOLDERS if isinstance(inner := payload.get(name), Mapping)))
    return next((words for holder in holders if (words := _words(holder))), None)


def _words(holder: Mapping[str, Any]) -> object:
    """Return code and message as an `error`; None if there is no error code or no message."""
    code = next((holder[name] for name in CODE_NAMES if _is_bad(name, holder.get(name))), None)
    words = _first_words(holder)
    if words is None or code is None:
        return None
    return {"error": {"message": words, "code": code}}


def _first_words(holder: Mapping[str, Any]) -> str | None:
    return next((holder[name] for name in WORD_NAMES if isinstance(holder.get(name), str) and holder[name]), None)


def _is_bad(name: str, code: object) -> bool:
    """Whether a code means an error. A `status` may mean something else ("queued")."""
    if isinstance(code, bool):
        return False
    if isinstance(code, (int, float)):
        return code >= FIRST_BAD_STATUS if name == "status" else code not in (0, 200)
    word = code.strip().lower() if isinstance(code, str) else ""
    return word in BAD_WORDS if name == "status" else word not in FINE_CODES
