"""What a reader thinks of answers: rated in the explorer, counted by the verdict, in the table, blind if wanted."""

import itertools
import json
import math

import pytest

from nbchat.values.answer.rating import Rating
from nbchat.values.errors import ParameterError
from nbchat.views.explorer import Explorer
from tests.views.test_sweep import HOSTILE, Tags, sweep_of

pytest.importorskip("ipywidgets")


counts = itertools.count(1)


def act(explorer, **what):
    tell(explorer, [{**what, "page": "0.5", "count": next(counts)}])


def tell(explorer, actions):
    explorer._act.value = json.dumps(actions)


def test_ratings_are_columns_and_the_verdict_uses_them():
    sweep = sweep_of([f"answer {n}" for n in range(8)], repeat=4, temperature=[0, 1])
    for index in range(8):
        sweep.rate(index, thumb=index < 4, note="fine" if index == 0 else None)
    rows = sweep.table_rows()
    assert [row["rating"] for row in rows] == [1, 1, 1, 1, 0, 0, 0, 0]
    assert rows[0]["note"] == "fine"
    assert str(sweep.verdict()).startswith(
        "By your ratings of 8 of 8 answers: Settled: temperature=0 beats temperature=1"
    )
    sweep.rate(0, score=0.25)
    assert sweep.table_rows()[0]["rating"] == 0.25
    assert sweep.rating(0) == Rating(True, 0.25, "fine")
    assert sweep.filter(repeat=1).rating(0) is sweep.rating(0)


@pytest.mark.parametrize("wrong", [{"score": math.nan}, {"score": "7"}, {"thumb": 3}, {"note": "x" * 20_000}])
def test_an_invalid_rating_is_refused(wrong):
    sweep = sweep_of(["a"])
    with pytest.raises(ParameterError):
        sweep.rate(0, **wrong)
    assert sweep.rating(0) is None


def test_the_page_rates_sorts_and_applies():
    sweep = sweep_of(["bb", "a", "ccc"], temperature=[0, 1, 2])
    explorer = Explorer(sweep)
    act(explorer, act="thumb", run=1, value=True)
    act(explorer, act="score", run=1, value="7,5")
    act(explorer, act="note", run=1, value="short")
    assert sweep.rating(1) == Rating(True, 7.5, "short")
    act(explorer, act="score", run=1, value="many")
    assert "must be a number" in explorer._message.value
    act(explorer, act="sort", value="text")
    assert [run.text for run in explorer.view] == ["a", "bb", "ccc"]
    act(explorer, act="sort", value="text")
    assert [run.text for run in explorer.view] == ["ccc", "bb", "a"]
    act(explorer, act="apply", run=2)
    assert [turn.reply.text for turn in sweep.session.turns] == ["ccc"]
    act(explorer, act="thumb", run=3, value=True)
    assert "was not understood" in explorer._message.value


def test_actions_that_were_held_back_are_each_done_once():
    """Those that the kernel has not confirmed come again with the next; a page that was loaded anew counts from 1."""
    sweep = sweep_of(["a", "b", "c"])
    explorer = Explorer(sweep)
    actions = [
        {"act": "thumb", "run": run, "value": True, "page": "0.5", "count": count}
        for count, run in enumerate((0, 7, 1, 2), start=1)  # there is no run 7
    ]
    tell(explorer, actions[:1])
    sweep.rate(0, thumb=False)
    tell(explorer, actions)
    assert explorer._act.placeholder == "0.5 4"
    assert [sweep.rating(run).thumb for run in range(3)] == [False, True, True]
    tell(explorer, [{"act": "thumb", "run": 0, "value": True, "page": "0.7", "count": 1}])
    assert sweep.rating(0).thumb is True


def test_blind_shows_nothing_of_how_an_answer_was_made():
    sweep = sweep_of([f"t{n}" for n in range(9)], system=[f"be number {n}!" for n in range(9)])
    explorer = Explorer(sweep)
    assert "be number 3!" in Tags(explorer._table.value).text
    explorer.blind.value = True
    seen = Tags(explorer._table.value).text
    assert "be number" not in seen
    assert all(f"t{n}" in seen for n in range(9))
    assert [run.index for run in explorer.view] != list(range(9))
    assert [run.index for run in explorer.view] == [run.index for run in explorer.view]


def test_nothing_in_the_rows_is_live_but_the_explorers_own():
    explorer = Explorer(sweep_of([HOSTILE] * 3, temperature=[0, 1, 2]))
    act(explorer, act="note", run=0, value=HOSTILE)
    explorer._moved(None)
    seen = Tags(explorer._table.value)
    assert not {"script", "img"} & set(seen.tags)
    assert not [name for name in seen.attributes if name.startswith("on")]
