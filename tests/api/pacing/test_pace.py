"""The order, slots and windows of requests to one server."""

import asyncio
import contextlib
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.pace import LONGEST_SECONDS, Pace
from nbchat.api.pacing.sharing import Shared
from nbchat.values.answer.usage import RateLimits
from nbchat.values.errors import RateLimited
from tests.api.pacing.simulation import Simulation


class Batch:
    """Calls that share a limiter; each is in flight until it is told to end. Use on a running loop."""

    def __init__(self, most=None, pace=None):
        self.pace = pace or Pace("The server")
        self.limiter = ConcurrencyLimiter(most)
        self.calls = []
        self.inside = {}
        """Slots and ends by the call's number, in the order in which they were begun."""

    async def come(self, count=1, tokens=0):
        """So many more calls come, of so many tokens."""
        for _ in range(count):
            number = len(self.calls)
            work = lambda slot, number=number: self._call(number, slot)  # noqa: E731
            self.calls.append(asyncio.create_task(self.pace.run(self.limiter, work, lambda: tokens)))
        await settle()

    async def _call(self, number, slot):
        end = asyncio.get_running_loop().create_future()
        self.inside[number] = slot, end
        try:
            slot.answered(await end)
        finally:
            del self.inside[number]

    async def go(self, limits=None):
        """The one that has been inside longest is over."""
        next(iter(self.inside.values()))[1].set_result(limits)
        await settle()

    async def give_up(self, number):
        """A call is cancelled, inside or waiting."""
        self.calls[number].cancel()
        await settle()

    def refuse(self, asked_delay=None):
        """One that is inside is refused, as the client says it before its slot is free."""
        self.pace.refuse(next(iter(self.inside.values()))[0], asked_delay)

    @property
    def waiting(self):
        """The numbers of those that wait."""
        return [number for number, call in enumerate(self.calls) if not call.done() and number not in self.inside]

    async def end(self):
        while self.inside:
            await self.go()


async def settle():
    for _ in range(6):
        await asyncio.sleep(0)


def test_refusals_of_requests_sent_together_halve_once():
    async def play():
        batch = Batch()
        await batch.come(8)
        for slot, _ in list(batch.inside.values()):
            batch.pace.refuse(slot, None)
        assert batch.limiter.allowed == 4
        await batch.end()
        await batch.come(4)
        batch.refuse()
        assert batch.limiter.allowed == 2
        await batch.end()

    Simulation.play(play())


def test_who_waits_is_served_in_order_and_who_gave_up_is_passed_over():
    async def play():
        batch = Batch(1)
        await batch.come(4)
        await batch.give_up(1)
        await batch.go()
        assert list(batch.inside) == [2]
        await batch.give_up(2)
        assert (list(batch.inside), batch.waiting) == ([3], [])
        assert [call.cancelled() for call in batch.calls[1:3]] == [True, True]
        await batch.go()

    Simulation.play(play())


def test_what_is_tried_again_goes_first():
    async def play():
        pace, limiter, begun = Pace("S"), ConcurrencyLimiter(1), []

        async def work(name):
            begun.append(name)
            await asyncio.sleep(1)

        calls = [pace.run(limiter, lambda _slot, name=name: work(name), again=name == "again") for name in "abc"]
        calls.append(pace.run(limiter, lambda _slot: work("again"), again=True))
        await asyncio.gather(*calls)
        assert begun == ["a", "again", "b", "c"]

    Simulation.play(play())


def test_the_next_begins_in_the_same_breath():
    async def play():
        pace, limiter, steps = Pace("S"), ConcurrencyLimiter(1), []

        async def call(name):
            steps.append(f"{name} begins")
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(steps.append, "another turn of the loop")
            steps.append(f"{name} ends")

        await asyncio.gather(*(pace.run(limiter, lambda _slot, name=name: call(name)) for name in ("one", "two")))
        assert steps[1:3] == ["one ends", "two begins"]

    Simulation.play(play())


def test_what_a_call_raises_reaches_who_waits_for_it_and_its_place_is_free():
    async def fail(_slot):
        raise ZeroDivisionError

    async def play():
        pace, limiter, done = Pace("S"), ConcurrencyLimiter(1), []

        async def note(_slot):
            done.append(True)

        failed, _ = await asyncio.gather(pace.run(limiter, fail), pace.run(limiter, note), return_exceptions=True)
        assert isinstance(failed, ZeroDivisionError)
        assert done
        assert pace.busy == limiter.busy == 0

    Simulation.play(play())


def test_what_ends_although_it_was_given_up_disturbs_nobody():
    async def play():
        pace, limiter, odd = Pace("S"), ConcurrencyLimiter(1), []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: odd.append(context))

        async def stubborn(_slot):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1.0)

        async def failing(_slot):
            try:
                await asyncio.sleep(1.0)
            except asyncio.CancelledError:
                raise ZeroDivisionError from None

        for work in (stubborn, failing):
            call = asyncio.create_task(pace.run(limiter, work))
            await settle()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await pace.run(limiter, stubborn)
        del call
        await settle()
        gc.collect()
        assert (odd, pace.busy, limiter.busy, len(pace._workers)) == ([], 0, 0, 0)

    Simulation.play(play())


def test_once_shut_nothing_more_of_that_batch_is_begun():
    async def play():
        batch = Batch(1)
        other = Batch(1, batch.pace)
        await batch.come(2)
        batch.limiter.shut()
        await batch.go()
        await batch.come()
        await other.come()
        assert (list(batch.inside), batch.waiting) == ([], [1, 2])
        assert list(other.inside) == [0]
        for number in (1, 2):
            await batch.give_up(number)
        await other.end()

    Simulation.play(play())


def test_no_more_is_sent_than_is_left_and_the_rest_when_the_window_ends():
    async def play():
        batch = Batch()
        await batch.come(2)
        await batch.go(RateLimits(remaining_requests=3, reset_requests=20.0))
        await batch.come(9)
        assert len(batch.inside) == 3
        await batch.go(RateLimits(remaining_requests=2, reset_requests=20.0))
        assert len(batch.inside) == 2  # those may not be counted yet
        await batch.end()
        assert (len(batch.inside), len(batch.waiting)) == (0, 7)
        await asyncio.sleep(19.9)
        assert not batch.inside
        await asyncio.sleep(0.2)
        assert len(batch.inside) == 4  # the most that a header has spoken of
        await batch.end()
        await asyncio.sleep(0.1)
        assert len(batch.calls) == 11
        await batch.end()

    Simulation.play(play())


def test_what_is_given_up_counts_until_the_window_ends_and_no_longer():
    async def play():
        batch = Batch()
        await batch.come(1)
        await batch.go(RateLimits(remaining_requests=3, reset_requests=20.0))
        await batch.come(3)
        for number in list(batch.inside):
            await batch.give_up(number)
        await batch.come(6)
        assert not batch.inside
        await asyncio.sleep(20.1)
        assert len(batch.inside) == 4
        await batch.end()

    Simulation.play(play())


def test_tokens_are_counted_as_requests_are():
    async def play():
        batch = Batch()
        await batch.come(1)
        await batch.go(RateLimits(limit_tokens=1000, remaining_tokens=900, reset_tokens=10.0))
        await batch.come(5, tokens=250)
        assert len(batch.inside) == 3
        for left in (650, 400, 150):
            await batch.go(RateLimits(limit_tokens=1000, remaining_tokens=left, reset_tokens=9.0))
        assert not batch.inside
        await asyncio.sleep(10.0)
        assert len(batch.inside) == 2
        await batch.end()
        await batch.come(1, tokens=5000)  # more than the limit: the server has to say so
        assert len(batch.inside) == 1
        await batch.end()

    Simulation.play(play())


@pytest.mark.parametrize(
    "limits",
    [
        RateLimits(limit_requests=0, remaining_requests=0, reset_requests=60.0),
        RateLimits(reset_requests=60.0, reset_tokens=60.0),
        RateLimits(remaining_requests=100),
    ],
)
def test_headers_that_forbid_nothing_hold_nobody(limits):
    async def play():
        batch = Batch()
        await batch.come(1)
        await batch.go(limits)
        await batch.come(8)
        assert len(batch.inside) == 8
        await batch.end()

    Simulation.play(play())


def test_without_a_time_of_reset_one_request_at_a_time_finds_out():
    async def play():
        batch = Batch()
        await batch.come(1)
        await batch.go(RateLimits(remaining_requests=0))
        await batch.come(3)
        assert len(batch.inside) == 1
        await batch.go(RateLimits(remaining_requests=50))
        assert len(batch.inside) == 2
        await batch.end()

    Simulation.play(play())


def test_a_request_on_its_own_waits_for_the_end_of_a_window_and_says_so():
    async def play():
        batch, said = Batch(), []
        await batch.come(1)
        batch.refuse(30.0)
        began = asyncio.get_running_loop().time()

        async def note(_slot):
            said.append(asyncio.get_running_loop().time() - began)

        await batch.pace.run(None, note, patience=60.0, on_wait=said.append)
        assert said[0] == pytest.approx(30.0, rel=0.06)
        assert 30.0 <= said[1] <= 31.6
        batch.refuse(100.0)
        with pytest.raises(
            RateLimited, match=r"Nothing was sent: the rate limit of The server .* another 10[0-5] s"
        ) as caught:
            await batch.pace.run(None, note, patience=60.0)
        assert caught.value.retry_after == pytest.approx(100.0, rel=0.06)
        await batch.end()

    Simulation.play(play())


@pytest.mark.parametrize("failure", [None, ZeroDivisionError, asyncio.CancelledError])
def test_a_request_on_its_own_leaves_its_slot_to_those_that_wait(failure):
    async def play():
        batch = Batch()
        batch.pace.hear(Shared(level=1, processes=1))

        async def work(slot):
            await batch.come()
            assert (batch.pace.busy, batch.waiting, slot.tokens) == (1, [0], 0)
            if failure is not None:
                raise failure

        with contextlib.suppress(ZeroDivisionError, asyncio.CancelledError):
            await batch.pace.run(None, work, lambda: 7)
        await settle()
        assert (batch.pace.busy, list(batch.inside)) == (1, [0])
        await batch.go(RateLimits(remaining_tokens=50, reset_tokens=20.0))

        async def weighed(slot):
            assert slot.tokens == 7

        await batch.pace.run(None, weighed, lambda: 7)
        assert batch.pace._tokens.left(asyncio.get_running_loop().time()) == 43
        assert batch.pace.busy == 0

    Simulation.play(play())


def test_a_batch_sits_out_long_windows_and_ends_at_longer_ones():
    async def play():
        batch = Batch(1)
        await batch.come(3)
        batch.refuse(500.0)
        await batch.go()
        assert batch.limiter.waiting_seconds == pytest.approx(500.0, rel=0.06)
        await asyncio.sleep(530.0)
        assert list(batch.inside) == [1]
        batch.refuse(86_400.0)
        await batch.go()
        assert isinstance(batch.calls[2].exception(), RateLimited)
        assert batch.limiter.waiting_seconds == LONGEST_SECONDS
        await batch.come()
        assert isinstance(batch.calls[3].exception(), RateLimited)

    Simulation.play(play())


def test_a_batch_that_was_given_up_in_a_window_is_no_work():
    async def play():
        batch = Batch(1)
        await batch.come(3)
        batch.refuse(500.0)
        await batch.go()
        assert batch.pace.own().processes == 1
        batch.limiter.shut()
        for number in (1, 2):
            await batch.give_up(number)
        assert batch.pace.own().processes == 0
        assert not batch.pace.is_active

    Simulation.play(play())


def test_other_processes_take_their_part_of_the_slots_and_their_windows_hold_here():
    async def play():
        batch = Batch()
        batch.pace.hear(Shared(busy=6, level=8, processes=1))
        await batch.come(8)
        assert len(batch.inside) == 4  # half of them, however many the other has
        batch.pace.hear(Shared(busy=2, level=8, processes=1))
        assert batch.limiter.allowed == 6
        batch.pace.hear(Shared(forbidden=40.0))
        await batch.end()
        assert not batch.inside
        assert batch.pace.own().forbidden == pytest.approx(40.0)
        batch.pace.hear(Shared())
        await asyncio.sleep(41.0)
        assert batch.inside
        await batch.end()

    Simulation.play(play())


@pytest.mark.parametrize(
    ("others", "slots"),
    [
        (Shared(), 8),
        (Shared(busy=6, level=8), 8),
        (Shared(busy=6, level=8, processes=1), 4),
        (Shared(busy=2, level=8, processes=1), 6),
        (Shared(busy=0, level=4, processes=1), 4),
        (Shared(busy=1, level=None, processes=1), 7),
        (Shared(busy=9, level=8, processes=2), 3),
        (Shared(busy=9, level=8, processes=20), 1),
    ],
)
def test_processes_share_the_slots_of_a_server(others, slots):
    async def play():
        pace = Pace("S")
        pace.hear(others)
        assert pace.slots == slots
        assert (pace.own(), pace.is_active) == (Shared(0, 8, 0.0, 0), False)

    Simulation.play(play())


def test_what_a_process_does_is_told_to_others():
    async def play():
        batch, closed = Batch(2), []
        batch.pace.on_closed = lambda: closed.append(batch.pace.own().forbidden)
        await batch.come(3)
        assert (batch.pace.own(), batch.pace.is_active) == (Shared(2, 8, 0.0, 1), True)
        await batch.go()
        assert (batch.pace.own(), batch.pace.is_active) == (Shared(2, 8, 0.0, 0), True)
        batch.refuse()
        batch.refuse(0.0)
        assert closed == []
        batch.refuse(10.0)
        assert [10.0 <= seconds <= 10.5 for seconds in closed] == [True]
        await asyncio.sleep(20.0)
        assert batch.pace.own().forbidden == 0.0
        await batch.end()
        assert not batch.pace.is_active

    Simulation.play(play())


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (RateLimits(remaining_requests=0, reset_requests=20.0), 20.02),
        (RateLimits(remaining_tokens=0, reset_tokens=20.0), 20.02),
        (RateLimits(remaining_requests=0, reset_requests=20.0, remaining_tokens=0, reset_tokens=9.0), 20.02),
        (RateLimits(remaining_requests=0, reset_requests=20.0, remaining_tokens=1, reset_tokens=90.0), 20.02),
        (RateLimits(remaining_requests=0, reset_requests=86_400.0), 3_600.0),
        (RateLimits(remaining_requests=1, reset_requests=20.0), 0.0),
        (RateLimits(remaining_requests=0), 0.0),
    ],
)
def test_where_nothing_is_left_nothing_is_sent_until_the_reset(limits, seconds):
    async def play():
        batch = Batch()
        await batch.come()
        await batch.go(limits)
        assert batch.pace.closed_for() == batch.limiter.waiting_seconds == pytest.approx(seconds)
        await asyncio.sleep(seconds)
        assert batch.pace.closed_for() < 1e-6 or seconds == 3_600.0

    Simulation.play(play())


def test_a_request_that_fails_before_its_answer_counts_once():
    async def play():
        batch = Batch()
        await batch.come()
        await batch.go(RateLimits(remaining_requests=3, reset_requests=20.0, remaining_tokens=300, reset_tokens=20.0))
        await batch.come(1, tokens=100)
        await batch.give_up(1)
        await batch.come(6, tokens=100)
        assert list(batch.inside) == [2, 3]
        for number in (2, 3):
            await batch.give_up(number)
        await batch.come(2)
        assert (list(batch.inside), batch.pace.busy) == ([], 0)
        await asyncio.sleep(20.1)
        assert batch.inside
        await batch.end()

    Simulation.play(play())


def test_while_many_wait_there_is_one_timer():
    async def play():
        batch = Batch()
        await batch.come()
        await batch.go(RateLimits(remaining_requests=1, reset_requests=20.0))
        await batch.come(50)
        loop = asyncio.get_running_loop()
        assert len([timer for timer in loop._scheduled if not timer.cancelled() and timer.when() < 100.0]) == 1
        for number in range(2, 51):
            await batch.give_up(number)
        await batch.end()

    Simulation.play(play())


limits = st.builds(
    RateLimits,
    remaining_requests=st.none() | st.integers(0, 6),
    reset_requests=st.none() | st.floats(0, 100),
    limit_requests=st.none() | st.integers(0, 6),
)
steps = st.one_of(
    st.tuples(st.just("come"), st.integers(1, 5)),
    st.tuples(st.just("go"), st.none() | limits),
    st.tuples(st.just("give_up"), st.integers(0, 8)),
    st.tuples(st.just("refuse"), st.none() | st.floats(0, 100)),
    st.tuples(st.just("pass"), st.floats(0, 100)),
)


@given(st.integers(1, 6), st.lists(steps))
def test_no_place_is_lost_or_given_twice_and_none_in_a_window_whatever_happens(most, played):
    async def play():
        batch = Batch(most)
        for step, value in played:
            before, closed = set(batch.inside), batch.pace.closed_for()
            match step:
                case "come":
                    await batch.come(value)
                case "go" if batch.inside:
                    await batch.go(value)
                case "give_up" if value < len(batch.calls):
                    await batch.give_up(value)
                case "refuse" if batch.inside:
                    batch.refuse(value)
                case "pass":
                    await asyncio.sleep(value)
            await settle()
            assert batch.pace.busy == batch.limiter.busy == len(batch.inside)
            assert len(batch.inside) <= max(len(before), batch.limiter.allowed)
            assert 1 <= batch.limiter.allowed <= most
            if step != "pass" and closed > 0 and batch.pace.closed_for() > 0:
                assert set(batch.inside) <= before
        for _ in range(200):
            if not batch.waiting and not batch.inside:
                break
            await batch.end()
            await asyncio.sleep(50.0)
        assert not batch.waiting

    Simulation.play(play())
