"""Settings × rows against a scripted server: what is sent, graded, scored, stopped, kept and paid."""

import itertools
import json
import signal
import threading
import zlib

import pytest

from nbchat.frontend import Session
from nbchat.rows.evaluation.evaluate import evaluate
from nbchat.rows.evaluation.result import Evaluation
from nbchat.rows.evaluation.run import EvaluationInterrupted
from nbchat.testing import Say, ScriptedServer, Status, error
from nbchat.values.errors import AuthenticationFailed, BudgetExceeded, ParameterError, PromptError

PROMPT = "Label: {text}"
RIGHT = {"good": 95, "fair": 80, "poor": 30}
"""Of a hundred rows, how many each model labels right."""


def truth_of(text):
    return "spam" if zlib.crc32(text.encode()) % 2 else "ham"


def answer(request):
    """The label of the text after the colon, in some spelling; wrong as often as the model is."""
    body = request.json
    text = body["messages"][-1]["content"].partition(": ")[2]
    label = truth_of(text)
    if zlib.crc32(f"{body['model']} {text}".encode()) % 100 >= RIGHT[body["model"]]:
        label = "spam" if label == "ham" else "ham"
    return Say(f" {label.title()}.")


@pytest.fixture
def server():
    with ScriptedServer(default=answer) as server:
        yield server


@pytest.fixture
def chat(server):
    return Session(base_url=server.base_url, model="good")


def rows(count):
    return [{"text": f"message {i}", "label": truth_of(f"message {i}")} for i in range(count)]


def sent(server):
    return [request.json for request in server.requests]


def test_every_row_is_asked_with_every_setting_and_graded(server, chat):
    result = evaluate(chat, rows(60), PROMPT, truth="label", model=["good", "poor"], stop_early=False)
    assert len(server.requests) == 120
    good, poor = result.standings
    assert good.quality.mean > 0.85 > 0.5 > poor.quality.mean
    assert str(result.verdict()).startswith("Settled: model=good beats model=poor in accuracy by 0.")
    assert good.seconds_per_1000 > 0
    assert chat.turns == ()
    assert result.records()[0]["answer"].strip() in ("Ham.", "Spam.")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_and_their_index_are_taken(chat, library):
    frames = pytest.importorskip(library)
    table = rows(6)
    frame = frames.DataFrame(table)
    if library == "pandas":
        frame.index = list("uvwxyz")
    result = evaluate(chat, frame, PROMPT, truth="label", model=["good", "poor"])
    assert [case.index for case in result.cases] == (list("uvwxyz") if library == "pandas" else list(range(6)))
    assert [case.truth for case in result.cases] == [row["label"] for row in table]
    values = evaluate(chat, frame["text"], "Label: {item}", truth=frame["label"], model=["good", "poor"])
    assert [one.value for one in values.graded[0]] == [one.value for one in result.graded[0]]


def test_nothing_is_paid_twice_not_even_between_map_and_evaluate(server, chat):
    data = rows(20)
    chat.map(data, PROMPT)
    assert len(server.requests) == 20
    evaluate(chat, data, PROMPT, truth="label", model=["good", "poor"])
    assert len(server.requests) == 40
    again = evaluate(chat, data, PROMPT, truth="label", model=["good", "poor"])
    assert len(server.requests) == 40
    assert all(one.stored for each in again.graded for one in each)
    assert again.standings[0].seconds_per_1000 is not None


def test_prompts_system_texts_and_parameters_are_axes_and_the_rest_is_for_all(server, chat):
    evaluate(
        chat,
        rows(2),
        ["Label: {text}", "Name: {text}"],
        truth="label",
        system=["Be brief.", None],
        temperature=[0, 1],
        top_p=0.5,
    )
    bodies = sent(server)
    assert len(bodies) == 16
    assert {body["top_p"] for body in bodies} == {0.5}
    assert {body["temperature"] for body in bodies} == {0, 1}
    assert {body["messages"][0]["content"] for body in bodies if len(body["messages"]) == 2} == {"Be brief."}
    assert {body["messages"][-1]["content"].partition(":")[0] for body in bodies} == {"Label", "Name"}


def test_rows_without_a_truth_are_not_asked(server, chat):
    data = [*rows(4), {"text": "no truth", "label": None}, {"text": "none either", "label": float("nan")}]
    result = evaluate(chat, data, PROMPT, truth="label", model=["good", "poor"])
    assert len(server.requests) == 8
    assert result.standings[0].counted == 4
    assert "2 rows without a truth left out" in result.notes()


def test_failed_rows_count_as_wrong_and_say_why(server, chat):
    server.default = lambda request: (
        Status(400, error("Too rude.")) if "3" in request.json["messages"][-1]["content"] else answer(request)
    )
    result = evaluate(chat, rows(5), PROMPT, truth="label", model=["good"])
    (standing,) = result.standings
    assert (standing.counted, standing.failed) == (5, 1)
    assert "Too rude" in result.records()[3]["error"]
    assert any(note.startswith("1 failed: counted as wrong") for note in result.notes())


def test_a_plainly_worse_setting_is_not_asked_to_the_end(server, chat):
    how = {"truth": "label", "model": ["good", "poor"]}
    told = []
    result = evaluate(chat, rows(200), PROMPT, **how, on_progress=told.append)
    assert (told[0].total, told[-1].total, told[-1].done) == (400, 220, 220)
    (stopped,) = result.stopped
    assert (stopped.setting, stopped.rows) == ({"model": "poor"}, 20)
    asked = [body["model"] for body in sent(server)]
    assert (asked.count("good"), asked.count("poor")) == (200, 20)
    assert str(result.verdict()).endswith("Early: model=poor was stopped after 20 rows, plainly worse than model=good.")
    assert "180 of 400 requests not made" in result.notes()
    assert "rows were asked in a random order" in result.notes()


def test_rows_are_asked_in_an_order_that_does_not_follow_the_tables(server, chat):
    """A table sorted by its labels would show the first look only one of them."""
    data = sorted(rows(200), key=lambda row: row["label"])
    evaluate(chat, data, PROMPT, truth="label", concurrency=1)
    asked = [truth_of(body["messages"][-1]["content"].partition(": ")[2]) for body in sent(server)[:20]]
    assert {asked.count("ham"), asked.count("spam")} <= set(range(4, 17))


def test_a_pilot_asks_some_rows_of_each_truth_and_projects_the_cost_of_the_others(server, chat, tmp_path, monkeypatch):
    prices = {name: {"input": 1.0, "output": 1.0} for name in ("good", "poor", "scripted-1")}
    (tmp_path / "prices.json").write_text(json.dumps(prices))
    monkeypatch.setenv("NBCHAT_PRICES", str(tmp_path / "prices.json"))
    data = [{"text": f"message {i}", "label": "rare" if i < 50 else "common"} for i in range(200)]
    result = evaluate(chat, data, PROMPT, truth="label", model=["good", "poor"], pilot=8)
    assert len(server.requests) == 16
    asked = [case.truth for case, one in zip(result.cases, result.graded[0], strict=True) if one.status == "complete"]
    assert sorted(asked) == ["common"] * 6 + ["rare"] * 2
    (note,) = [note for note in result.notes() if "pilot" in note]
    assert note.startswith("a pilot: 384 requests for the other 192 rows cost about $0.0")
    evaluate(chat, data, PROMPT, truth="label", model=["good", "poor"], stop_early=False)
    assert len(server.requests) == 400


def test_equal_settings_are_not_stopped(chat):
    result = evaluate(chat, rows(120), PROMPT, truth="label", temperature=[0, 1])
    assert (result.stopped, result.design.looks) == ((), 3)
    assert str(result.verdict()).startswith("A tie")


def interrupting(number):
    """Answers, and interrupts the main thread at a request."""
    main, requests = threading.main_thread().ident, itertools.count(1)

    def respond(request):
        if next(requests) == number:
            signal.pthread_kill(main, signal.SIGINT)
        return Say('{"score": 7}') if request.json["model"] == "judge" else answer(request)

    return respond


def test_an_interrupt_keeps_what_was_answered(server, chat):
    how = {"truth": "label", "model": ["good", "poor"], "stop_early": False}
    server.default = interrupting(40)
    with pytest.raises(EvaluationInterrupted) as stopped:
        evaluate(chat, rows(200), PROMPT, **how, concurrency=2)
    partial = stopped.value.evaluation
    done = sum(one.status == "complete" for each in partial.graded for one in each)
    assert 0 < done < 400
    assert f"{done} answers of 400 kept" in str(stopped.value)
    server.default = answer
    before = len(server.requests)
    whole = evaluate(chat, rows(200), PROMPT, **how)
    assert len(server.requests) - before == 400 - done
    assert all(standing.counted == 200 for standing in whole.standings)


def test_a_setting_that_is_refused_leaves_the_others_alone(server, chat):
    server.default = lambda request: (
        Status(401, error("No such key.")) if request.json["model"] == "poor" else answer(request)
    )
    result = evaluate(chat, rows(6), PROMPT, truth="label", model=["poor", "good"])
    assert result.standings[1].counted == 6
    assert any(note.startswith("setting 0 ended early") for note in result.notes())
    server.default = lambda request: Status(401, error("No such key."))
    with pytest.raises(AuthenticationFailed):
        evaluate(chat, rows(6), PROMPT, truth="label", model=["x", "y"], cache=False)


def test_an_enumeration_of_the_schema_gives_the_labels(server, chat):
    server.default = lambda request: Say(json.dumps({"label": "ham"}))
    schema = {"type": "object", "properties": {"label": {"enum": ["ham", "spam", "eggs"]}}, "required": ["label"]}
    result = evaluate(chat, rows(4), PROMPT, truth="label", schema=schema, model=["a", "b"])
    assert result.measure.labels.names == ("ham", "spam", "eggs")
    assert {one.value for one in result.graded[0]} == {"ham"}


def test_numbers_are_compared_by_their_error(server, chat):
    server.default = lambda request: Say(f"About {len(request.json['messages'][-1]['content'])}.5 of them")
    data = [{"text": "x" * n, "count": n + 3} for n in range(10)]
    result = evaluate(chat, data, "{text}!!", truth="count", model=["a"])
    assert result.measure.kind == "numbers"
    assert result.standings[0].quality.mean == pytest.approx(0.5)
    assert result.standings[0].bias.mean == pytest.approx(-0.5)


def test_a_function_scores_answers_with_or_without_the_truth(chat):
    both = evaluate(
        chat, rows(10), PROMPT, truth="label", model=["good", "poor"], score=lambda text, truth: truth in text.lower()
    )
    assert both.measure.kind == "scores"
    assert both.standings[0].quality.mean > both.standings[1].quality.mean
    optional = evaluate(
        chat, rows(3), PROMPT, truth="label", model=["good"], score=lambda text, truth="?": truth != "?"
    )
    assert optional.standings[0].quality.mean == 1
    scale = evaluate(chat, rows(3), PROMPT, truth="label", model=["good"], score=lambda text, most=5: most)
    assert scale.standings[0].quality.mean == 5
    alone = evaluate(chat, rows(10), PROMPT, model=["good"], score=lambda answer: answer.finish_reason == "stop")
    assert alone.standings[0].quality.mean == 1
    failing = evaluate(chat, rows(3), PROMPT, model=["good"], score=lambda answer: 1 / 0)
    assert failing.records()[0]["error"].startswith("No score: the score function failed with ZeroDivisionError")


def test_a_judge_sees_answer_truth_and_columns_and_its_answers_are_kept_too(server, chat):
    server.default = lambda request: Say('{"score": 7}') if request.json["model"] == "judge" else answer(request)
    how = {
        "truth": "label",
        "model": ["good", "poor"],
        "score": "Rate {answer} for {text}, given {truth}.",
        "judge_model": "judge",
    }
    result = evaluate(chat, rows(3), PROMPT, **how)
    asked = [body for body in sent(server) if body["model"] == "judge"]
    assert len(asked) == 6
    assert "<answer>" in asked[0]["messages"][-1]["content"]
    assert "for message" in asked[0]["messages"][-1]["content"]
    assert (asked[0]["temperature"], asked[0]["response_format"]["type"]) == (0, "json_schema")
    assert {one.quality for each in result.graded for one in each} == {7}
    evaluate(chat, rows(3), PROMPT, **how)
    assert len(server.requests) == 12


def test_an_interrupt_asks_the_judge_nothing_more(server, chat):
    server.default = interrupting(5)
    with pytest.raises(EvaluationInterrupted) as stopped:
        evaluate(
            chat, rows(40), PROMPT, truth="label", score="Rate it.", judge_model="judge", model=["good"], concurrency=1
        )
    assert {body["model"] for body in sent(server)} == {"good"}
    assert {one.quality for one in stopped.value.evaluation.graded[0]} == {None}


def test_a_judge_that_refuses_json_is_asked_without(server, chat):
    def judge(request):
        if request.json["model"] != "judge":
            return answer(request)
        return (
            Status(400, error("No response_format."))
            if "response_format" in request.json
            else Say("I give it 4 of course")
        )

    server.default = judge
    result = evaluate(chat, rows(2), PROMPT, truth="label", score="Rate it.", judge_model="judge", model=["good"])
    assert result.standings[0].quality.mean == 4
    assert "The truth: " in sent(server)[-1]["messages"][-1]["content"]


def test_two_annotators_are_compared(chat):
    data = [{**row, "other": "ham"} for row in rows(30)]
    result = evaluate(chat, data, PROMPT, truth=["label", "other"], model=["good"])
    assert result.annotators.agreement.n == 30
    assert [case.second for case in result.cases] == ["ham"] * 30


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"truth": "lable"}, r"no column 'lable'\. Did you mean label\?"),
        ({"truth": ["ham"]}, "a value for each of 4 rows; got 1"),
        ({}, "truth must name the column"),
        ({"truth": "label", "kind": "words"}, "kind must be one of labels, numbers, scores"),
        ({"truth": "label", "kind": "scores"}, "score= goes with kind='scores'"),
        ({"truth": "label", "score": 3}, "score must be a function"),
        ({"truth": "label", "repeat": 2}, "there is no repeat"),
        ({"truth": "label", "models": ["a"], "model": ["b"]}, "either model or models"),
        ({"truth": "text"}, None),
        ({"truth": "label", "temperature": [0, 9]}, "temperature"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(server, chat, how, message):
    with pytest.raises(ParameterError, match=message) if message else pytest.raises(ParameterError):
        evaluate(chat, rows(4 if message else 20), PROMPT, **how)
    assert server.requests == []


def test_unknown_fields_and_no_rows_are_refused_before_anything_is_sent(server, chat):
    with pytest.raises(PromptError, match="no column 'txt'"):
        evaluate(chat, rows(4), ["Label: {text}", "Label: {txt}"], truth="label")
    with pytest.raises(ParameterError, match="no rows"):
        evaluate(chat, [], PROMPT, truth="label")
    assert server.requests == []


def test_a_saved_run_is_loaded_and_its_winner_applied(chat, tmp_path):
    result = evaluate(chat, rows(40), PROMPT, truth="label", model=["poor", "good"], temperature=[0.5])
    back = Evaluation.load(result.save(tmp_path / "run.jsonl"), session=chat)
    back.apply()
    assert (chat.params.model, chat.params.temperature) == ("good", 0.5)


def test_progress_counts_all_settings_and_only_goes_up(chat):
    told = []
    evaluate(chat, rows(120), PROMPT, truth="label", model=["good", "poor"], stop_early=False, on_progress=told.append)
    assert told[-1].done == told[-1].total == 240
    assert [one.done for one in told] == sorted(one.done for one in told)


def test_a_budget_holds_for_all_settings_together(server, chat):
    server.default = lambda request: Say(answer(request).text, usage=(90, 10))
    with pytest.raises(BudgetExceeded) as ended:
        evaluate(chat, rows(40), PROMPT, truth="label", model=["good", "fair"], budget="3k tokens", concurrency=2)
    result = ended.value.result
    done = sum(one.status == "complete" for each in result.graded for one in each)
    assert 20 <= done <= 30
    assert (
        str(ended.value)
        == f"The budget of 3,000 tokens is used up: {100 * done:,} tokens spent. {done} answers of 80 kept."
    )
    assert sum("ended early: The budget" in note for note in result.notes()) == 1


def test_a_budget_that_the_first_setting_spends_leaves_nothing_for_the_others(server, chat):
    server.default = lambda request: Say(answer(request).text, usage=(90, 10))
    with pytest.raises(BudgetExceeded):
        evaluate(chat, rows(40), PROMPT, truth="label", model=["good", "fair"], budget="1k tokens", concurrency=2)
    assert {body["model"] for body in sent(server)} == {"good"}


def test_a_judge_that_is_refused_loses_no_answers(server, chat):
    server.default = lambda request: Status(401, error("No.")) if request.json["model"] == "judge" else answer(request)
    result = evaluate(chat, rows(6), PROMPT, score="Rate it.", judge_model="judge", model=["good"])
    assert {one.status for one in result.graded[0]} == {"complete"}
    assert result.records()[0]["error"].startswith("No score: the judge failed")
    assert len(sent(server)) <= 12


def test_a_judges_prompt_with_an_unknown_field_is_refused_before_anything_is_sent(server, chat):
    with pytest.raises(PromptError, match="no column 'txt'"):
        evaluate(chat, rows(4), PROMPT, score="Rate {answer} of {txt}.")
    assert server.requests == []


class Nameless:
    """An index label whose own code fails."""

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


def test_an_index_of_any_kind_is_taken(chat, tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(rows(4), index=[Nameless(), ("a", 1), pd.Timestamp("2026-01-01"), None])
    result = evaluate(chat, frame, PROMPT, truth="label", model=["good", "poor"])
    assert [str(case.index)[:5] for case in result.cases] == ["<Name", "('a',", "2026-", "None"]
    assert Evaluation.load(result.save(tmp_path / "run.jsonl")).table_rows() == result.table_rows()
    assert Evaluation.load(result.save(tmp_path / "run.parquet")).table_rows() == result.table_rows()
