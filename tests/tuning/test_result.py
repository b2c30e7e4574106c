"""A sweep's result: its table, its views, its summary, and a run taken over by the session."""

import builtins
import importlib.util
import itertools
import math

import pytest

from nbchat.conversation.session import Session
from nbchat.testing import Plain, Say, Status, completion, error, usage
from nbchat.tuning.grid import setting_text
from nbchat.tuning.sweep import sweep
from nbchat.values.errors import NbchatError, ParameterError, SessionError

ANSWERS = {0: ["yes", "yes", "yes"], 1: ["no", "yes", "perhaps"]}


@pytest.fixture
def result(server, session):
    """Two temperatures, three repeats; one setting always answers the same."""
    counts = {0: itertools.count(), 1: itertools.count()}

    def answer(request):
        temperature = request.json["temperature"]
        return Say(ANSWERS[temperature][next(counts[temperature])], usage=(7, 2))

    server.default = answer
    swept = sweep(session, "Is it?", temperature=[0, 1], repeat=3, at_once=1, score=lambda text: text == "yes")
    server.default = Say()
    return swept


def test_the_table_has_a_row_for_each_run_with_all_that_is_known(result):
    rows = result.table_rows()
    assert list(rows[0]) == result.columns
    assert {name: rows[0][name] for name in ("run", "temperature", "repeat", "model", "status", "finish", "text")} == {
        "run": 0,
        "temperature": 0,
        "repeat": 1,
        "model": "m",
        "status": "complete",
        "finish": "stop",
        "text": "yes",
    }
    assert (rows[0]["prompt_tokens"], rows[0]["completion_tokens"], rows[0]["cost"]) == (7, 2, None)
    assert 0 < rows[0]["first_token_s"] <= rows[0]["total_s"]
    assert [row["agreement"] for row in rows] == [1, 1, 1, 0, 0, 0]
    assert [row["score"] for row in rows] == [1, 1, 1, 0, 1, 0]


@pytest.mark.parametrize("missing", [(), ("pandas",)])
def test_a_frame_comes_from_the_library_that_is_there(result, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr("nbchat.values.frame.find_spec", lambda name: None if name in missing else find(name))
    frame = result.to_frame()
    assert type(frame).__module__.startswith("polars" if missing else "pandas")
    assert list(frame.columns) == result.columns
    assert len(frame) == 6
    assert frame["score"].sum() == 4


def test_without_such_a_library_it_says_what_to_install(result, monkeypatch):
    monkeypatch.setattr("nbchat.values.frame.find_spec", lambda name: None)
    with pytest.raises(NbchatError, match="pandas or polars"):
        result.to_frame()


@pytest.mark.parametrize("missing", [(), ("pandas",)])
def test_a_frame_takes_mixed_values_and_failed_runs(server, session, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr("nbchat.values.frame.find_spec", lambda name: None if name in missing else find(name))
    server.default = lambda request: Status(400, error("No.")) if request.json.get("temperature") else Say("x")
    result = sweep(session, "Hi", temperature=[None, 0, 0.5], stop=[None, ["a", "b"]], extra=[{"k": 1}, {"k": [2]}])
    frame = result.to_frame()
    assert len(frame) == 12
    assert frame["total_s"].dtype == (float if not missing else __import__("polars").Float64)
    assert frame["score"].dtype == (float if not missing else __import__("polars").Float64)


def test_a_view_keeps_row_numbers_and_applies_to_them(result, session):
    best = result.sort("score", descending=True).filter(temperature=1)
    assert [run.index for run in best] == [4, 3, 5]
    assert best[4].text == "yes"
    best.apply(4)
    assert session.turns[-1].reply.text == "yes"
    with pytest.raises(IndexError, match="no run 0"):
        best[0]


def test_a_settings_figures_use_all_its_runs_whatever_a_view_shows(result):
    """Among the answers with "yes" all agree, and among first ones there is nothing to agree with."""
    for view in (result.filter(text="yes"), result.filter(repeat=1), result.sort("total_s").filter(score=1)):
        assert {row["run"]: row["agreement"] for row in view.table_rows()} == {
            run.index: 1 if run.index < 3 else 0 for run in view
        }
        assert sorted(view.summary(), key=lambda line: line.name) == [
            line for line in result.summary() if any(run.setting == line.setting for run in view)
        ]
    assert str(result.filter(repeat=2).verdict()) == str(result.verdict())
    assert "One setting only" in str(result.filter(temperature=0, repeat=1).verdict())
    assert (result.partial, result.filter(temperature=1).partial, result.filter(repeat=1).partial) == (
        False,
        False,
        True,
    )


def test_agreement_is_worked_out_once_for_all_views(result, monkeypatch):
    assert repr(result)
    result.table_rows()
    monkeypatch.setattr("nbchat.tuning.summary.agreement", None)
    assert result.filter(text="yes").sort("agreement").table_rows()
    assert result.filter(text="yes").summary()


@pytest.mark.parametrize(
    ("scores", "interval"),
    [
        ([True] * 4 + [True] * 4, True),
        ([1] * 4 + [0] * 4, True),
        ([1] * 4 + [1] * 4, False),
        ([1] * 4 + [3, 4, 5, 4], False),
        ([True] * 4 + [0.5, False, True, 0.7], False),
    ],
)
def test_scores_are_truth_values_where_the_whole_sweep_says_so(server, session, scores, interval):
    """Of the first setting's scores, all 1, there is an interval only where 1 is the most there could be."""
    queues = {0: iter(scores[:4]), 1: iter(scores[4:])}
    given = {}

    def answer(request):
        text = f"answer{len(given)}"
        given[text] = next(queues[request.json["temperature"]])
        return Say(text)

    server.default = answer
    result = sweep(session, "Hi", temperature=[0, 1], repeat=4, at_once=1, score=lambda text: given[text])
    first = result.summary()[0]
    assert (first.score.low is not None) == interval
    assert not interval or first.score.low < first.score.high == 1
    assert result.filter(temperature=0).summary() == [first]


def test_filters_take_columns_lists_and_functions(result):
    assert len(result.filter(score=1)) == 4
    assert len(result.filter(temperature=[0, 1], text="no")) == 1
    assert len(result.filter(lambda run: run.repeat == 2)) == 2
    with pytest.raises(ParameterError, match="Did you mean temperature"):
        result.filter(temperatur=1)


def test_missing_values_are_sorted_last_in_either_direction(server, session):
    server.add(Status(400, error("No.")))
    result = sweep(session, "Hi", repeat=3, at_once=1)
    assert [run.index for run in result.sort("total_s")][-1] == 0
    assert [run.index for run in result.sort("total_s", descending=True)][-1] == 0


def test_two_answers_are_compared_word_by_word(result):
    assert str(result.diff(0, 3)) == "[-yes-]{+no+}"


def test_the_summary_has_a_line_for_each_setting(result):
    cold, hot = result.summary()
    assert (cold.setting, cold.runs, cold.complete, cold.failed) == ({"temperature": 0}, 3, 3, 0)
    assert (cold.score.mean, round(hot.score.mean, 2), hot.agreement.mean) == (1, 0.33, 0)
    assert cold.completion_tokens == 2
    assert cold.name == "temperature=0"


def test_the_best_setting_is_named_and_three_repeats_do_not_settle_it(result):
    verdict = result.verdict()
    assert verdict.best == {"temperature": 0}
    assert not verdict.settled
    assert "Not settled" in repr(result)


def test_several_choices_of_a_run_count_as_repeats(server, session):
    assert sweep(session, "Hi", n=3).summary()[0].agreement.mean == 1


def test_cost_is_what_the_server_reported(server, session):
    server.default = Plain({**completion("x"), "usage": {**usage(1, 1), "cost": 0.5}})
    result = sweep(session, "Hi", repeat=2)
    assert result.cost == 1.0
    assert result.summary()[0].cost == 0.5


def test_applying_a_run_makes_its_parameters_and_its_turn_the_sessions(result, server, session):
    assert session.turns == ()
    result.apply(4)
    assert session.params.temperature == 1
    session.ask("And now?")
    body = server.requests[-1].json
    assert [message["content"] for message in body["messages"]] == ["Is it?", "yes", "And now?"]
    assert body["temperature"] == 1


def test_the_repr_of_a_run_is_one_line(result):
    assert (
        repr(result.apply(4))
        == f"<Run 4 ({setting_text(result[4].setting)}, repeat {result[4].repeat}): complete, 'yes'>"
    )


def test_applying_another_run_puts_it_in_the_place_of_the_first(result, server, session):
    result.apply(4)
    server.default = Say("Later")
    session.ask("And now?")
    result.apply(0)
    assert [turn.reply.text for turn in session.turns] == ["yes", "Later"]
    assert session.turns[1].before_edit
    assert session.params.temperature == 0


def test_applying_after_undo_adds_it_anew(result, session):
    result.apply(0)
    session.undo()
    result.apply(0)
    assert len(session.turns) == 1


def test_a_run_of_a_cell_takes_the_place_of_that_cells_turn(server, session):
    session.ask("Old", cell_id="cell 1")
    session.ask("Between")
    result = sweep(session, "New", temperature=[0, 1], cell_id="cell 1")
    assert [message["content"] for message in server.requests[-1].json["messages"]] == ["New"]
    result.apply(1)
    assert [turn.message.text for turn in session.turns] == ["New", "Between"]


def test_a_system_text_that_was_an_axis_is_applied_too(server, session):
    result = sweep(session, "Hi", system=["Be brief.", "Be long."])
    result.apply(1)
    assert session.system == "Be long."
    assert session.messages[0] == {"role": "system", "content": "Be long."}


def test_a_model_that_nobody_chose_stays_unchosen(server, monkeypatch):
    """So that the session follows when another server is connected."""
    monkeypatch.setenv("NBCHAT_MODEL", "from-the-environment")
    session = Session(base_url=server.base_url)
    sweep(session, "Hi", temperature=[0]).apply(0)
    assert session.params.model is None
    sweep(session, "Hi", models=["b"]).apply(0)
    assert session.params.model == "b"


def test_a_run_without_an_answer_cannot_be_applied(server, session):
    server.default = Status(400, error("No."))
    result = sweep(session, "Hi")
    with pytest.raises(SessionError, match="Run 0 has no answer"):
        result.apply(0)
    assert session.turns == ()


def test_a_score_that_is_no_number_is_a_row_without_one_and_says_why(server, session):
    scores = iter([math.nan, None, "high", 0.5])
    result = sweep(session, "Hi", repeat=4, at_once=1, score=lambda _answer: next(scores))
    assert [run.score for run in result] == [None, None, None, 0.5]
    assert [bool(run.problem) for run in result] == [True, True, True, False]


def test_it_all_works_with_the_standard_library_alone(result, monkeypatch):
    """The table, the summary and the verdict import no data frame library."""
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] in ("pandas", "polars", "numpy", "altair", "matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert len(result.table_rows()) == 6
    assert str(result.verdict())
