"""The verdict: one plain sentence that claims no more than the runs show."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.testing import Say, Status, error
from nbchat.tuning.agreement import agreement
from nbchat.tuning.statistics import Mean
from nbchat.tuning.sweep import sweep
from nbchat.tuning.verdict import Measured, Terms, agreement_verdict, verdict


def measured(name, values):
    return Measured({"model": name}, Mean.of(values), dict(enumerate(values, 1)))


GOOD = [0.9, 0.8, 0.9, 1.0, 0.9, 0.8]
BAD = [0.1, 0.2, 0.1, 0.0, 0.2, 0.1]


def test_a_settled_difference_is_said_with_its_interval():
    found = verdict([measured("b", BAD), measured("a", GOOD)])
    assert found.settled
    assert found.best == {"model": "a"}
    assert str(found).startswith("Settled: model=a beats model=b in score by 0.77 (95 % interval: 0.6")


def test_an_open_one_says_how_many_more_repeats_are_needed():
    found = verdict([measured("a", [0.9, 0.2, 0.7]), measured("b", [0.4, 0.5, 0.1])])
    assert not found.settled
    assert "Not settled: model=a is ahead of model=b in score by" in str(found)
    assert "more repeats of each would tell" in str(found)


def test_the_best_of_many_must_beat_each_of_them_at_a_stricter_level():
    found = verdict([measured("a", GOOD), measured("b", BAD), measured("c", [0.9, 0.9, 0.8, 1.0, 0.8, 0.7])])
    assert not found.settled
    assert "95 % interval for all 2 comparisons together" in str(found)
    assert str(found).endswith(" Settled: model=a beats model=b.")


@pytest.mark.parametrize(("scatter", "claimed"), [(0.57, False), (0.4, True)])
def test_a_partial_win_counts_that_any_two_could_have_been_compared(scatter, claimed):
    """Of four settings there are six pairs. t = √5 / scatter: 3.9 is enough for one of three pairs, not for one of six."""
    wave = [1, -1, 1, -1, 1, -1]
    b = measured("b", [9 - scatter * sign for sign in wave])
    found = verdict(
        [measured("a", [10.0] * 6), b, measured("c", [9.9 + 3 * sign for sign in wave]), measured("d", [1.0] * 6)]
    )
    gaps = {other["model"]: gap for other, gap in found.differences}
    assert gaps["b"].settled
    assert not found.settled
    assert ({"model": "b"} in found.beaten) == claimed == ("model=b" in str(found))
    assert str(found).endswith(f"Settled: model=a beats {'model=b and model=d' if claimed else 'model=d'}.")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("w", "x", "y", "z"), "Settled: w beats x, y and z."),
        (("w", "x, 0", "y, 1", "z"), "Settled: w beats x, 0; y, 1; and z."),
    ],
)
def test_what_an_open_verdict_settles_reads_as_a_sentence(names, said):
    spread = {"a": [8.0, 9.0, 8.5, 9.5, 8.0, 9.0], "e": [8.1, 8.7, 8.8, 9.2, 8.2, 8.7]}
    low = [0.1, 0.0, 0.2, 0.1, 0.0, 0.1]
    some = [measured(model, spread.get(model, low)) for model in "aebcd"]
    called = dict(zip("abcd", names, strict=True), e="v")
    found = verdict(some, Terms(name=lambda setting: called[setting["model"]]))
    assert not found.settled
    assert str(found).endswith(said)


def test_a_mean_that_is_higher_by_repeats_the_other_lacks_beats_nothing():
    found = verdict([measured("a", [1.0, 1.1, 1.0, 1.2, 1.0, 90.0]), measured("b", [2.0, 2.1, 2.0, 2.3, 2.0])])
    assert (found.settled, found.beaten) == (False, ())
    assert "but model=b is ahead in the 5 repeats that both have, by 1 (95 % interval: 0.96 to" in str(found)


def test_where_it_is_settled_all_others_are_beaten():
    found = verdict([measured("a", GOOD), measured("b", BAD), measured("c", BAD)])
    assert (found.settled, found.beaten) == (True, ({"model": "b"}, {"model": "c"}))


def test_of_equal_settings_one_is_seldom_said_to_beat_another():
    """200 sweeps of eight equal settings with ten repeats: five in a hundred would be 10, chance allows some more."""
    chance = random.Random(1)
    sweeps = ([measured(name, [chance.gauss(0, 1) for _ in range(10)]) for name in "abcdefgh"] for _ in range(200))
    assert sum("beats" in str(verdict(sweep)) for sweep in sweeps) <= 14


def test_several_choices_of_a_request_count_as_answers_and_what_is_asked_for_are_requests():
    def more(**how):
        both = [Measured({"t": 0}, Mean(0.9, 6, error=0.1), **how), Measured({"t": 1}, Mean(0.6, 6, error=0.1), **how)]
        return agreement_verdict(both).differences[0][1].more

    assert more(per_repeat=3) == math.ceil(more() / 3)
    assert more(most=7) is None

    few = [Measured({"t": 0}, Mean(1.0, 2), per_repeat=2), Measured({"t": 1}, Mean(0.0, 2), per_repeat=2)]
    assert "(repeat=2)" in str(agreement_verdict(few))


def test_a_difference_that_is_the_same_in_every_repeat_is_said_so():
    assert "by 1 in every repeat." in str(verdict([measured("a", [3.0] * 5), measured("b", [2.0] * 5)]))


def test_single_runs_tell_nothing_and_it_says_what_would():
    found = verdict([measured("a", [1.0]), measured("b", [0.0])])
    assert not found.settled
    assert "repeat=4" in str(found)


def test_agreements_differ_by_no_more_than_one():
    """With two repeats the interval would exceed the possible range, so it is clipped."""
    found = agreement_verdict(
        [Measured({"t": 0}, Mean(0.9, 3, error=0.6)), Measured({"t": 1}, Mean(0.3, 3, error=0.6))]
    )
    ((_, gap),) = found.differences
    assert (gap.low, gap.high) == (-1, 1)


def test_equal_settings_are_called_alike():
    found = str(verdict([measured("a", [1.0] * 5), measured("b", [1.0] * 5)]))
    assert found.startswith("A tie: model=a and model=b are alike in score")


def agreed(name, texts):
    return Measured({"t": name}, agreement(texts), None, 1.0, None, texts)


def test_without_scores_it_says_what_it_measures_and_what_clearly_differs():
    """Where answers are most alike is no lead, and settings that answer differently are named."""
    varied = [f"{word} and then {other} came" for word, other in zip("abcdef", "uvwxyz", strict=True)]
    found = agreement_verdict([agreed(2, varied), agreed(0, ["The same answer, each time, word by word."] * 6)])
    assert str(found).startswith("No score was given, so this says how alike a setting's answers are, not how good.")
    assert "most alike at t=0 (agreement 1.00; 1 = all the same), least at t=2" in str(found)
    assert "The answers themselves plainly differ between t=0 and t=2." in str(found)
    assert "lead" not in str(found)


def test_of_many_pairs_that_differ_three_are_named():
    found = str(agreement_verdict([agreed(number, [word] * 8) for number, word in enumerate("abcde")]))
    assert found.count(" and t=") == 3
    assert "; and 7 more pairs." in found


def test_equally_alike_settings_are_said_to_be_so():
    found = str(agreement_verdict([agreed(0, ["yes"] * 3), agreed(1, ["yes"] * 3)]))
    assert "equally alike in all of them (agreement 1.00" in found
    assert "differ" not in found


def test_answers_of_one_source_are_seldom_said_to_differ():
    """200 sweeps of three equal settings with six answers each: five in a hundred would be 10, chance allows some more."""
    chance = random.Random(3)
    sweeps = (
        [agreed(name, [chance.choice(["yes", "no", "maybe"]) for _ in range(6)]) for name in range(3)]
        for _ in range(200)
    )
    assert sum(bool(agreement_verdict(sweep).different) for sweep in sweeps) <= 16


def test_nothing_and_one_setting_are_said_plainly():
    assert "no setting has a score" in str(verdict([]))
    assert "One setting only: score 0.88" in str(verdict([measured("a", GOOD)]))


values = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


@given(st.lists(values, min_size=1, max_size=5))
def test_there_is_one_sentence_for_any_scores_and_settled_means_all_are_beaten(groups):
    found = verdict([measured(str(number), group) for number, group in enumerate(groups)])
    assert str(found).endswith(".")
    assert "nan" not in str(found)
    assert found.settled == (
        len(groups) > 1 and all(gap and gap.settled and gap.mean > 0 for _, gap in found.differences)
    )


def test_if_the_others_failed_there_is_nothing_to_compare(session, server):
    """And the one that answered leads nobody."""
    server.default = lambda request: Status(404, error("gone")) if request.json["model"] == "b" else Say("yes")
    found = sweep(session, "?", model=["a", "b"], repeat=3).verdict()
    assert found.best is None
    assert str(found).startswith("Nothing to compare: only model=a has answers to compare.")
    assert "gone" in str(found)
