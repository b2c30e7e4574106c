"""Which requests share a pace, and what processes hear of each other."""

import asyncio

from nbchat.api.endpoints import Endpoint
from nbchat.api.keys import Key
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.paces import SHARING_SECONDS, Paces
from nbchat.api.pacing.sharing import Shared

URL = "https://example.org/v1"


class Table:
    """Where processes meet: notes what this one publishes, and tells it what it is set to."""

    def __init__(self):
        self.published = []
        self.others = Shared()

    def exchange(self, base_url, key, own):
        self.published.append((base_url, key, own))
        return self.others


def test_a_pace_belongs_to_a_server_and_a_key():
    async def play():
        paces = Paces()
        one = paces.of(Endpoint(URL, Key("sk-one-12345678")))
        assert paces.of(Endpoint(URL, Key("sk-one-12345678"))) is one
        others = [
            Endpoint(URL, Key("sk-two-12345678")),
            Endpoint(URL),
            Endpoint("https://example.com/v1", Key("sk-one-12345678")),
            Endpoint(URL, headers=(("x-key", Key("sk-three-12345678")),)),
        ]
        assert len({one, *map(paces.of, others)}) == 5

    asyncio.run(play())


def test_what_others_know_is_heard_before_a_request_and_while_a_batch_runs():
    async def play():
        table = Table()
        table.others = Shared(busy=7, level=8, processes=1)
        paces, endpoint = Paces(table), Endpoint(URL, Key("sk-one-12345678"))
        pace = paces.of(endpoint)
        await paces.catch_up(pace, alone=True)
        assert (pace.slots, len(table.published)) == (4, 1)
        done = asyncio.Event()

        async def work(_slot):
            await done.wait()

        batch = asyncio.create_task(pace.run(ConcurrencyLimiter(), work))
        await asyncio.sleep(0)
        await paces.catch_up(pace, alone=False)
        table.others = Shared(forbidden=30.0)
        while pace.closed_for() == 0.0:
            await asyncio.sleep(SHARING_SECONDS)
        assert table.published[-1][2].busy == 1
        done.set()
        await batch
        while table.published[-1][2].busy:
            await asyncio.sleep(SHARING_SECONDS)

    asyncio.run(asyncio.wait_for(play(), 30.0))


def test_without_a_key_nothing_is_shared():
    async def play():
        table = Table()
        paces = Paces(table)
        for endpoint in (Endpoint(URL), Endpoint(URL, Key("ollama"))):
            await paces.catch_up(paces.of(endpoint), alone=True)
        assert table.published == []

    asyncio.run(play())


def test_a_request_on_its_own_asks_others_only_if_it_has_not_heard_of_them_for_a_while():
    async def play():
        table = Table()
        paces = Paces(table)
        pace = paces.of(Endpoint(URL, Key("sk-one-12345678")))
        await asyncio.gather(*(paces.catch_up(pace, alone=True) for _ in range(3)))
        await paces.catch_up(pace, alone=True)
        assert [(url, key, own.busy) for url, key, own in table.published] == [(URL, Key("sk-one-12345678"), 0)]
        assert paces._meetings[pace]._running is None

    asyncio.run(play())


def test_others_hear_when_a_batch_is_over():
    async def play():
        table = Table()
        paces = Paces(table)
        pace = paces.of(Endpoint(URL, Key("sk-one-12345678")))
        for _ in range(2):
            done = asyncio.Event()
            batch = asyncio.create_task(pace.run(ConcurrencyLimiter(), lambda _slot, done=done: done.wait()))
            await asyncio.sleep(0)
            await paces.catch_up(pace, alone=False)
            running = paces._meetings[pace]._running
            await paces.catch_up(pace, alone=False)
            assert paces._meetings[pace]._running is running
            while table.published[-1][2].busy == 0:
                await asyncio.sleep(0)
            done.set()
            await batch
            await running
            assert table.published[-1][2].busy == 0

    asyncio.run(play())


def test_where_others_can_not_be_heard_a_request_is_sent_all_the_same():
    class Alone(Table):
        def exchange(self, base_url, key, own):
            if self.others is None:
                return
            raise RuntimeError("can't start new thread")

    async def play():
        for others in (None, Shared()):
            table = Alone()
            table.others = others
            paces = Paces(table)
            pace = paces.of(Endpoint(URL, Key("sk-one-12345678")))
            await paces.catch_up(pace, alone=True)
            assert (pace.slots, pace.closed_for()) == (8, 0.0)

    asyncio.run(play())
