"""One request to make: endpoint, body and timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from nbchat.api.endpoints import Endpoint
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.values.frozen import repr_without

__all__ = ["Call", "Timeouts"]


class Timeouts(Struct, frozen=True):
    """Seconds. `read` is the longest silence, also before the first token: a long prompt may take minutes."""

    connect: float = 10.0
    read: float = 600.0
    write: float = 60.0


class Call(Struct, frozen=True):
    """One request to make. Calls that share a `limiter` are limited together; None = sent at once.

    `payload` is the body as JSON, where it is not streamed and the caller has written it already; None = not yet.
    """

    endpoint: Endpoint
    body: Mapping[str, Any]
    timeouts: Timeouts = Timeouts()
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    limiter: ConcurrencyLimiter | None = None
    payload: bytes | None = None

    def __repr__(self) -> str:
        return repr_without(self, "payload")

    @property
    def model(self) -> str:
        """The model asked for; empty = none named."""
        return str(self.body.get("model", ""))
