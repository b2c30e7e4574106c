"""Comparisons over the same rows claim no more than they may: checked against known values and by simulation."""

import math
import random
from statistics import fmean, stdev

import pytest

from nbchat.rows.evaluation.annotators import Annotators, cohens_kappa
from nbchat.rows.evaluation.confusion import Confusion, macro_f1
from nbchat.rows.evaluation.early_stopping import looks, plainly_worse
from nbchat.rows.evaluation.frontier import frontier
from nbchat.rows.evaluation.grading import Case, Graded
from nbchat.rows.evaluation.significance import mcnemar, right_difference, rows_to_settle
from nbchat.rows.evaluation.standing import Candidate, by_macro_f1
from nbchat.tuning.verdict import Terms, verdict


def test_mcnemar_is_the_exact_binomial_probability():
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 0) == 2 / 2**5
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar(8, 8) == 1


def test_mcnemar_has_no_jump_where_it_stops_being_exact():
    assert mcnemar(465, 535) == pytest.approx(mcnemar(466, 536), rel=0.03)
    assert mcnemar(10**6, 10**6 + 4000) == pytest.approx(0.0047, rel=0.05)


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_a_difference_is_settled_only_where_mcnemars_test_and_the_interval_agree(level):
    for first in range(16):
        for second in range(16):
            gap = right_difference(first, second, 40, level)
            assert gap.settled == (gap.low > 0 or gap.high < 0)
            assert not gap.settled or mcnemar(first, second) <= 1 - level


def draw(chance, n, both, first, second):
    """Counts of rows that only the first setting got right, and only the second did, among n."""
    split = chance.choices("=12", [both, first, second], k=n)
    return split.count("1"), split.count("2")


@pytest.mark.parametrize(("n", "each"), [(20, 0.2), (60, 0.05), (200, 0.1)])
def test_of_two_equal_settings_one_is_called_better_in_less_than_five_of_a_hundred(n, each):
    chance = random.Random(1)
    claims = [right_difference(*draw(chance, n, 1 - 2 * each, each, each), n, 0.95).settled for _ in range(2000)]
    assert fmean(claims) <= 0.05


@pytest.mark.parametrize(("n", "first", "second"), [(30, 0.1, 0.1), (100, 0.15, 0.05), (300, 0.02, 0.01)])
def test_the_interval_of_a_difference_covers_the_true_one(n, first, second):
    chance = random.Random(2)
    gaps = [right_difference(*draw(chance, n, 1 - first - second, first, second), n, 0.95) for _ in range(2000)]
    assert fmean(gap.low <= first - second <= gap.high for gap in gaps) >= 0.945


@pytest.mark.parametrize(("first", "second"), [(0.15, 0.05), (0.25, 0.15), (0.06, 0.02)])
def test_the_rows_asked_for_settle_it_in_about_four_of_five_cases(first, second):
    total = rows_to_settle(first - second, first + second, 0, 0.95)
    chance = random.Random(3)
    settled = [
        right_difference(*draw(chance, total, 1 - first - second, first, second), total, 0.95).settled
        for _ in range(1000)
    ]
    assert 0.75 <= fmean(settled) <= 0.9


def test_no_number_of_rows_is_named_where_none_would_help():
    assert rows_to_settle(0, 0.2, 100, 0.95) is None
    assert rows_to_settle(0.0001, 0.2, 100, 0.95) is None
    assert right_difference(0, 0, 10, 0.95).more is None


def graded(qualities):
    return [Graded("complete", quality=quality) for quality in qualities]


def candidate(name, qualities, right=True):
    return Candidate.of({"model": name}, graded(qualities), right=right)


def test_of_six_equal_settings_one_is_seldom_called_best_or_better():
    """300 evaluations of 80 rows, each row of its own difficulty: five in a hundred would be 15."""
    chance = random.Random(4)
    claims = 0
    for _ in range(300):
        hard = [chance.random() for _ in range(80)]
        found = verdict(
            [candidate(name, [float(chance.random() > each) for each in hard]) for name in "abcdef"],
            Terms("accuracy", "row", ""),
        )
        claims += found.settled or bool(found.beaten)
    assert claims <= 15


def test_of_equal_settings_with_skewed_errors_one_is_seldom_called_better():
    chance = random.Random(5)
    claims = 0
    for _ in range(400):
        both = [candidate(name, [-chance.lognormvariate(0, 1) for _ in range(40)], right=False) for name in "ab"]
        claims += verdict(both).settled
    assert claims <= 20 + 8


def test_rows_are_paired_by_position_and_those_that_one_lacks_are_left_out():
    one = candidate("a", [1.0, 0.0, None, 1.0])
    other = candidate("b", [0.0, 0.0, 1.0, None])
    gap = one.minus(other, 0.95)
    assert (gap.n, gap.mean) == (2, 0.5)
    assert one.minus(candidate("c", [None, None, 1.0, None]), 0.95) is None


# Early stopping


def test_looks_are_few_and_not_before_twenty_rows():
    assert looks(1000) == [100, 200, 350, 600]
    assert looks(100) == [20, 35, 60]
    assert looks(30) == []


def look_through(settings, rows):
    """Whether any setting would be stopped, by the rule, and after how many rows the first one."""
    when = looks(rows)
    for at in when:
        some = [candidate(str(i), values[:at]) for i, values in enumerate(settings)]
        if stopped := plainly_worse(some, len(settings), len(when), at):
            return stopped
    return []


def test_of_equal_settings_none_is_stopped_but_for_one_in_a_hundred_evaluations():
    chance = random.Random(6)
    wrong = 0
    for _ in range(300):
        hard = [chance.random() for _ in range(150)]
        wrong += bool(look_through([[float(chance.random() > each) for each in hard] for _ in range(4)], 150))
    assert wrong <= 5


def test_a_plainly_worse_setting_is_stopped_early_and_says_what_it_lost_to():
    chance = random.Random(7)
    good = [float(chance.random() < 0.95) for _ in range(500)]
    bad = [float(chance.random() < 0.4) for _ in range(500)]
    (stopped,) = look_through([bad, good], 500)
    assert (stopped.setting, stopped.ahead, stopped.rows) == ({"model": "0"}, {"model": "1"}, 50)
    assert stopped.sentence() == "model=0 was stopped after 50 rows, plainly worse than model=1"


# Macro-F1, the frontier


def test_macro_f1_is_the_mean_over_the_labels_of_the_truths():
    """By hand: "a" has 2·2 / (2·2 + 1 + 1), "b" has 2·1 / (2·1 + 0 + 1); an answer that is no label is one miss more."""
    counts = {("a", "a"): 2, ("a", "b"): 0, ("b", "a"): 1, ("b", "b"): 1, ("a", None): 1}
    assert macro_f1(counts) == pytest.approx((4 / 6 + 2 / 3) / 2)
    assert macro_f1({}) is None


def classified(chance, truths, right):
    return [
        Graded("complete", value=value, quality=float(value == truth))
        for truth in truths
        for value in (truth if chance.random() < right else chance.choice("abc"),)
    ]


def test_the_bootstrap_of_macro_f1_seldom_claims_and_is_the_same_each_time():
    chance = random.Random(8)
    claims = 0
    for _ in range(40):
        truths = chance.choices("abc", [6, 3, 1], k=60)
        cases = [Case(row, row, truth) for row, truth in enumerate(truths)]
        settings = [{"model": "a"}, {"model": "b"}]
        found = [classified(chance, truths, 0.7) for _ in settings]
        both = by_macro_f1(settings, found, cases)
        claims += verdict(both).settled
    assert claims <= 5
    assert by_macro_f1(settings, found, cases)[0].resampled == both[0].resampled


def test_the_bootstrap_finds_a_clear_difference_and_its_interval_holds_the_mean():
    chance = random.Random(9)
    truths = chance.choices("abc", k=200)
    cases = [Case(row, row, truth) for row, truth in enumerate(truths)]
    settings = [{"model": "a"}, {"model": "b"}]
    both = by_macro_f1(settings, [classified(chance, truths, right) for right in (0.5, 0.95)], cases)
    found = verdict(both, Terms("macro-F1", "row", ""))
    assert (found.settled, found.best) == (True, {"model": "b"})
    assert all(one.mean.low < one.mean.mean < one.mean.high for one in both)


def test_the_frontier_has_what_nothing_else_beats_in_both():
    assert frontier([(1, 0.5), (2, 0.7), (3, 0.6), (4, 0.9), (None, 1), (1, 0.4)]) == [0, 1, 3]
    assert frontier([(0, 0.5), (0, 0.5), (0, 0.4)]) == [0, 1]
    assert frontier([]) == []


# Annotators


def test_cohens_kappa_is_that_of_the_literature():
    """Fleiss, Cohen and Everitt (1969), their example: kappa 0.429, here with n = 200."""
    table = {("1", "1"): 106, ("1", "2"): 10, ("1", "3"): 4, ("2", "1"): 22, ("2", "2"): 28, ("2", "3"): 10}
    table |= {("3", "1"): 2, ("3", "2"): 12, ("3", "3"): 6}
    found = cohens_kappa([pair for pair, count in table.items() for _ in range(count)])
    assert found.mean == pytest.approx(0.429, abs=0.001)
    assert found.error**2 == pytest.approx(0.00288, abs=0.0002)


def test_kappas_error_is_that_of_the_jackknife_for_annotators_with_different_habits():
    table = {
        ("a", "a"): 120,
        ("a", "b"): 60,
        ("a", "c"): 20,
        ("b", "a"): 5,
        ("b", "b"): 80,
        ("b", "c"): 30,
        ("c", "c"): 85,
    }
    pairs = [pair for pair, count in table.items() for _ in range(count)]
    n, whole = len(pairs), cohens_kappa(pairs)
    without = {
        pair: cohens_kappa([*pairs[: pairs.index(pair)], *pairs[pairs.index(pair) + 1 :]]).mean for pair in table
    }
    pseudo = [n * whole.mean - (n - 1) * without[pair] for pair in pairs]
    assert whole.error == pytest.approx(stdev(pseudo) / math.sqrt(n), rel=0.005)


def test_kappas_interval_covers_the_true_one():
    chance = random.Random(10)
    covered = 0
    for _ in range(500):
        pairs = [(a, a if chance.random() < 0.6 else chance.choice("ab")) for a in chance.choices("ab", k=80)]
        found = cohens_kappa(pairs)
        covered += found.low <= 0.6 <= found.high
    assert covered / 500 >= 0.93


def test_perfect_agreement_is_not_called_certain_and_one_label_has_no_kappa():
    found = cohens_kappa([("a", "a"), ("b", "b")] * 10)
    assert found.mean == found.high == 1
    assert 0.5 < found.low < 1
    assert cohens_kappa([("a", "a")] * 5) is None
    assert cohens_kappa([]) is None


def test_annotators_leave_out_rows_that_one_of_them_lacks():
    found = Annotators.of_labels([("a", "a"), ("a", "b"), ("b", None), (None, None), ("b", "b")])
    assert found.agreement.n == 3
    assert str(found).startswith("The two annotators agree in 0.67 (")
    assert "Cohen's kappa 0.40" in str(found)
    assert Annotators.of_numbers([(1.0, 3.0), (2.0, None)]).agreement.mean == 2
    assert Annotators.of_labels([(None, "a")]) is None


def test_the_matrix_counts_and_names_the_worst_confusions():
    matrix = Confusion.of(["a", "b"], [("a", "b"), ("a", "b"), ("a", "a"), ("b", None), ("b", "b")])
    assert matrix.total == 5
    assert matrix.worst() == [("a", "b", 2), ("b", None, 1)]
    assert matrix.table_rows()[0] == {"truth": "a", "a": 1, "b": 2, "(none of the labels)": 0}
    assert str(matrix).splitlines()[1].split() == ["a", "1", "2", "0"]
    assert math.isclose(macro_f1(matrix.counts), (2 / 4 + 2 / 5) / 2)
