"""How many requests of a batch may be in flight at once: as many as asked for, until the server says otherwise."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from nbchat.values.rate_limits import RateLimits

__all__ = ["Pace"]


class _Errand:
    """A piece of work that waits for a place. Stages: waiting → under way (`task` does it) → `done`."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work = work
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None


class Pace:
    """Places for the calls that share it, on the engine's loop. Who waits is served first come, first served.

    Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP keeps its pace: `allowed` halves when a
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
        """How often it has halved: a request remembers this number as it goes out."""
        self._busy = 0
        self._shut = False
        self._waiting: deque[_Errand] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    @property
    def allowed(self) -> int:
        """How many may be in flight now; at least 1."""
        allowed = int(self._allowed)
        return max(1, allowed if self._left is None else min(allowed, self._left))

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work as soon as there is a place, and return when it is done. Raises what it raises.

        Cancelled while it waits, the work is never begun; later, it is cancelled too, and waited for.
        """
        errand = _Errand(work)
        self._waiting.append(errand)
        self._employ()
        try:
            await errand.done
        except asyncio.CancelledError:
            if errand.task is not None and not errand.task.done():
                errand.task.cancel()
                await asyncio.wait({errand.task})
            raise

    def refused(self, halvings: int) -> None:
        """The server refused, because there are too many, a request that went out after so many halvings."""
        if halvings == self.halvings:
            self.halvings += 1
            self._allowed = max(1.0, min(self._allowed, self._busy) / 2)

    def answered(self, limits: RateLimits | None) -> None:
        """The server took a request; `limits` is what it said of its limits, None = nothing."""
        self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
        self._left = None if limits is None else limits.remaining_requests
        self._employ()

    def shut(self) -> None:
        """Begin nothing more: who waits is about to be cancelled. Any thread."""
        self._shut = True

    def _employ(self) -> None:
        """A worker for each place that is free, while somebody waits."""
        while self._waiting and not self._shut and self._busy < self.allowed:
            self._busy += 1
            worker = asyncio.get_running_loop().create_task(self._work(self._waiting.popleft()))
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    async def _work(self, errand: _Errand | None) -> None:
        """Do this errand, and then others that wait, while there is a place for it. A cancel ends it."""
        while errand is not None:
            if not errand.done.done():
                errand.task = asyncio.current_task()
                await _do(errand)
                errand.task = None
            more = self._waiting and not self._shut and self._busy <= self.allowed
            errand = self._waiting.popleft() if more else None

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._busy -= 1
        self._employ()


async def _do(errand: _Errand) -> None:
    try:
        await errand.work()
    except Exception as error:  # noqa: BLE001  # it belongs to who waits for the errand
        if not errand.done.done():
            errand.done.set_exception(error)
    except BaseException:  # cancelled, with the errand or with the loop
        errand.done.cancel()
        raise
    else:
        if not errand.done.done():
            errand.done.set_result(None)
