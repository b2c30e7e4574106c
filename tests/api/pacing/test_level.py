"""The level alone: chance does not move it, a crowd does."""

import math
import random

import pytest

from nbchat.api.pacing.latency import Latency
from nbchat.api.pacing.level import GREATEST, HOLDS, START, SUFFERS, Level


def ratios(factors, spread, count=48, seed=0):
    """The ratios of epochs whose durations are so many times as long as the first ones."""
    chance, latency, found = random.Random(seed), Latency(), []
    for factor in factors:
        for _ in range(count):
            latency.add(factor * chance.lognormvariate(0, spread), 0)
        found.append(latency.ratio(count))
    return found


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.6, 1.0])
def test_answers_of_different_lengths_are_no_crowd(spread):
    found = [ratio for seed in range(20) for ratio in ratios([1.0] * 20, spread, seed=seed)]
    assert sum(ratio > HOLDS for ratio in found) <= 0.06 * len(found)
    assert sum(ratio > SUFFERS for ratio in found) <= 0.01 * len(found)


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.6])
def test_a_crowd_is_seen_at_once(spread):
    assert all(ratios([1.0, 1.0, 3.0], spread, seed=seed)[-1] > SUFFERS for seed in range(20))


def test_a_server_that_is_slower_for_good_is_accepted_in_time():
    found = ratios([1.0] + 60 * [3.0], 0.1)
    assert found[1] > SUFFERS
    assert found[-1] <= HOLDS


def test_it_doubles_to_where_it_suffered_and_then_grows_slowly():
    level = Level()
    for _ in range(3):
        level.judge(1.0, saturated=True)
    assert level.value == 8 * START
    level.judge(2 * SUFFERS, saturated=True)
    before = level.value
    assert before < 8 * START
    level.judge(1.0, saturated=True)
    assert level.value == int(before + math.sqrt(before)) or level.value == before + int(math.sqrt(before))


def test_it_shrinks_as_latency_rises_and_at_most_by_half():
    for ratio, value in ((2 * HOLDS, 4 * START), (1.6 * HOLDS, int(8 * START / 1.6)), (100, 4 * START)):
        level = Level()
        for _ in range(3):
            level.judge(1.0, saturated=True)
        level.judge(ratio, saturated=False)
        assert level.value == value


def test_it_stays_within_its_bounds_and_grows_only_where_it_was_the_limit():
    level = Level()
    level.judge(1.0, saturated=False)
    assert level.value == START
    for _ in range(100):
        level.judge(1.0, saturated=True)
    assert level.value == GREATEST
    for _ in range(100):
        level.refuse(level.changes, level.value)
    assert level.value == 1


def test_a_restart_doubles_from_half_back_to_the_level():
    level = Level()
    level.restart()
    assert level.value == START
    for _ in range(3):
        level.judge(1.0, saturated=True)
    level.restart()
    assert level.value == 4 * START
    level.judge(1.0, saturated=True)
    assert level.value == 8 * START
    level.judge(1.0, saturated=True)
    assert level.value < 16 * START
