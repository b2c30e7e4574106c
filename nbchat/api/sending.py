"""Send one call: attempts, and the waits between them, until an answer begins."""

from __future__ import annotations

import time
from collections.abc import Callable

from nbchat.api.attempt import Attempt, Emit
from nbchat.api.call import AttemptFailed, Call
from nbchat.api.http.connections import MOST_IDLE
from nbchat.api.pacing.pace import Pace, Slot
from nbchat.api.pacing.rate_limits import TOO_MANY_STATUSES
from nbchat.values.answer.events import Retrying, Sent
from nbchat.values.answer.usage import prompt_tokens
from nbchat.values.errors import NbchatError, RateLimited, ServerError

__all__ = ["Sending"]

MOST_REFUSALS = 20
"""Most retries of a batch's request after a server asked it to wait."""


class Sending:
    """Sends one call: its attempts, each in a slot of the pace, until an answer begins."""

    def __init__(
        self, call: Call, pace: Pace, make: Callable[[Sending, Slot], Attempt], emit: Emit, over: Callable[[], None]
    ) -> None:
        self.call = call
        self.emit = emit
        self.over = over
        self.body = dict(call.body)
        """The body to send, without what the server refused."""
        self.dropped: NbchatError | None = None
        """The error after which the request for a usage count was dropped; None = it was not."""
        self.attempt = 1
        """The number of the current or last attempt."""
        self._pace = pace
        self._make = make
        self._stale = self._refusals = 0
        self._is_sent = self._is_again = False

    async def run(self) -> None:
        """Make an attempt as soon as allowed. Raises AttemptFailed."""
        limiter, patience, again = self.call.limiter, self._patience, self._is_again
        try:
            await self._pace.run(
                limiter, self._attempt, self._weigh, patience=patience, again=again, on_wait=self._say_waiting
            )
        except RateLimited as error:
            failure = AttemptFailed(error)
        else:
            return
        raise failure

    async def _attempt(self, slot: Slot) -> None:
        if not self._is_sent:
            self._is_sent = True
            self.emit([Sent(time.perf_counter())])
        try:
            await self._make(self, slot).run()
        except AttemptFailed as refused:
            if _is_too_many(refused.error):
                self._pace.refuse(slot, refused.asked_delay)
            raise

    def _weigh(self) -> int:
        """Estimate the tokens that the server counts for it: those of the prompt, and the limit of the answer."""
        most = self.body.get("max_completion_tokens") or self.body.get("max_tokens")
        return (prompt_tokens(self.body) or 0) + (most if isinstance(most, int) else 0)

    def _say_waiting(self, seconds: float) -> None:
        self.emit([Retrying(seconds, "rate limit", self.attempt)])

    def again(self, refused: AttemptFailed) -> float | None:
        """Prepare the next attempt after this failure; return the seconds to wait, None = give up."""
        self._is_again = True
        if refused.stale and self._stale < MOST_IDLE:
            self._stale += 1
            return 0.0
        if refused.usage and self.dropped is None:
            del self.body["stream_options"]
            self.dropped = refused.error
            return 0.0
        if refused.hollow:  # without `stream` a server says why
            self.attempt += 1
            self.body["stream"] = False
            self.body.pop("stream_options", None)
            self.emit([Retrying(0.0, "empty stream", self.attempt)])
            return 0.0
        if (wait := self._wait(refused)) is None:
            return None
        self.attempt += 1
        self.emit([Retrying(wait, _short_reason(refused.error), self.attempt)])
        return wait

    def _wait(self, refused: AttemptFailed) -> float | None:
        """Return the seconds until the next attempt; None = there is none."""
        if not refused.again:
            return None
        retries, asked_delay = self.call.retries, refused.asked_delay
        if self.call.limiter is not None and _is_too_many(refused.error):  # which is no fault of this call
            self._refusals += 1
            closed = self._pace.closed_for()
            if self._refusals >= MOST_REFUSALS or closed > self._patience:
                return None
            return 0.0 if asked_delay else retries.wait(min(self._refusals, retries.tries - 1))  # the pace waits
        wait = retries.wait(self.attempt - self._refusals, asked_delay)
        return None if wait is None else max(wait, self._pace.closed_for())

    @property
    def _patience(self) -> float:
        """The longest delay, in seconds, that the server may ask for."""
        return self.call.retries.patience if self.call.limiter is None else self.call.limiter.patience


def _is_too_many(error: NbchatError) -> bool:
    if isinstance(error, RateLimited):
        return True
    return isinstance(error, ServerError) and error.status in TOO_MANY_STATUSES and not error.is_final


def _short_reason(error: NbchatError) -> str:
    return f"HTTP {error.status}" if isinstance(error, ServerError) else "no connection"
