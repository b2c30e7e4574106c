"""Agreement between answers to the same question."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.tuning.agreement import agreement, most_compared, similarities
from nbchat.tuning.statistics import independent_difference

LONG = "The generator yields one value after another until the function returns at last"


def similarity(a, b):
    return similarities([a, b])[0][1]


def test_short_answers_agree_or_they_do_not():
    assert similarity("Yes", " yes. ") == 1
    assert similarity("spam", "no spam") == 0
    assert similarity("42", "43") == 0


def test_case_white_space_and_punctuation_at_the_edges_do_not_count():
    assert similarity(LONG, f"  **{LONG.upper()}**\n".replace(" ", "\n")) == 1


def test_long_answers_are_the_more_alike_the_more_words_and_neighbours_they_share():
    changed = LONG.replace("generator", "iterator")
    shuffled = " ".join(sorted(LONG.split()))
    assert 0 < similarity(LONG, shuffled) < similarity(LONG, changed) < 1
    assert similarity(LONG, "Nothing here occurs in that other sentence, not even once") == 0


def test_the_formula_is_dice_over_words_and_pairs():
    """Six words each and five pairs; five words and four pairs are shared: 2·9 / 22."""
    assert similarity("a b c d e f", "a b c d e x") == pytest.approx(18 / 22)


def test_scripts_without_spaces_are_compared_character_by_character():
    assert 0.5 < similarity("生成器一次产生一个值", "生成器每次产生一个值") < 1


def test_agreement_of_labels_is_the_rate_of_equal_pairs():
    mean = agreement(["yes", "Yes.", "no"])
    assert mean.mean == pytest.approx(1 / 3)
    assert mean.n == 3


def test_one_answer_agrees_with_nothing_and_two_have_no_interval():
    assert agreement([]) is None
    assert agreement(["yes"]) is None
    assert (agreement(["yes", "no"]).low, agreement(["yes", "yes"]).mean) == (None, 1)


def test_a_few_equal_answers_do_not_prove_that_all_would_be_equal():
    few, many = agreement(["yes"] * 3), agreement(["yes"] * 100)
    assert few.low < 0.2
    assert many.low > 0.9
    assert agreement([f"answer{n}" for n in range(4)]).high > 0.3


def test_if_all_differ_one_may_still_be_common():
    """(1-p)^n + n·p·(1-p)^(n-1) = 0.05 has p = 0.657 for five answers and 0.394 for ten."""
    five, ten = (agreement([f"answer{number}" for number in range(n)]) for n in (5, 10))
    assert (five.mean, round(five.high, 3)) == (0, 0.432)
    assert (ten.mean, round(ten.high, 3)) == (0, 0.155)


@pytest.mark.parametrize(("n", "least"), [(3, 0.95), (4, 0.95), (5, 0.95), (8, 0.93), (10, 0.92), (20, 0.87)])
def test_the_coverage_for_one_common_answer_among_unique_ones_is_as_documented(n, least):
    """Every number of times that it can come, with its probability, for a hundred probabilities of it."""
    means = [agreement(["yes"] * k + [f"answer{number}" for number in range(n - k)]) for k in range(n + 1)]
    for p in (number / 100 for number in range(1, 101)):
        chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        held = sum(chance for chance, one in zip(chances, means, strict=True) if one.low <= p**2 <= one.high + 1e-12)
        assert held >= least


@pytest.mark.parametrize(("n", "least"), [(5, 0.93), (10, 0.93), (20, 0.86), (40, 0.86)])
def test_the_coverage_for_two_labels_is_as_documented(n, least):
    means = [agreement(["yes"] * k + ["no"] * (n - k)) for k in range(n + 1)]
    for p in (number / 100 for number in range(1, 100)):
        chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        truth = p**2 + (1 - p) ** 2
        assert sum(c for c, one in zip(chances, means, strict=True) if one.low <= truth <= one.high) >= least


def test_equal_similarities_still_have_an_interval():
    mean = agreement([f"The capital of that country is surely {name}" for name in ("Ulm", "Graz", "Bern", "Riga")])
    assert mean.low < mean.mean - 0.1
    assert mean.high > mean.mean + 0.05
    assert mean.error > 0


def test_of_very_long_answers_fewer_are_compared():
    assert most_compared([]) == most_compared(["word " * 200]) == 200
    assert 10 < most_compared(["word " * 4000] * 500) < 100
    assert most_compared(["x" * 10**8]) == 10


def test_thousands_of_answers_are_still_summed_up():
    assert agreement(["yes", "yes", "no"] * 1000).mean == pytest.approx(5 / 9, abs=0.05)


@given(st.text(max_size=40), st.text(max_size=40))
def test_similarity_is_symmetric_within_bounds_and_whole_for_the_same(a, b):
    assert similarity(a, b) == similarity(b, a)
    assert 0 <= similarity(a, b) <= 1
    assert similarity(a, a) == 1


words = st.lists(st.sampled_from("abc"), min_size=6, max_size=20)


@given(words, words)
def test_words_that_occur_several_times_are_shared_as_often_as_both_have_them(a, b):
    x, y = (Counter([*text, *pairwise(text)]) for text in (a, b))
    assert similarity(" ".join(a), " ".join(b)) == pytest.approx(2 * (x & y).total() / (x.total() + y.total()))


@given(st.lists(st.text(max_size=12), min_size=2, max_size=6))
def test_agreement_lies_within_its_interval_whatever_the_answers_and_their_order(texts):
    mean = agreement(texts)
    assert 0 <= mean.mean <= 1
    assert agreement(texts[::-1]).mean == pytest.approx(mean.mean)
    if mean.low is not None:
        assert 0 <= mean.low <= mean.mean + 1e-9
        assert mean.mean - 1e-9 <= mean.high <= 1


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("n", [4, 5, 6, 10])
def test_labels_of_the_same_distribution_are_seldom_called_different_and_the_interval_covers_the_truth(share, n):
    """Every way in which two settings can draw n of two labels, with its probability: no simulation, no chance."""
    chances = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    means = [agreement(["yes"] * k + ["no"] * (n - k)) for k in range(n + 1)]
    truth = share**2 + (1 - share) ** 2
    held = sum(chance for chance, mean in zip(chances, means, strict=True) if mean.low <= truth <= mean.high)
    assert held >= 0.95
    drawn = list(zip(chances, means, strict=True))
    alarms = sum(p * q for p, a in drawn for q, b in drawn if independent_difference(a, b).settled)
    assert alarms <= 0.05


def test_settings_that_differ_in_agreement_are_distinguished():
    same, mixed = agreement(["yes"] * 10), agreement([str(number % 7) for number in range(10)])
    assert independent_difference(same, mixed).settled
