"""The remaining requests or tokens of a rate limit, by a server's headers."""

from __future__ import annotations

import math

__all__ = ["Allowance"]


class Allowance:
    """One rate limit as the headers of answers report it. Times are those of the event loop's clock.

    A header says what was left when its own request was counted. Requests in flight at that time may or may not be
    included, and headers may be read in another order than they were written. So within a window the smallest number
    counts, and requests in flight are subtracted. The reset restores the whole limit.
    """

    def __init__(self) -> None:
        self._reported = math.inf
        self._most = math.inf
        self._until: float | None = None
        self._flying = 0.0

    @property
    def known(self) -> bool:
        """Whether the server reports this limit."""
        return self._reported < math.inf or self._most < math.inf

    def left(self, now: float) -> float:
        """The remainder beside the requests in flight; infinite = the server reports no limit."""
        return self._total(now) - self._flying

    def is_spent(self, now: float) -> bool:
        """Whether nothing is left, however the requests in flight end."""
        return self._total(now) <= 0

    def opens(self, now: float) -> float | None:
        """The time when the limit is restored; None = unknown."""
        return None if self._is_past(now) else self._until

    def send(self, amount: float) -> None:
        """Record that a request with this use was sent."""
        self._flying += amount

    def land(self, amount: float, now: float) -> None:
        """Record the end of a request without rate headers."""
        self._pass(now)
        self._flying = max(0.0, self._flying - amount)
        self._reported -= amount

    def tell(self, amount: float, most: int | None, left: int | None, reset: float | None, now: float) -> None:
        """Record the values in this request's answer headers; None = not given. `reset` is in seconds from now."""
        if left is None or most == 0:  # some gateways write 0 for "no limit"
            self.land(amount, now)
            return
        self._pass(now)
        self._flying = max(0.0, self._flying - amount)
        self._reported = float(left) if self._until is None else min(self._reported, left)
        self._until = None if reset is None else now + reset
        self._most = float(most or max(left + amount, 0.0 if self._most == math.inf else self._most))

    def _pass(self, now: float) -> None:
        """Restore the limit if its time has come."""
        if self._is_past(now):
            self._reported, self._until = self._most, None

    def _is_past(self, now: float) -> bool:
        return self._until is not None and now >= self._until

    def _total(self, now: float) -> float:
        return self._most if self._is_past(now) else self._reported
