"""Rate headers and waiting: what a response says of its limits and of when to come again. Pure."""

from __future__ import annotations

import datetime
import email.utils
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nbchat.values.limits import RateLimits

__all__ = ["RETRIED_STATUSES", "RetryPolicy", "rate_limits", "retry_after"]

RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 529})

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_FAMILIES = ("x-ratelimit-{what}-{of}", "anthropic-ratelimit-{of}-{what}", "ratelimit-{what}-{of}")
_BARE = ("x-ratelimit-{what}", "ratelimit-{what}")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to send a request again of which nothing had come back.

    The wait before try k+1 is `first * 2**(k-1)` seconds, at most `longest`, lengthened by up to a quarter by chance
    (only lengthened: many clients hear the same wish at once). A server's own wish is obeyed instead, unless it is
    longer than `patience`: then nothing is tried again.
    """

    tries: int = 5
    first: float = 0.5
    longest: float = 8.0
    patience: float = 60.0

    def wait(self, attempt: int, wished: float | None = None) -> float | None:
        """Seconds to wait after try number `attempt` failed; None = give up."""
        if attempt >= self.tries or (wished is not None and wished > self.patience):
            return None
        planned = min(self.first * 2 ** (attempt - 1), self.longest) if wished is None else wished
        return planned * (1 + random.random() / 4)  # noqa: S311  # jitter, not a secret


def retry_after(headers: Mapping[str, str], now: datetime.datetime | None = None) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date. None = no word."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return max(0.0, seconds)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - (now or datetime.datetime.now(datetime.UTC))).total_seconds())


def rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """The limits that these headers tell; None = none of the known kinds is there."""
    found: dict[str, float] = {}
    for of in ("requests", "tokens"):
        for what in ("limit", "remaining", "reset"):
            patterns = _FAMILIES if of == "tokens" else (*_FAMILIES, *_BARE)
            for pattern in patterns:
                value = headers.get(pattern.format(what=what, of=of))
                amount = None if value is None else _reset(value) if what == "reset" else _number(value)
                if amount is not None:
                    found.setdefault(f"{what}_{of}", amount)
    if not found:
        return None
    return RateLimits(**{key: value if key.startswith("reset") else int(value) for key, value in found.items()})  # type: ignore[arg-type]  # ints but for the resets


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e12 else (0.0 if number < 0 else None)


def _reset(text: str) -> float | None:
    """`6m0s`, `1.5s`, `20ms`, seconds, an ISO time, or (in some servers) an epoch time."""
    number = _number(text)
    now = datetime.datetime.now(datetime.UTC)
    if number is not None:
        return max(0.0, number - now.timestamp()) if number > 1e9 else number
    if (match := _DURATION.fullmatch(text.strip())) and any(match.groups()):
        days, hours, minutes, seconds, milliseconds = (float(group or 0) for group in match.groups())
        return days * 86_400 + hours * 3_600 + minutes * 60 + seconds + milliseconds / 1_000
    try:
        when = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=datetime.UTC)) - now).total_seconds())
