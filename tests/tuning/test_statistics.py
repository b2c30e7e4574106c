"""Means, intervals and differences: right where they can be checked, modest where there is little to go by."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.tuning.statistics import Mean, difference, independent_difference, interval_text, t_quantile

# Any table of Student's distribution, two-sided 95 %.
TABLE = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 10: 2.2281, 30: 2.0423, 120: 1.9799, 1000: 1.9623}


@pytest.mark.parametrize(("freedom", "value"), TABLE.items())
def test_quantiles_of_student_are_those_of_the_tables(freedom, value):
    assert t_quantile(freedom) == pytest.approx(value, abs=6e-5)
    assert t_quantile(5, 0.99) == pytest.approx(4.0321, abs=6e-5)


def test_a_mean_has_students_interval():
    """Values and interval from a textbook: mean 5, s = 1, n = 4, so 5 ± 3.1824 / 2."""
    values = [5 - math.sqrt(1.5), 5.0, 5.0, 5 + math.sqrt(1.5)]
    mean = Mean.of(values)
    assert (mean.mean, mean.n) == (5, 4)
    assert (mean.low, mean.high) == (pytest.approx(5 - 1.5912, abs=1e-4), pytest.approx(5 + 1.5912, abs=1e-4))


def test_shares_have_wilsons_interval_and_stay_between_0_and_1():
    mean = Mean.of([1, 1, 1, 0, 1, 1, 1, 1, 1, 1], truths=True)
    assert (round(mean.low, 3), round(mean.high, 3)) == (0.596, 0.982)
    assert Mean.of([True] * 5, truths=True).high == 1


def test_values_that_are_not_numbers_are_left_out():
    assert Mean.of([1.0, None, math.nan, math.inf, 3.0]).mean == 2
    assert Mean.of([None, math.nan]) is None
    assert Mean.of([]) is None
    assert Mean.of([1e308, -1e308, 10**400, 2.0]).mean == 2
    assert difference([(1e308, -1e308), (2.0, 1.0)]).n == 1


@pytest.mark.parametrize("values", [[7.0], [7.0, 7.0], [10.0] * 4, [7.0] * 6, [1, 1, 1, 1], [0, 0, 0, 0]])
def test_equal_values_have_no_interval_however_many_and_are_not_taken_for_truth_values(values):
    mean = Mean.of(values)
    assert (mean.low, mean.high, mean.error) == (None, None, None)
    assert "(" not in interval_text(mean)


def test_a_clear_difference_is_settled():
    gap = difference([(9.1, 5.0), (8.8, 5.2), (9.0, 4.9), (9.2, 5.1), (8.9, 5.0)])
    assert gap.settled
    assert gap.low < 4 < gap.high
    assert gap.more is None


def test_pairs_that_rise_and_fall_together_settle_what_their_scatter_would_hide():
    scatter = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    wobble = [0.1, -0.1, 0.2, -0.2, 0.1, -0.1]
    pairs = [(value + 1 + off, value) for value, off in zip(scatter, wobble, strict=True)]
    assert difference(pairs).settled
    assert not independent_difference(Mean.of(a for a, _ in pairs), Mean.of(b for _, b in pairs)).settled


def test_three_equal_pairs_settle_nothing_but_say_how_many_more_would():
    gap = difference([(1, 0)] * 3)
    assert not gap.settled
    assert gap.more == 1
    assert difference([(1, 0)] * 4).settled


def test_no_difference_at_all_is_never_settled_and_no_number_would_help():
    gap = difference([(1, 1)] * 50)
    assert (gap.settled, gap.more) == (False, None)


def test_one_pair_has_no_interval_and_asks_for_more():
    gap = difference([(1, 0)])
    assert (gap.low, gap.settled, gap.more) == (None, False, 3)


def test_pairs_with_a_missing_half_are_left_out():
    assert difference([(1, None), (math.nan, 2), (None, None)]) is None
    assert difference([(1, 0), (2, None)]).n == 1


def test_the_repeats_it_asks_for_settle_a_difference_of_the_same_size_and_scatter_with_a_power_of_80_percent():
    pairs = [(1.0, 0.0), (0.0, 0.4), (0.7, 0.2), (0.1, 0.3), (0.9, 0.1)]
    gap = difference(pairs)
    spread = statistics.stdev(a - b for a, b in pairs)
    total = gap.n + gap.more
    assert not gap.settled
    assert (t_quantile(total - 1) + 0.8416) * spread / math.sqrt(total) < gap.mean
    assert (t_quantile(total - 2) + 0.8416) * spread / math.sqrt(total - 1) >= gap.mean


def test_so_many_repeats_do_settle_it_in_about_four_of_five_cases():
    """1,000 sweeps of as many repeats as asked for, of just the difference and scatter that were found."""
    chance = random.Random(1)
    pairs = [(1.0, 0.0), (0.0, 0.4), (0.7, 0.2), (0.1, 0.3), (0.9, 0.1)]
    gap, spread = difference(pairs), statistics.stdev(a - b for a, b in pairs)
    sweeps = ([(chance.gauss(gap.mean, spread), 0.0) for _ in range(gap.n + gap.more)] for _ in range(1000))
    assert 750 <= sum(difference(sweep).settled for sweep in sweeps) <= 850


def test_noise_is_called_settled_about_as_rarely_as_promised():
    """2,000 sweeps of two equal settings: at most about one in twenty may be called different."""
    chance = random.Random(1)
    wrong = sum(difference([(chance.gauss(0, 1), chance.gauss(0, 1)) for _ in range(6)]).settled for _ in range(2000))
    assert 60 <= wrong <= 140


numbers = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12))
def test_a_reversed_difference_is_its_opposite(pairs):
    gap, opposite = difference(pairs), difference([(b, a) for a, b in pairs])
    assert opposite.mean == pytest.approx(-gap.mean)
    assert opposite.settled == gap.settled
    assert opposite.low == pytest.approx(-gap.high)
    assert gap.low <= gap.mean <= gap.high


@given(st.lists(numbers, min_size=1, max_size=12))
def test_a_mean_lies_within_its_interval_and_has_a_text(values):
    mean = Mean.of(values)
    if mean.low is not None:
        assert mean.low <= mean.mean <= mean.high
    assert interval_text(mean)
    assert interval_text(None) == ""
