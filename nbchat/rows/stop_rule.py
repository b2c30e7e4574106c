"""Decide when to end a run early: after an error that further rows would meet too."""

from __future__ import annotations

from collections.abc import Callable

from nbchat.values.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    ModelNotFound,
    NbchatError,
    ParameterRefused,
    ProtocolError,
    QuotaExceeded,
    RateLimited,
    ServerError,
)

__all__ = ["StopRule"]

FINAL = (AuthenticationFailed, QuotaExceeded, RateLimited)
"""Errors after which no further row is sent. A rate limit is raised after many tries, or if it lasts too long to wait."""

ALIKE = (ModelNotFound, ParameterRefused)
"""Errors that end a run in which nothing has been answered: all rows would fail alike."""

HOPELESS = 3
"""Consecutive failures because of a server that is down or no API, per row that may be in flight, after which no row is sent."""

FEW = 10
"""The least number of such failures."""


class StopRule:
    """Judges each ended row. `allowed` returns the number that may be in flight. `error` is what ended the run; None = nothing."""

    def __init__(self, allowed: Callable[[], int]) -> None:
        self.error: NbchatError | None = None
        self._allowed = allowed
        self._answered = False
        self._down = 0

    def judge(self, error: NbchatError | None) -> bool:
        """Count a row that ended, with this error if any; return whether the run is to end."""
        if error is None:
            self._answered, self._down = True, 0
        elif self.error is None and self._is_last(error):
            self.error = error
        return self.error is not None

    def _is_last(self, error: NbchatError) -> bool:
        if isinstance(error, FINAL):
            return True
        if isinstance(error, ALIKE):  # a refused schema is handled by the reader
            return not self._answered and getattr(error, "param", None) != "response_format"
        unwell = isinstance(error, ServerError) and (error.status or 0) >= 500
        self._down += unwell or isinstance(error, (ConnectionFailed, ProtocolError))
        return self._down >= max(FEW, HOPELESS * self._allowed())
