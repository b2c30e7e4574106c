"""When requests to one server with one key are sent: slots, windows in which nothing may be sent, and the order."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from msgspec import Struct, field

from nbchat.api.pacing.allowance import Allowance
from nbchat.api.pacing.latency import ALIKE
from nbchat.api.pacing.level import Level
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.sharing import Shared
from nbchat.values.answer.usage import RateLimits
from nbchat.values.errors import RateLimited

__all__ = ["Pace", "Slot"]

LONGEST_SECONDS = 3600.0
"""The longest time that one response can forbid requests; after that, a request is tried."""

MARGIN_SECONDS = 0.02
"""Added to the time of a reset, because headers round it."""

CLOCK_SECONDS = 0.001
"""A timer may fire this much early."""

JITTER = 0.05
"""Most of a window's length that is added at random, because many clients are told to wait at the same moment."""


class Slot(Struct, eq=False):
    """A request in flight. `tokens` is its expected use; `changes` is the number of changes of the level before it."""

    pace: Pace
    limiter: ConcurrencyLimiter | None
    tokens: int
    changes: int
    sent_at: float
    is_counted: bool = False

    def answered(self, limits: RateLimits | None) -> None:
        """Record its response headers' rate limits; None = none."""
        if not self.is_counted:
            self.is_counted = True
            self.pace.tell(self, limits or RateLimits())

    def completed(self) -> None:
        """Record that its answer is complete."""
        self.pace.measure(self)


Work = Callable[[Slot], Awaitable[None]]


class _Job(Struct, eq=False):
    """A request of a batch that waits. Stages: waiting → running (in `task`) → `done`."""

    limiter: ConcurrencyLimiter
    work: Work
    weigh: Callable[[], int]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    task: asyncio.Task[None] | None = None


class Pace:
    """Starts the requests to one server with one key, on the engine's loop. Shared by the whole process.

    A single request (`limiter` None: a cell, the panel) starts at once, whatever batches wait; batches take turns for
    the other slots. Nothing is sent in a forbidden window: after a `Retry-After`, or, if the headers say that nothing
    is left, until the reset. A request holds a slot only while it is in flight, not while it waits for a retry.

    The task that ends one request starts the next itself, without an iteration of the event loop in between. If it woke
    another task instead, answers that arrive together would all be read before the first new request is sent, and the
    server would be idle meanwhile.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self.level = Level()
        self._requests, self._tokens = Allowance(), Allowance()
        self._closed_until = 0.0
        self._queues: dict[ConcurrencyLimiter, deque[_Job]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_saturated = False
        self._lowest: float | None = None  # latency of the last batch that was compared
        self._others = Shared()
        self.busy = 0
        """The number of requests in flight."""
        self.on_closed: Callable[[], object] = lambda: None
        """Called when a server has forbidden requests, so that other processes are told at once."""
        self._loop = asyncio.get_running_loop()

    # State

    @property
    def slots(self) -> int:
        """How many requests this process may have in flight: the level, less what other processes use of it."""
        level = self.level.value
        if not self._others.processes:
            return level
        level = min(level, self._others.level or level)
        fair = -(-level // (1 + self._others.processes))
        return max(1, fair, level - self._others.busy)

    @property
    def is_active(self) -> bool:
        """Whether requests are in flight or wait."""
        return self.busy > 0 or bool(self._queues)

    def closed_for(self) -> float:
        """Seconds until a request may be sent; 0 = now. Thread-safe."""
        now = self._loop.time()
        return max(0.0, self._opens(now) - now)

    def own(self) -> Shared:
        """Return the state to share with other processes."""
        forbidden = max(0.0, self._closed_until - self._loop.time())
        return Shared(self.busy, self.level.value, forbidden, int(bool(self._queues)))

    def hear(self, others: Shared) -> None:
        """Apply the state of other processes."""
        self._others = others
        self._close(others.forbidden)
        self._employ()

    # Responses

    def tell(self, slot: Slot, limits: RateLimits) -> None:
        """Record the rate limits in an answer's headers."""
        now = self._loop.time()
        self._requests.tell(1, limits.limit_requests, limits.remaining_requests, limits.reset_requests, now)
        self._tokens.tell(slot.tokens, limits.limit_tokens, limits.remaining_tokens, limits.reset_tokens, now)
        self._employ()

    def refuse(self, slot: Slot, asked_delay: float | None) -> None:
        """Record that there are too many requests; `asked_delay` is the requested delay in seconds (None = not given)."""
        self.level.refuse(slot.changes, self.busy)
        if asked_delay:
            self._close(asked_delay * (1 + JITTER * random.random()))
            self.on_closed()

    def measure(self, slot: Slot) -> None:
        """Judge the level by an answer's duration."""
        if slot.limiter is None or slot.changes != self.level.changes:
            return
        latency = slot.limiter.latency
        latency.add(self._loop.time() - slot.sent_at, slot.changes)
        is_first = latency.lowest is None
        if (ratio := latency.ratio(self.level.samples, self._lowest)) is None or latency.lowest is None:
            return
        earlier, self._lowest = self._lowest, latency.lowest
        if is_first and earlier is not None and latency.lowest > earlier + math.log(ALIKE):
            self.level.restart()  # other requests, or a slower server: to be measured under less load
            return
        before = self.level.changes
        self.level.judge(ratio, saturated=self._is_saturated)
        self._is_saturated = False
        if self.level.changes != before:
            self._employ()

    def _close(self, seconds: float) -> None:
        """Forbid requests for some time."""
        until = self._loop.time() + min(seconds, LONGEST_SECONDS)
        self._closed_until = max(self._closed_until, until)
        for limiter, queue in list(self._queues.items()):
            if seconds > limiter.patience:
                while queue:
                    self._refuse(queue.popleft())

    def _refuse(self, job: _Job) -> None:
        if not job.done.done():
            job.done.set_exception(self._too_long(self.closed_for()))

    def _too_long(self, seconds: float) -> RateLimited:
        return RateLimited(
            f"Nothing was sent: the rate limit of {self._title} forbids requests for another {seconds:,.0f} s. Wait for"
            " that time, or use another server, model or key.",
            retry_after=seconds,
        )

    # Requests

    async def run(
        self,
        limiter: ConcurrencyLimiter | None,
        work: Work,
        weigh: Callable[[], int] = lambda: 0,
        *,
        patience: float = 60.0,
        again: bool = False,
        on_wait: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """Run the work as soon as it may be sent, and return when it is done. Its exceptions propagate.

        `weigh` estimates its tokens, if the server counts them. `again`: it is a retry, and goes first. Without a
        limiter, `patience` is the longest wait in seconds, and `on_wait` is called with every wait. If cancelled while
        waiting, the work never starts; later, it is cancelled too, and awaited. Raises RateLimited if it would wait too
        long.
        """
        if limiter is None:
            await self._opened(patience, on_wait)
            await self._alone(work, weigh)
        else:
            await self._queued(limiter, _Job(limiter, work, weigh), again=again)

    async def _opened(self, patience: float, on_wait: Callable[[float], None]) -> None:
        """Wait until a request may be sent."""
        while (seconds := self.closed_for()) > CLOCK_SECONDS:
            if seconds > patience:
                raise self._too_long(seconds)
            on_wait(seconds)
            await asyncio.sleep(seconds)

    async def _alone(self, work: Work, weigh: Callable[[], int]) -> None:
        slot = self._take(None, weigh)
        try:
            await work(slot)
        finally:
            self._leave(slot)
            self._employ()

    async def _queued(self, limiter: ConcurrencyLimiter, job: _Job, *, again: bool) -> None:
        if self.closed_for() > limiter.patience:
            raise self._too_long(self.closed_for())
        if limiter.pace is not self:
            limiter.pace = self
        queue = self._queues.setdefault(limiter, deque())
        queue.appendleft(job) if again else queue.append(job)
        self._employ()
        try:
            await job.done
        except asyncio.CancelledError:
            if job.task is not None and not job.task.done():
                job.task.cancel()
                await asyncio.wait({job.task})
            self._employ()  # also removes it from the queue
            raise

    def _take(self, limiter: ConcurrencyLimiter | None, weigh: Callable[[], int]) -> Slot:
        """Occupy a slot."""
        slot = Slot(self, limiter, weigh() if self._tokens.known else 0, self.level.changes, self._loop.time())
        self._requests.send(1)
        self._tokens.send(slot.tokens)
        self.busy += 1
        self._is_saturated = self._is_saturated or self.busy >= self.slots
        if limiter is not None:
            limiter.busy += 1
        return slot

    def _leave(self, slot: Slot) -> None:
        """Free a slot."""
        if not slot.is_counted:
            now = self._loop.time()
            self._requests.land(1, now)
            self._tokens.land(slot.tokens, now)
        self.busy -= 1
        if slot.limiter is not None:
            slot.limiter.busy -= 1

    def _employ(self) -> None:
        """Start a worker for each free slot while requests wait."""
        while (job := self._next()) is not None:
            worker = self._loop.create_task(self._work(job, self._take(job.limiter, job.weigh)))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self, job: _Job | None, slot: Slot) -> None:
        """Run this request, and then waiting ones while there are slots. Cancelling ends it."""
        while job is not None:
            job.task = asyncio.current_task()
            try:
                await _do(job, slot)
            except BaseException:
                self._leave(slot)
                self._employ()
                raise
            job.task = None
            self._leave(slot)
            if (job := self._next()) is not None:
                slot = self._take(job.limiter, job.weigh)
            self._employ()

    def _next(self) -> _Job | None:
        """Remove and return the next request to send, batches in turn; None = none may be sent."""
        for limiter, queue in list(self._queues.items()):
            while queue and queue[0].done.done():
                queue.popleft()
            if not queue:
                del self._queues[limiter]
            elif not limiter.is_shut and limiter.busy < limiter.most and self._is_open(queue[0]):
                del self._queues[limiter]
                job = queue.popleft()
                if queue:
                    self._queues[limiter] = queue  # after the others
                return job
        return None

    def _is_open(self, job: _Job) -> bool:
        """Whether this request may be sent now; if not, schedule another look."""
        if self.busy >= self.slots:
            return False
        now = self._loop.time()
        if (opens := self._opens(now)) > now:
            self._look_again(opens)
            return False
        short = [one for one, amount in self._needed(job) if one.left(now) < amount]
        times = [time for one in short if (time := one.opens(now)) is not None]
        if times:
            self._look_again(max(times) + MARGIN_SECONDS)
        return not short or not (times or self.busy)  # the answers in flight will bring news

    def _needed(self, job: _Job) -> Iterator[tuple[Allowance, int]]:
        yield self._requests, 1
        if self._tokens.known:
            yield self._tokens, job.weigh()

    def _opens(self, now: float) -> float:
        """Return the time from which requests may be sent; a past time = now."""
        opens = self._closed_until
        for allowance in (self._requests, self._tokens):
            if allowance.is_spent(now) and (restored := allowance.opens(now)) is not None:
                opens = max(opens, min(restored + MARGIN_SECONDS, now + LONGEST_SECONDS))
        return opens

    def _look_again(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._employ)


async def _do(job: _Job, slot: Slot) -> None:
    try:
        await job.work(slot)
    except Exception as error:  # noqa: BLE001  # it is raised where the job is awaited
        if not job.done.done():
            job.done.set_exception(error)
    except BaseException:  # cancelled, with the job or with the loop
        job.done.cancel()
        raise
    else:
        if not job.done.done():
            job.done.set_result(None)
