"""Rate limits reported by a server."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["RateLimits"]


class RateLimits(Struct, frozen=True):
    """Limits from the response headers; None = not reported. `reset_*`: seconds until the limit is fully restored."""

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None
