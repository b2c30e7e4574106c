"""The arithmetic of pacing: latency, allowances, and what a batch accepts; times are made up."""

import math

import pytest

from nbchat.api.pacing.allowance import Allowance
from nbchat.api.pacing.latency import Latency
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.pace import Pace
from nbchat.api.pacing.sharing import Shared
from nbchat.values.errors import RateLimited
from tests.api.pacing.simulation import Simulation


def ratio(latency, *seconds, count=4, earlier=None, changes=0):
    for each in seconds:
        latency.add(each, changes)
    return latency.ratio(count, earlier)


def test_four_durations_are_compared_and_then_dropped():
    latency = Latency()
    assert ratio(latency, 1.0, 1.0, 1.0, count=1) is None
    assert ratio(latency, 1.0, count=5) is None
    assert ratio(latency, count=1) == 1.0
    assert ratio(latency, 3.0, 3.0, 3.0) is None
    assert ratio(latency, 3.0) == pytest.approx(2.93, abs=0.01)  # beyond 25 ms that are ignored
    assert ratio(latency, *[3.0] * 4) == pytest.approx(2.77, abs=0.01)  # the reference follows
    assert ratio(latency, *[0.5] * 4) == 1.0
    assert ratio(latency, *[1.0] * 4) == pytest.approx(1.90, abs=0.01)


def test_a_difference_counts_as_far_as_the_spread_of_durations_does_not_explain_it():
    latency = Latency()
    assert ratio(latency, *[1.0] * 9) == 1.0
    assert ratio(latency, 1.0, 2.0, 4.0, 8.0, 16.0) == pytest.approx(1.238, abs=0.005)
    latency = Latency()
    assert ratio(latency, *[1.0] * 9) == 1.0
    assert ratio(latency, 9.0, 10.0, 10.0, 11.0, 12.0, count=5) == pytest.approx(9.016, abs=0.005)


def test_durations_of_another_level_are_dropped():
    latency = Latency()
    assert ratio(latency, 1.0, 1.0, 1.0) is None
    assert ratio(latency, 1.0, 1.0, 1.0, changes=1) is None
    assert ratio(latency, 0.0, changes=1) == 1.0  # a clock may stand still


@pytest.mark.parametrize(("factor", "seen"), [(1.9, 1.85), (0.51, 1.0), (2.1, 1.0), (0.4, 1.0)])
def test_an_earlier_batch_is_the_reference_if_it_was_alike(factor, seen):
    latency = Latency()
    assert ratio(latency, *[factor] * 4, earlier=0.0) == pytest.approx(seen, abs=0.01)
    before = latency.lowest
    ratio(latency, *[factor] * 4, earlier=before - 0.3)
    assert latency.lowest >= before


def told(*headers):
    """An allowance after these headers, each (limit, remaining, reset), of requests sent and answered at time 0."""
    allowance = Allowance()
    for most, left, reset in headers:
        allowance.send(1)
        allowance.tell(1, most, left, reset, 0.0)
    return allowance


@pytest.mark.parametrize(
    ("headers", "now", "then"),
    [
        ([(10, 7, 5.0)], (7.0, 5.0), (10.0, None)),
        ([(10, 7, 5.0), (10, 8, 5.0)], (7.0, 5.0), (10.0, None)),  # read in another order than written
        ([(10, 7, 5.0), (10, 6, 9.0)], (6.0, 9.0), (6.0, 9.0)),
        ([(None, 7, 5.0)], (7.0, 5.0), (8.0, None)),  # what it said was left, and the request itself
        ([(None, 7, 5.0), (None, 3, 5.0)], (3.0, 5.0), (8.0, None)),
        ([(10, 7, None)], (7.0, None), (7.0, None)),
        ([(10, 7, None), (10, 9, None)], (9.0, None), (9.0, None)),
        ([(10, None, 5.0)], (math.inf, None), (math.inf, None)),
        ([(0, 0, 5.0)], (math.inf, None), (math.inf, None)),  # "no limit"
        ([(10, 7, 5.0), (None, None, None)], (6.0, 5.0), (10.0, None)),
    ],
)
def test_what_is_left_of_a_limit_now_and_after_its_reset(headers, now, then):
    allowance = told(*headers)
    assert (allowance.left(4.9), allowance.opens(4.9)) == now
    assert (allowance.left(5.0), allowance.opens(5.0)) == then
    assert allowance.known == (now[0] < math.inf)


def test_requests_in_flight_are_subtracted_and_those_that_tell_nothing_count():
    allowance = told((3, 2, 5.0))
    allowance.send(2)
    assert (allowance.left(1.0), allowance.is_spent(1.0)) == (0.0, False)
    allowance.land(2, 1.0)
    assert (allowance.left(1.0), allowance.is_spent(1.0)) == (0.0, True)
    allowance.send(1)
    allowance.land(1, 6.0)
    assert (allowance.left(6.0), allowance.is_spent(6.0)) == (2.0, False)
    allowance.land(9, 6.0)
    assert allowance.left(6.0) == -7.0


def test_a_batch_waits_ten_minutes_for_a_window_and_no_longer():
    async def play():
        pace, limiter = Pace("S"), ConcurrencyLimiter()
        assert (limiter.waiting_seconds, limiter.allowed, limiter.is_shut) == (0.0, 8, False)

        async def work(_slot):
            pass

        pace.hear(Shared(forbidden=600.0))
        await pace.run(limiter, work)
        pace.hear(Shared(forbidden=600.1))
        with pytest.raises(RateLimited, match="another 600 s"):
            await pace.run(limiter, work)

    Simulation.play(play())


@pytest.mark.parametrize("most", [3, 1])
def test_a_batch_has_no_more_in_flight_than_it_asks_for(most):
    assert ConcurrencyLimiter(most).allowed == most
