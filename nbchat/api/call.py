"""One request to make: endpoint, body and timeouts; and how an attempt at it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from nbchat.api.endpoints import Endpoint
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.values.errors import NbchatError
from nbchat.values.frozen import repr_without

__all__ = ["AttemptFailed", "Call", "Timeouts"]


class Timeouts(Struct, frozen=True):
    """Seconds. `read` is the longest silence, also before the first token: a long prompt may take minutes."""

    connect: float = 10.0
    read: float = 600.0
    write: float = 60.0

    @property
    def longest_write(self) -> float:
        """The longest time for which the server may accept nothing of a request."""
        return min(self.write, self.read)


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


class AttemptFailed(Exception):  # internal: handled by the client
    """An attempt failed before any of a reply arrived.

    `again`: a retry may help, after `asked_delay` seconds if the server asked for a delay. `stale`: the server had closed
    the pooled connection. `usage`: the request for a usage count may be the cause. `unsupported`: the server does not
    accept the error's parameter at all. `hollow`: the answer began and ended empty, without a reason.
    """

    def __init__(
        self,
        error: NbchatError,
        *,
        again: bool = False,
        asked_delay: float | None = None,
        stale: bool = False,
        usage: bool = False,
        unsupported: bool = False,
        hollow: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.asked_delay = asked_delay
        self.stale = stale
        self.usage = usage
        self.unsupported = unsupported
        self.hollow = hollow
