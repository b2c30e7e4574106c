"""An evaluation to look at: what its output says, that hostile labels stay text, and where it shows itself."""

import random
import re

import pytest

from nbchat.frontend import Session
from nbchat.rows.evaluation.early_stopping import Stopped
from nbchat.rows.evaluation.grading import Case, Graded, Measure
from nbchat.rows.evaluation.labels import Labels
from nbchat.rows.evaluation.result import Design
from nbchat.rows.evaluation.run import EvaluationInterrupted
from nbchat.testing import Say, ScriptedServer
from nbchat.tuning.grid import Axis, Grid
from nbchat.tuning.statistics import Difference
from nbchat.views import evaluation
from nbchat.views.evaluation import Evaluation, evaluation_bundle
from nbchat.views.sweep_plot import plot_bundle

HOSTILE = '<img src=x onerror="alert(1)">'
LABELS = ["praise", "complaint", HOSTILE]


def made(rows=200, kind="labels", settings=3):
    """Three models; the last one was stopped after 40 rows. Every 20th row has no truth."""
    chance = random.Random(1)
    measure = Measure(kind, "label", Labels(LABELS) if kind == "labels" else None)
    grid = Grid((Axis.of("model", ["a", "b", "<b>c</b>"][:settings]),))
    truths = [
        None if i % 20 == 19 else chance.choice(LABELS) if kind == "labels" else chance.random() for i in range(rows)
    ]
    each = []
    for right, until in ((0.95, rows), (0.75, rows), (0.4, 40))[:settings]:
        column = []
        for row, truth in enumerate(truths):
            value = truth if chance.random() < right else chance.choice([*LABELS, None]) if kind == "labels" else 9.0
            one = Graded("complete", value or "no <idea>", value, measure.quality(value, truth, "complete"), 0.001, 0.5)
            column.append(one if row < until else Graded())
        each.append(column)
    gap = Difference(0.5, 40, 0.3, 0.7, True, None)
    stopped = [Stopped(grid.settings[2], 40, grid.settings[0], gap)] if settings == 3 else []
    return Evaluation(
        Design("{text}", grid, {}, measure, 4), [Case(i, f"r{i}", t) for i, t in enumerate(truths)], each, stopped
    )


def test_the_output_says_who_is_best_what_it_cost_and_what_is_confused():
    bundle = evaluation_bundle(made(), "result")
    plain = bundle["text/plain"]
    assert plain.startswith("Settled: model=a beats model=b in accuracy by 0.")
    assert "model=<b>c</b> was stopped after 40 rows, plainly worse than model=a" in plain
    assert re.search(r"accuracy +macro-F1 +rows +no label +cost / 1,000 rows +time / 1,000 rows", plain)
    assert "stopped after 40 rows" in plain
    assert "Most frequent confusions of model=a: " in plain
    assert "that settings answered differently" in plain
    assert "10 rows without a truth left out" in plain
    assert "ignoring case" in plain
    assert "result.apply()" in bundle["text/html"]


def test_what_models_and_tables_say_stays_text():
    html = evaluation_bundle(made())["text/html"]
    assert "<img" not in html
    assert "<b>c" not in html
    assert "no <idea>" not in html
    assert "mathjax_ignore" in html


@pytest.mark.parametrize("kind", ["labels", "numbers"])
@pytest.mark.parametrize("settings", [1, 2])
def test_any_evaluation_can_be_shown(kind, settings):
    bundle = evaluation_bundle(made(40, kind, settings))
    assert "accuracy" in bundle["text/plain"] if kind == "labels" else "mean absolute error" in bundle["text/plain"]


def test_an_evaluation_in_which_nothing_was_answered_says_so():
    grid = Grid((Axis.of("model", ["a", "b"]),))
    failed = [[Graded("not asked", error="The key was refused.")] * 2] * 2
    nothing = Evaluation(Design("", grid, {}, Measure("numbers", "x")), [Case(0, 0, 1.0), Case(1, 1, 2.0)], failed)
    assert evaluation_bundle(nothing)["text/plain"].startswith(
        "Nothing to compare: no row counts (The key was refused.)"
    )


def test_its_plot_is_a_picture():
    data, _ = plot_bundle(made())
    assert "image/png" in data


def test_a_shell_shows_the_table_rather_than_an_object():
    from IPython.lib.pretty import pretty

    assert pretty(made()).startswith("Settled: model=a beats model=b")


def test_an_interrupt_while_the_result_is_shown_loses_nothing(monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "evaluation_bundle", interrupted)
    kept = []
    asked = {"truth": ["praise", "complaint"], "display": True, "keep": kept.append}
    with ScriptedServer(default=Say("praise")) as server:
        chat = Session(base_url=server.base_url, model="m")
        with pytest.raises(EvaluationInterrupted) as stopped:
            evaluation.watched_evaluation(chat, ["good", "bad"], "{item}", **asked)
    assert set(map(id, kept)) == {id(stopped.value.evaluation)}
    assert kept[0].standings[0].quality.mean == 0.5
