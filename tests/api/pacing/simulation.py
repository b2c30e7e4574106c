"""Servers and batches in simulated time: an event loop whose clock jumps to the next timer instead of waiting."""

import asyncio
import random
import selectors

from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.pace import Pace
from nbchat.values.answer.usage import RateLimits

FOREVER = 1e6


class _Jumping(selectors.SelectSelector):
    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "nothing will ever happen again"
        self.now += timeout
        return super().select(0)


class Simulation(asyncio.SelectorEventLoop):
    """Runs a coroutine in simulated time."""

    def __init__(self):
        self._clock = _Jumping()
        super().__init__(self._clock)
        self._clock_resolution = 1e-9

    def time(self):
        return self._clock.now

    @classmethod
    def play(cls, work):
        loop = cls()
        asyncio.set_event_loop(loop)
        try:
            loop.call_later(FOREVER, loop.stop)
            return loop.run_until_complete(work)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


class Refused(Exception):
    """The server refused, and asks to wait so many seconds (None = it does not say)."""

    def __init__(self, asked_delay, limits=None):
        super().__init__()
        self.asked_delay, self.limits = asked_delay, limits


class Server:
    """Answers after some time; notes arrivals, and the most that were inside at once."""

    def __init__(self, seconds=0.1, *, spread=0.0, seed=0):
        self.seconds, self.spread = seconds, spread
        self.chance = random.Random(seed)
        self.inside = self.most_inside = self.refusals = 0
        self.arrivals = []
        self.in_forbidden = []

    @property
    def now(self):
        return asyncio.get_running_loop().time()

    def duration(self):
        return self.seconds * self.chance.lognormvariate(0, self.spread)

    def admit(self):
        """Return the rate limits for the headers, or raise Refused."""

    async def handle(self):
        self.arrivals.append(self.now)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            try:
                limits = self.admit()
            except Refused:
                self.refusals += 1
                await asyncio.sleep(0.001)
                raise
            await asyncio.sleep(self.duration())
            return limits
        finally:
            self.inside -= 1


class Windows(Server):
    """Takes `most` requests in each window of `window` seconds; tells in headers what is left, if it `tells`."""

    def __init__(self, most, window, *, tells, **options):
        super().__init__(**options)
        self.most, self.window, self.tells = most, window, tells
        self.taken, self.at, self.told_until = 0, 0, 0.0

    def admit(self):
        number, into = divmod(self.now, self.window)
        if number != self.at:
            self.at, self.taken = number, 0
        left_for = self.window - into
        if self.now < self.told_until:
            self.in_forbidden.append(self.now)
        if self.taken >= self.most:
            asyncio.get_running_loop().call_later(0.01, setattr, self, "told_until", self.now + left_for)
            raise Refused(left_for, self.limits(left_for))
        self.taken += 1
        return self.limits(left_for)

    def limits(self, left_for):
        return RateLimits(self.most, self.most - self.taken, left_for) if self.tells else None


class Degrading(Server):
    """Has room for `room` at once; beyond that every request takes longer, by this power of the crowding."""

    def __init__(self, room, power=1.0, **options):
        super().__init__(**options)
        self.room, self.power = room, power

    def duration(self):
        return super().duration() * max(1.0, self.inside / self.room) ** self.power


async def ask(pace, limiter, server, tries=20):
    """One request as the client makes it; how often it was refused."""
    for refusals in range(tries):

        async def work(slot):
            try:
                slot.answered(await server.handle())
            except Refused as refused:
                slot.answered(refused.limits)
                pace.refuse(slot, refused.asked_delay)
                raise
            slot.completed()

        try:
            await pace.run(limiter, work, again=refusals > 0)
            return refusals
        except Refused as refused:
            if refused.asked_delay is None:
                await asyncio.sleep(0.5 * 2 ** min(refusals, 4))
    raise AssertionError("refused too often")


async def run_batch(server, count, most=None, pace=None):
    """Ask so many at once; the seconds that it took, and the pace."""
    pace = pace or Pace("The server")
    limiter = ConcurrencyLimiter(most)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(ask(pace, limiter, server) for _ in range(count)))
    return loop.time() - began, pace
