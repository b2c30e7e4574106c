"""The ledger: one row for each request that was answered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Self

from nbchat.api.endpoints import Endpoint
from nbchat.values.reply import Reply, Status, Timing
from nbchat.values.usage import Usage

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one request took.

    `endpoint` is the server as it is shown to the user, `model` the one that answered (None = nobody knows); `cost` is
    in US dollars, None = unknown; `at` is when the row was made, in seconds since the epoch.
    """

    endpoint: str
    model: str | None
    status: Status
    usage: Usage
    cost: float | None
    timing: Timing
    at: float = field(default_factory=time.time)

    @classmethod
    def of(cls, reply: Reply, endpoint: Endpoint) -> Self:
        """The row of a reply that this endpoint gave just now."""
        return cls(endpoint.title, reply.model, reply.status, reply.usage, reply.cost, reply.timing)
