"""The explorer of a sweep: a key in it costs no more than the rows it shows, and filters change no agreement."""

import pytest

from nbchat.views.explorer import Explorer
from nbchat.views.sweep import MOST_CHARACTERS, sweep_bundle
from tests.views.test_sweep import Tags, sweep_of

pytest.importorskip("ipywidgets")

ANSWERS = ["yes", "yes", "no", "perhaps", "yes", "never"]


@pytest.fixture
def explorer():
    return Explorer(sweep_of(ANSWERS, repeat=6, temperature=[0]))


def shown(explorer):
    return Tags(explorer._table.value).text


def test_words_filter_the_rows_and_leave_the_agreement_as_it_is(explorer):
    """Three of fifteen pairs are the same, whichever rows are looked at."""
    assert [row["agreement"] for row in explorer.view.table_rows()] == [0.2] * 6
    explorer._words.value = "YES"
    assert [run.text for run in explorer.view] == ["yes"] * 3
    assert [row["agreement"] for row in explorer.view.table_rows()] == [0.2] * 3
    assert "agreement 0.20" in shown(explorer)
    explorer._words.value = "maybe"
    assert "No run matches." in shown(explorer)


def test_a_keystroke_recomputes_no_agreement_and_no_answer(explorer, monkeypatch):
    monkeypatch.setattr("nbchat.tuning.summary.agreement", None)
    monkeypatch.setattr("nbchat.views.explorer.answer_html", None)
    for typed in ("y", "ye", "yes", ""):
        explorer._words.value = typed
    assert shown(explorer).count("yes") == 3


def test_answers_have_their_share_of_the_room_and_say_where_they_are_cut():
    long = Explorer(sweep_of(["y" * MOST_CHARACTERS] * 8))
    assert len(long._table.value) < 2 * MOST_CHARACTERS
    assert "more characters: _[0].reply.choices[0].text" in shown(long)


def test_a_view_shown_by_itself_tells_that_all_runs_count(explorer):
    explorer._words.value = "yes"
    assert "figures of a setting count all its runs" in sweep_bundle(explorer.view)["text/plain"]
    explorer._words.value = ""
    assert "all its runs" not in sweep_bundle(explorer.view)["text/plain"]


def test_values_that_begin_alike_are_told_apart_in_the_filter():
    same = "You are a helpful assistant that answers in the manner of a "
    explorer = Explorer(sweep_of(["arr", "rhyme"], system=[same + "pirate.", same + "poet."]))
    every, *names = explorer._filters["system"].options
    assert len(set(names)) == 2
    explorer._filters["system"].value = next(name for name in names if "pirate" in name)
    assert [run.text for run in explorer.view] == ["arr"]
    explorer._filters["system"].value = every
    assert len(explorer.view) == 2
