"""How many requests are in flight: halved by a refusal, regained with answers, never more than asked for or left."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.pace import Pace
from nbchat.values.limits import RateLimits


class Gate:
    """A pace, and the calls that wait at it or are inside. Use on a running loop."""

    def __init__(self, most):
        self.pace = Pace(most)
        self.waiting = []
        self.inside = []

    async def come(self, count=1):
        """So many more calls come."""
        for _ in range(count):
            self.waiting.append(asyncio.create_task(self.pace.enter()))
        await self.settle()

    async def go(self):
        """The first of those inside is over."""
        self.inside.pop(0)
        self.pace.leave()
        await self.settle()

    async def give_up(self, place):
        """One that waits is cancelled."""
        self.waiting.pop(place).cancel()
        await self.settle()

    async def settle(self):
        for _ in range(3):
            await asyncio.sleep(0)
        self.inside += [task for task in self.waiting if task.done()]
        self.waiting = [task for task in self.waiting if not task.done()]


def test_a_refusal_halves_and_answers_bring_it_back_one_by_one():
    async def play():
        gate = Gate(16)
        await gate.come(16)
        gate.pace.refused()
        assert gate.pace.allowed == 8
        for _ in range(9):
            gate.pace.answered(None)
        assert gate.pace.allowed == 9
        for _ in range(500):
            gate.pace.answered(None)
        assert gate.pace.allowed == 16

    asyncio.run(play())


def test_refusals_of_requests_sent_together_count_once():
    async def play():
        gate = Gate(16)
        await gate.come(16)
        for _ in range(16):
            gate.pace.refused()
        assert gate.pace.allowed == 8
        for _ in range(8):
            await gate.go()
        gate.pace.refused()
        assert gate.pace.allowed == 4

    asyncio.run(play())


def test_it_lets_in_no_more_than_the_server_has_left():
    async def play():
        gate = Gate(16)
        await gate.come(1)
        gate.pace.answered(RateLimits(remaining_requests=3))
        await gate.come(9)
        assert len(gate.inside) == 3
        gate.pace.answered(None)
        await gate.settle()
        assert len(gate.inside) == 10

    asyncio.run(play())


def test_who_waits_is_let_in_in_order_and_a_place_that_was_given_back_is_taken():
    async def play():
        gate = Gate(1)
        await gate.come(4)
        first, second, third = gate.waiting
        first.cancel()
        gate.inside.pop()
        gate.pace.leave()  # the place goes to the first, which is being cancelled
        await gate.settle()
        assert (second.done(), third.done()) == (True, False)

    asyncio.run(play())


def test_once_shut_a_place_that_becomes_free_is_given_to_nobody():
    async def play():
        gate = Gate(1)
        await gate.come(2)
        gate.pace.shut()
        await gate.go()
        await gate.come()
        assert (len(gate.inside), len(gate.waiting)) == (0, 2)
        for waiting in gate.waiting:
            waiting.cancel()

    asyncio.run(play())


steps = st.one_of(
    st.tuples(st.just("come"), st.integers(1, 5)),
    st.tuples(st.just("go"), st.none()),
    st.tuples(st.just("give_up"), st.integers(0, 8)),
    st.tuples(st.just("refused"), st.none()),
    st.tuples(st.just("answered"), st.sampled_from([None, RateLimits(remaining_requests=2)])),
)


@given(st.integers(1, 6), st.lists(steps))
def test_no_place_is_lost_or_given_twice_whatever_happens(most, played):
    async def play():
        gate = Gate(most)
        for step, value in played:
            before = len(gate.inside)
            match step:
                case "come":
                    await gate.come(value)
                case "go" if gate.inside:
                    await gate.go()
                case "give_up" if value < len(gate.waiting):
                    await gate.give_up(value)
                case "refused" if gate.inside:
                    gate.pace.refused()
                case "answered":
                    gate.pace.answered(value)
            await gate.settle()
            assert 1 <= gate.pace.allowed <= most
            assert len(gate.inside) <= max(before, gate.pace.allowed)
            assert not gate.waiting or len(gate.inside) >= gate.pace.allowed
        while gate.waiting or gate.inside:
            await gate.go()

    asyncio.run(play())
