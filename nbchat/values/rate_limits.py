"""What a server says of its rate limits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RateLimits"]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Limits as a reply's headers told them; None = not said. `reset_*`: seconds from then until the limit is whole."""

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None
