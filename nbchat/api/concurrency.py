"""Limit the requests of a batch in flight, adapting to the server's rate limits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from nbchat.values.answer.rate_limits import RateLimits

__all__ = ["ConcurrencyLimiter"]


class _Job:
    """Work that waits for a slot. Stages: waiting → running (in `task`) → `done`."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work = work
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None


class ConcurrencyLimiter:
    """Slots for the calls that share it, on the engine's loop; first come, first served.

    Additive increase, multiplicative decrease (Chiu and Jain 1989), as in TCP: `allowed` halves when a
    server refuses with 429, and grows by one with every `allowed` answers, up to `most`. A refusal of a request that
    was already under way when it halved says nothing of the new pace. Where the server tells how many requests are left,
    there are never more at once than that.

    The task that ends one call begins the next itself, without a turn of the loop between. Were it to wake another
    instead, answers that come together would all be read before the first new request went out, and the server would
    stand idle meanwhile.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._allowed = float(most)
        self._left: int | None = None
        self.halvings = 0
        """The number of times it has halved; a request notes this number when it is sent."""
        self._busy = 0
        self._shut = False
        self._waiting: deque[_Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    @property
    def allowed(self) -> int:
        """How many may be in flight now; at least 1."""
        allowed = int(self._allowed)
        return max(1, allowed if self._left is None else min(allowed, self._left))

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run the work as soon as a slot is free, and return when it is done. Its exceptions propagate.

        Cancelled while it waits, the work is never begun; later, it is cancelled too, and waited for.
        """
        job = _Job(work)
        self._waiting.append(job)
        self._employ()
        try:
            await job.done
        except asyncio.CancelledError:
            if job.task is not None and not job.task.done():
                job.task.cancel()
                await asyncio.wait({job.task})
            raise

    def refused(self, halvings: int) -> None:
        """Record that the server refused, for rate limits, a request sent after `halvings` halvings."""
        if halvings == self.halvings:
            self.halvings += 1
            self._allowed = max(1.0, min(self._allowed, self._busy) / 2)

    def answered(self, limits: RateLimits | None) -> None:
        """Record that the server accepted a request; `limits` are its rate limits, None = unknown."""
        self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
        self._left = None if limits is None else limits.remaining_requests
        self._employ()

    def shut(self) -> None:
        """Start no more work, because waiting calls are about to be cancelled. Thread-safe."""
        self._shut = True

    def _employ(self) -> None:
        """Start a worker for each free slot while work is waiting."""
        while self._waiting and not self._shut and self._busy < self.allowed:
            self._busy += 1
            worker = asyncio.get_running_loop().create_task(self._work(self._waiting.popleft()))
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    async def _work(self, job: _Job | None) -> None:
        """Do this errand, and then others that wait, while there is a place for it. A cancel ends it."""
        while job is not None:
            if not job.done.done():
                job.task = asyncio.current_task()
                await _do(job)
                job.task = None
            more = self._waiting and not self._shut and self._busy <= self.allowed
            job = self._waiting.popleft() if more else None

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._busy -= 1
        self._employ()


async def _do(job: _Job) -> None:
    try:
        await job.work()
    except Exception as error:  # noqa: BLE001  # it belongs to who waits for the errand
        if not job.done.done():
            job.done.set_exception(error)
    except BaseException:  # cancelled, with the errand or with the loop
        job.done.cancel()
        raise
    else:
        if not job.done.done():
            job.done.set_result(None)
