"""Run many exchanges concurrently from the calling thread, under one concurrency limit, and stop them together."""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from nbchat.api.engine import POLL_SECONDS, Channel
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.conversation.exchange.driver import Driver, wait_for
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.values.answer.usage import Usage
from nbchat.values.threads import interruptible, raise_lost_interrupt

__all__ = ["AT_ONCE", "Progress", "Runner", "cost_of"]

AT_ONCE = 8
"""Default number of concurrent requests, which small servers and low rate limits still accept."""

TICK_SECONDS = 0.2
"""Seconds between progress reports while nothing ends."""


class Progress(Struct, frozen=True):
    """Progress of a sweep. `cost` is that of the finished exchanges in US dollars; None = known for none.

    `seconds_left` extrapolates the speed so far; None = nothing has finished yet. `stage` is "answers" or "scores".
    `waits` is how many seconds the server's rate limit forbids requests for; 0 = it does not.
    """

    done: int
    total: int
    failed: int = 0
    cost: float | None = None
    seconds_left: float | None = None
    stage: str = "answers"
    waits: float = 0.0


def cost_of(exchange: Exchange) -> float | None:
    """The cost of an exchange's requests in US dollars; None = unknown."""
    known = [cost for reply in exchange.replies if (cost := _first(reply.cost, reply.usage)) is not None]
    return sum(known) if known else None


def _first(cost: float | None, usage: Usage) -> float | None:
    return usage.cost if cost is None else cost


class _RunningExchange:
    """One running exchange. Stages: waiting for its channel → `over`."""

    def __init__(self, exchange: Exchange, ready: queue.SimpleQueue[_RunningExchange]) -> None:
        self.exchange = exchange
        self.over = False
        self._channel: Channel | None = None
        self._ready = ready
        self._driver = Driver(exchange.run(None))

    def begin(self) -> None:
        self._step()

    def take(self) -> None:
        """Process everything that has arrived, without waiting."""
        while not self.over and self._channel is not None and (events := self._channel.take(None)) != []:
            self._step(events)

    def _step(self, given: Any = None) -> None:
        """Advance until it waits for a channel or is over; run the user's coroutines in between."""
        self._driver.given = given
        while not isinstance(wait := self._driver.next(), Channel):
            if wait is None:
                self.over = True
                return
            with self._driver:
                self._driver.given = wait_for(wait)
        if wait is not self._channel:
            self._channel = wait
            wait.on_put = functools.partial(self._notify_end, wait)
            self._notify_end(wait)  # the end may have come before the listener was added

    def _notify_end(self, channel: Channel) -> None:
        """Wake the runner when a request is over, rather than for every piece of its answer."""
        if channel.over:
            self._ready.put(self)

    def stop(self) -> None:
        """Stop the exchange. A complete answer stays complete; of any other, the partial answer is kept."""
        self.exchange.stop()
        self.take()
        self._driver.close()


class Runner:
    """Runs exchanges, at most `at_once` concurrently, fewer if the server asks for it.

    Stages: created → running (`run`) → over. `on_done` gets every exchange that ended, successfully or not, in order of
    completion; `skip` may decide that a waiting one is not sent; `on_growth` gets the running ones a few times a second
    (None = not needed). All of them, and `on_progress`, are called in the running thread.
    """

    def __init__(
        self,
        exchanges: Sequence[Exchange],
        *,
        at_once: int = AT_ONCE,
        on_done: Callable[[Exchange], None] = lambda _exchange: None,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        on_growth: Callable[[Exchange], None] | None = None,
        skip: Callable[[Exchange], bool] = lambda _exchange: False,
        stage: str = "answers",
    ) -> None:
        self._waiting = deque(exchanges)
        self._total = len(exchanges)
        self._limiter = ConcurrencyLimiter(at_once)
        self._ready: queue.SimpleQueue[_RunningExchange] = queue.SimpleQueue()
        self._running: set[_RunningExchange] = set()
        self._on_done, self._on_progress, self._skip = on_done, on_progress, skip
        self._on_growth = on_growth
        self._stage = stage
        self._done = self._failed = 0
        self._cost: float | None = None
        self._started = self._reported = 0.0

    def run(self) -> None:
        """Run all exchanges. An interrupt stops the running ones, closes their connections, and propagates.

        A stopped exchange has the partial answer in its `reply`; one never started has no `replies` and no `error`.
        """
        self._started = self._reported = time.perf_counter()
        with interruptible():
            self._report()
            try:
                while self._waiting or self._running:
                    self._begin_some()
                    self._drain()
            finally:
                self._stop()

    def _begin_some(self) -> None:
        while self._waiting and len(self._running) < self._most:
            exchange = self._waiting.popleft()
            exchange.limiter = self._limiter
            if self._skip(exchange):
                self._total -= 1
                continue
            running = _RunningExchange(exchange, self._ready)
            self._running.add(running)
            running.begin()
            if running.over:  # failed before it could be sent
                self._end(running)

    @property
    def _most(self) -> int:
        """The number of exchanges to start: as many as may be in flight, and twice that once one has been answered.

        The others wait in the engine, so that a free slot is taken at once rather than when this thread gets to it.
        """
        return self._limiter.allowed * (2 if self._done > self._failed else 1)

    def _drain(self) -> None:
        """Wait for events and process them."""
        if not self._running:
            return
        raise_lost_interrupt()
        with contextlib.suppress(queue.Empty):
            self._move(self._ready.get(timeout=POLL_SECONDS))
        if time.perf_counter() - self._reported >= TICK_SECONDS:
            self._show_growth()
            self._report()

    def _move(self, running: _RunningExchange) -> None:
        """Process what has arrived for one exchange."""
        running.take()
        if running.over and running in self._running:
            self._end(running)

    def _show_growth(self) -> None:
        if self._on_growth is None:
            return
        for running in list(self._running):
            self._move(running)
            if running in self._running:
                self._on_growth(running.exchange)

    def _end(self, running: _RunningExchange) -> None:
        exchange = running.exchange
        if isinstance(exchange.error, KeyboardInterrupt):  # interrupted while this exchange was being advanced
            raise KeyboardInterrupt
        self._running.discard(running)
        self._done += 1
        self._failed += exchange.error is not None
        if (cost := cost_of(exchange)) is not None:
            self._cost = cost + (self._cost or 0.0)
        self._on_done(exchange)
        self._report()

    def _report(self) -> None:
        self._reported = time.perf_counter()
        left = self._total - self._done
        pace = (self._reported - self._started) / self._done if self._done else None
        seconds = None if pace is None else pace * left
        waits = self._limiter.waiting_seconds if left else 0.0
        self._on_progress(Progress(self._done, self._total, self._failed, self._cost, seconds, self._stage, waits))

    def _stop(self) -> None:
        """Stop the running exchanges, even if interrupted again."""
        self._limiter.shut()
        while self._running:
            running = self._running.pop()
            try:
                running.stop()
            except KeyboardInterrupt:
                self._running.add(running)
