"""Rate-limit headers and retry delays."""

from __future__ import annotations

import datetime
import email.utils
import random
import re
from collections.abc import Mapping

from msgspec import Struct

from nbchat.values.answer.usage import RateLimits

__all__ = [
    "RETRIED_STATUSES",
    "TOO_MANY_STATUSES",
    "RetryPolicy",
    "delay_in_limits",
    "delay_in_message",
    "rate_limits",
    "retry_after",
]

RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, *range(520, 531), 599})

TOO_MANY_STATUSES = frozenset({429, 503, 529})
"""Statuses that mean too many requests."""

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|[dhms])"
_FAMILIES = ("x-ratelimit-{what}-{of}", "anthropic-ratelimit-{of}-{what}", "ratelimit-{what}-{of}")
_BARE = ("x-ratelimit-{what}", "ratelimit-{what}")

_WORDED = r"[0-9]{1,9}(?:\.[0-9]{1,9})?\s{0,2}(?:milliseconds?|ms|minutes?|mins?|m|seconds?|secs?|s|hours?|hrs?|h|days?|d)(?![a-z])"
_WISH = (
    r"\b(?:try(?:ing)? again|retry(?:ing)?|wait(?:ing)?)\b[^0-9.]{0,40}?\b(?:in|after|for|at least|another)?\s{0,2}"
    rf"(?P<duration>{_WORDED}(?:(?:,? and|,)?\s{{0,2}}{_WORDED}){{0,3}})"
)
_AMOUNT = r"(?i)([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)"
_SHORT = {"ms": "ms", "mil": "ms"}


class RetryPolicy(Struct, frozen=True):
    """When to retry a request that got no answer.

    The wait before try k+1 is `first * 2**(k-1)` seconds, at most `longest`, plus a random extra of up to a quarter,
    because many clients may be told to wait at the same moment. A server's own delay takes precedence, unless it exceeds
    `patience`: then there is no retry.
    """

    tries: int = 5
    first: float = 0.5
    longest: float = 8.0
    patience: float = 60.0

    def wait(self, attempt: int, asked_delay: float | None = None) -> float | None:
        """Return the seconds to wait after try number `attempt` failed; None = give up."""
        if attempt >= self.tries or (asked_delay is not None and asked_delay > self.patience):
            return None
        planned = min(self.first * 2 ** (attempt - 1), self.longest) if asked_delay is None else asked_delay
        return planned * (1 + random.random() / 4)


def retry_after(headers: Mapping[str, str], now: datetime.datetime | None = None) -> float | None:
    """Return the requested delay in seconds: `retry-after-ms`, or `retry-after` in seconds or as a date; None = not given."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    return seconds if seconds is not None else _until_http_date(text, now or datetime.datetime.now(datetime.UTC))


def delay_in_message(message: str) -> float | None:
    """Return the delay in a refusal's message, in seconds: `Please try again in 6m0.5s`; None = not given."""
    if (found := re.search(_WISH, message[:2000], re.IGNORECASE)) is None:
        return None
    amounts = re.findall(_AMOUNT, found["duration"])
    return sum(float(amount) * _UNITS[_SHORT.get(unit.lower()[:3], unit[:1].lower())] for amount, unit in amounts)


def delay_in_limits(reported: RateLimits | None) -> float | None:
    """Return the seconds until the limit is restored that may have refused a request; None = unknown."""
    if reported is None:
        return None
    pairs = (reported.remaining_requests, reported.reset_requests), (reported.remaining_tokens, reported.reset_tokens)
    spent = [reset for left, reset in pairs if reset is not None and left == 0]
    vague = [reset for left, reset in pairs if reset is not None and left is None]
    return max(spent) if spent else min(vague, default=None)


def rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """Return the limits in these headers; None = none of a known kind."""
    if not any("ratelimit" in name for name in headers):
        return None
    found: dict[str, float] = {}
    for of in ("requests", "tokens"):
        for what in ("limit", "remaining", "reset"):
            patterns = _FAMILIES if of == "tokens" else (*_FAMILIES, *_BARE)
            for pattern in patterns:
                value = headers.get(pattern.format(what=what, of=of))
                if value is None or (what == "remaining" and value.lstrip().startswith("-")):
                    continue  # some gateways write -1 for "no limit"
                amount = _reset(value) if what == "reset" else _number(value)
                if amount is not None:
                    found.setdefault(f"{what}_{of}", amount)
    if not found:
        return None
    return RateLimits(**{key: value if key.startswith("reset") else int(value) for key, value in found.items()})  # type: ignore[arg-type]  # ints but for the resets


def _number(text: str | None) -> float | None:
    """Parse a number (negative = 0), alone or followed by `;` or `,` and more."""
    try:
        number = float(re.split("[;,]", text or "", maxsplit=1)[0])
    except ValueError:
        return None
    return max(0.0, number) if -1e12 < number < 1e12 else None


def _reset(text: str) -> float | None:
    """Parse `6m0s`, `1.5s`, `20ms`, seconds, an ISO or HTTP date, or (from some servers) an epoch time."""
    now = datetime.datetime.now(datetime.UTC)
    number = _number(text)
    if number is not None:
        return max(0.0, number - now.timestamp()) if number > 1e9 else number
    text = text.strip()
    if re.fullmatch(f"({_PART})+", text):
        return sum(float(amount) * _UNITS[unit] for amount, unit in re.findall(_PART, text))
    try:
        return _seconds_until(datetime.datetime.fromisoformat(text), now)
    except ValueError:
        return _until_http_date(text, now)


def _until_http_date(text: str, now: datetime.datetime) -> float | None:
    try:
        return _seconds_until(email.utils.parsedate_to_datetime(text), now)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _seconds_until(when: datetime.datetime, now: datetime.datetime) -> float:
    """Return the seconds until a time, at least 0; without a zone it is in UTC."""
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=datetime.UTC)) - now).total_seconds())
