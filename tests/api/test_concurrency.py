"""How many requests are in flight: halved by a refusal, regained with answers, never more than asked for or left."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.concurrency import ConcurrencyLimiter
from nbchat.values.answer.rate_limits import RateLimits


class Batch:
    """Calls that share a pace; each is in flight until it is told to end. Use on a running loop."""

    def __init__(self, most):
        self.limiter = ConcurrencyLimiter(most)
        self.calls = []
        self.inside = {}
        """By the call's number, in the order in which they were begun."""

    async def come(self, count=1):
        """So many more calls come."""
        for _ in range(count):
            number = len(self.calls)
            self.calls.append(asyncio.create_task(self.limiter.run(lambda number=number: self._call(number))))
        await settle()

    async def _call(self, number):
        end = self.inside[number] = asyncio.get_running_loop().create_future()
        try:
            await end
        finally:
            del self.inside[number]

    async def go(self):
        """The one that has been inside longest is over."""
        next(iter(self.inside.values())).set_result(None)
        await settle()

    async def give_up(self, number):
        """A call is cancelled, inside or waiting."""
        self.calls[number].cancel()
        await settle()

    @property
    def waiting(self):
        """The numbers of those that wait."""
        return [number for number, call in enumerate(self.calls) if not call.done() and number not in self.inside]


async def settle():
    for _ in range(6):
        await asyncio.sleep(0)


def test_a_refusal_halves_and_answers_bring_it_back_one_by_one():
    async def play():
        batch = Batch(16)
        await batch.come(16)
        batch.limiter.refused(0)
        assert batch.limiter.allowed == 8
        for _ in range(9):
            batch.limiter.answered(None)
        assert batch.limiter.allowed == 9
        for _ in range(500):
            batch.limiter.answered(None)
        assert batch.limiter.allowed == 16

    asyncio.run(play())


def test_refusals_of_requests_sent_together_count_once():
    async def play():
        batch = Batch(16)
        await batch.come(16)
        sent = batch.limiter.halvings
        for _ in range(16):
            batch.limiter.refused(sent)
        assert batch.limiter.allowed == 8
        for _ in range(8):
            await batch.go()
        batch.limiter.refused(batch.limiter.halvings)
        assert batch.limiter.allowed == 4

    asyncio.run(play())


def test_a_refusal_counts_however_many_were_answered_since_the_last():
    """Of sixteen only one was refused; what the other fifteen were forgiven for is not owed to later ones."""

    async def play():
        batch = Batch(16)
        await batch.come(16)
        batch.limiter.refused(batch.limiter.halvings)
        for _ in range(300):
            batch.limiter.answered(None)
        assert batch.limiter.allowed == 16
        batch.limiter.refused(batch.limiter.halvings)
        assert batch.limiter.allowed == 8

    asyncio.run(play())


def test_it_lets_in_no_more_than_the_server_has_left():
    async def play():
        batch = Batch(16)
        await batch.come(1)
        batch.limiter.answered(RateLimits(remaining_requests=3))
        await batch.come(9)
        assert len(batch.inside) == 3
        batch.limiter.answered(None)
        await settle()
        assert len(batch.inside) == 10

    asyncio.run(play())


def test_who_waits_is_served_in_order_and_who_gave_up_is_passed_over():
    async def play():
        batch = Batch(1)
        await batch.come(4)
        await batch.give_up(1)
        await batch.go()
        assert list(batch.inside) == [2]
        await batch.give_up(2)
        assert (list(batch.inside), batch.waiting) == ([3], [])
        await batch.go()

    asyncio.run(play())


def test_the_next_begins_in_the_same_breath():
    async def play():
        limiter, steps = ConcurrencyLimiter(1), []

        async def call(name):
            steps.append(f"{name} begins")
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(steps.append, "another turn of the loop")
            steps.append(f"{name} ends")

        await asyncio.gather(limiter.run(lambda: call("one")), limiter.run(lambda: call("two")))
        assert steps[1:3] == ["one ends", "two begins"]

    asyncio.run(play())


def test_what_a_call_raises_reaches_who_waits_for_it_and_its_place_is_free():
    async def fail():
        raise ZeroDivisionError

    async def play():
        limiter, done = ConcurrencyLimiter(1), []

        async def note():
            done.append(True)

        failed, _ = await asyncio.gather(limiter.run(fail), limiter.run(note), return_exceptions=True)
        assert isinstance(failed, ZeroDivisionError)
        assert done

    asyncio.run(play())


def test_once_shut_nothing_more_is_begun():
    async def play():
        batch = Batch(1)
        await batch.come(2)
        batch.limiter.shut()
        await batch.go()
        await batch.come()
        assert (list(batch.inside), batch.waiting) == ([], [1, 2])
        for number in (1, 2):
            await batch.give_up(number)

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
        batch = Batch(most)
        for step, value in played:
            before = len(batch.inside)
            match step:
                case "come":
                    await batch.come(value)
                case "go" if batch.inside:
                    await batch.go()
                case "give_up" if value < len(batch.calls):
                    await batch.give_up(value)
                case "refused" if batch.inside:
                    batch.limiter.refused(batch.limiter.halvings)
                case "answered":
                    batch.limiter.answered(value)
            await settle()
            assert 1 <= batch.limiter.allowed <= most
            assert len(batch.inside) <= max(before, batch.limiter.allowed)
            assert not batch.waiting or len(batch.inside) >= batch.limiter.allowed
        while batch.inside:
            await batch.go()
        assert not batch.waiting

    asyncio.run(play())
