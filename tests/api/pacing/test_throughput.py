"""Batches in simulated time: how near they come to what a server allows, and that they never send when it forbids."""

import asyncio
import math

import pytest

from nbchat.api.pacing.level import START
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.pace import Pace
from tests.api.pacing.simulation import Degrading, Refused, Server, Simulation, Windows, ask, run_batch

MEAN = math.exp(0.5 * 0.5**2)  # of log-normal durations with a spread of 0.5 whose median is 1


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize(("most", "window"), [(1, 1), (5, 10), (50, 1), (500, 10)])
def test_where_headers_tell_what_is_left_nothing_is_refused_and_nothing_wasted(most, window, spread):
    server = Windows(most, window, tells=True, seconds=0.05, spread=spread)
    took, _ = Simulation.play(run_batch(server, 10 * most + 1))
    assert server.in_forbidden == []
    assert server.refusals <= max(0, 8 - most)  # of those sent before the first answer
    assert took <= 1.05 * 10 * window


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize(("most", "window"), [(1, 1), (5, 10), (50, 1), (500, 10)])
def test_where_only_refusals_tell_nothing_is_sent_before_the_time_they_name(most, window, spread):
    server = Windows(most, window, tells=False, seconds=0.05, spread=spread)
    took, _ = Simulation.play(run_batch(server, 10 * most + 1))
    assert server.in_forbidden == []
    assert server.refusals <= 0.2 * len(server.arrivals) or most < 10
    assert took <= 1.5 * 10 * window


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("room", [1, 4, 16, 50])
def test_a_server_that_slows_down_beyond_its_room_is_filled_and_not_flooded(room, seed):
    server = Degrading(room, seconds=0.3, spread=0.5, seed=seed)
    took, pace = Simulation.play(run_batch(server, 1500))
    assert took <= 1.35 * 1500 / room * 0.3 * MEAN
    assert pace.level.value <= 4 * room + 60


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("room", [4, 16])
def test_a_server_that_does_less_when_crowded_is_kept_from_the_crowd(room, seed):
    server = Degrading(room, power=2, seconds=0.3, spread=0.3, seed=seed)
    took, pace = Simulation.play(run_batch(server, 1500))
    flooded = 1500 / 64 * 0.3 * (64 / room) ** 2  # 64 at once all the time
    assert took <= min(2.0 * 1500 / room * 0.3, flooded)
    assert pace.level.value <= 2.5 * room


def test_a_ceiling_is_reached_and_not_crossed():
    server = Server(0.3, spread=0.5)
    took, _ = Simulation.play(run_batch(server, 3000, most=64))
    assert server.most_inside == 64
    assert took <= 1.12 * 3000 / 64 * 0.3 * MEAN


def test_a_ceiling_below_the_level_says_nothing_about_more():
    _, pace = Simulation.play(run_batch(Server(0.3), 200, most=START - 1))
    assert pace.level.value == START


def test_it_begins_modestly():
    server = Server(0.3)
    Simulation.play(run_batch(server, 8 + 1))
    assert server.most_inside == 8


def test_after_throttling_the_level_comes_back():
    class Throttling(Server):
        def admit(self):
            if 5.0 < self.now < 6.0:
                raise Refused(None)

    server = Throttling(0.1)
    took, pace = Simulation.play(run_batch(server, 20_000, most=64))
    assert server.refusals
    assert pace.level.value >= 64
    assert took <= 1.3 * 20_000 / 64 * 0.1


def test_one_slow_request_holds_nobody():
    class OneIsSlow(Server):
        def duration(self):
            return 1000.0 if len(self.arrivals) == 3 else 0.1

    async def play():
        server, pace, limiter = OneIsSlow(), Pace("S"), ConcurrencyLimiter()
        asked = [asyncio.create_task(ask(pace, limiter, server)) for _ in range(500)]
        await asyncio.sleep(60.0)
        assert [task.done() for task in asked].count(False) == 1
        asked[2].cancel()
        await asyncio.wait(asked)

    Simulation.play(play())


def test_a_request_that_waits_to_be_tried_again_holds_nobody():
    class OneIsRefused(Server):
        def admit(self):
            if len(self.arrivals) == 1:
                raise Refused(None)

    async def play():
        server, pace, limiter = OneIsRefused(0.01), Pace("S"), ConcurrencyLimiter(1)
        asked = [asyncio.create_task(ask(pace, limiter, server)) for _ in range(10)]
        await asyncio.sleep(0.4)
        assert [task.done() for task in asked] == [False] + 9 * [True]
        await asked[0]

    Simulation.play(play())


def test_two_batches_take_turns_and_a_request_on_its_own_waits_for_neither():
    async def play():
        server, pace = Server(0.1), Pace("S")
        big, small = ConcurrencyLimiter(), ConcurrencyLimiter()
        first = [asyncio.create_task(ask(pace, big, server)) for _ in range(2000)]
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        second = [asyncio.create_task(ask(pace, small, server)) for _ in range(20)]
        await ask(pace, None, server)
        assert asyncio.get_running_loop().time() - began < 0.11
        await asyncio.gather(*second)
        assert asyncio.get_running_loop().time() - began < 1.0
        assert not all(task.done() for task in first)
        await asyncio.gather(*first)

    Simulation.play(play())


def test_the_next_batch_begins_where_the_last_one_ended_and_does_not_creep_up():
    async def play():
        server = Degrading(16, seconds=0.3, spread=0.3)
        _, pace = await run_batch(server, 600)
        levels = [pace.level.value]
        for _ in range(10):
            await run_batch(server, 300, pace=pace)
            levels.append(pace.level.value)
        assert min(levels[1:]) >= 12
        assert max(levels) <= 80

    Simulation.play(play())


def test_a_batch_of_slower_requests_is_measured_under_less_load():
    async def play():
        _, pace = await run_batch(Server(0.1), 400, most=64)
        before = pace.level.value
        await run_batch(Server(0.15), pace.level.samples, most=64, pace=pace)
        assert pace.level.value >= before
        before = pace.level.value
        await run_batch(Server(1.0), pace.level.samples, most=64, pace=pace)
        assert pace.level.value == before / 2

    Simulation.play(play())


def test_other_requests_that_take_longer_do_not_count_as_a_crowd():
    async def play():
        pace = Pace("S")
        await run_batch(Server(0.3, spread=0.3), 1000, pace=pace, most=64)
        server = Server(3.0, spread=0.3)
        took, _ = await run_batch(server, 1000, pace=pace, most=64)
        assert took <= 1.35 * 1000 / 64 * 3.0

    Simulation.play(play())
