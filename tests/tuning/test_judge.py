"""Scores: from a function of the answer, or from a judge that is asked for a number."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.session import Session
from nbchat.testing import Say, Status, Stream, Until, chunk, error
from nbchat.tuning.judge import number_in
from nbchat.tuning.sweep import SweepInterrupted, sweep
from nbchat.values.errors import ConfigError

JUDGING = "Rate from 0 to 10: {answer}"


def judged(request):
    """Whether a request is the judge's."""
    return any("<answer>" in str(message["content"]) for message in request.json["messages"])


@pytest.mark.parametrize(
    "score",
    [
        len,
        lambda text: text.count("a"),
        lambda reply: len(reply.text),
        lambda reply: reply.usage.completion_tokens,
        lambda answer: answer.finish_reason == "stop",
    ],
)
def test_a_function_may_take_the_text_or_the_reply(server, session, score):
    assert sweep(session, "Hi", score=score)[0].score is not None


def test_a_coroutine_function_is_awaited(session):
    async def score(text):
        return len(text)

    assert sweep(session, "Hi", score=score)[0].score == 31


def test_a_function_that_fails_costs_its_row_the_score_and_nothing_else(session):
    result = sweep(session, "Hi", repeat=2, score=lambda answer: answer.nonsense)
    assert [run.status for run in result] == ["complete"] * 2
    assert "AttributeError" in result[0].problem
    assert "could be scored" in str(result.verdict())


class Unspeakable(Exception):
    """An exception whose `str` raises too."""

    def __str__(self):
        raise ValueError


async def cancelled(_answer):
    raise asyncio.CancelledError


async def leaving(_answer):
    raise SystemExit


def leaving_at_once(_answer):
    raise SystemExit(3)


def unspeakable(_answer):
    raise Unspeakable


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (cancelled, "the score function failed with CancelledError"),
        (leaving, "the score function failed with SystemExit"),
        (leaving_at_once, "the score function failed with SystemExit: 3"),
        (unspeakable, "the score function failed with Unspeakable"),
    ],
)
def test_nothing_that_a_score_function_raises_ends_the_sweep(session, score, reason):
    result = sweep(session, "Hi", repeat=2, score=score)
    assert [(run.status, run.score_error) for run in result] == [("complete", reason)] * 2


def test_an_interrupt_in_a_score_function_is_one(session):
    def interrupted(_answer):
        raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        sweep(session, "Hi", score=interrupted)
    assert [run.status for run in caught.value.sweep] == ["complete"]


def test_a_judge_without_a_model_is_refused_before_anything_is_sent(server):
    """The runs have models of their own; the judge has none."""
    modelless = Session(base_url=server.base_url)
    with pytest.raises(ConfigError, match=r"judge.*judge_model.*No model is chosen"):
        sweep(modelless, "Hi", models=["a", "b"], repeat=3, score=JUDGING)
    assert server.requests == []
    server.default = lambda request: Say("7") if judged(request) else Say("Because")
    assert [r.score for r in sweep(modelless, "Hi", models=["a", "b"], score=JUDGING, judge_model="wise")] == [7, 7]


def test_a_judge_that_can_no_longer_be_asked_costs_no_answer(server, monkeypatch):
    """What goes wrong after the answers came is the reason why they have no score."""
    monkeypatch.setenv("NBCHAT_MODEL", "wise")

    def forget(_progress):
        monkeypatch.delenv("NBCHAT_MODEL", raising=False)

    result = sweep(Session(base_url=server.base_url), "Hi", repeat=2, score=JUDGING, on_progress=forget)
    assert [run.status for run in result] == ["complete"] * 2
    assert all("No score: the request to the judge failed: No model is chosen" in run.problem for run in result)


def test_a_judge_is_asked_apart_at_temperature_0_with_the_answer_and_the_question(server, session):
    session.ask("Earlier")
    session.set(temperature=1.5, stop=["x"], max_tokens=3, extra={"top_k": 4})
    server.default = lambda request: Say('{"score": 7}') if judged(request) else Say("An {question}")
    result = sweep(session, "Why?", repeat=2, score="Is {answer} right for {question}? {other}")
    assert [run.score for run in result] == [7, 7]
    body = server.requests[-1].json
    assert body["temperature"] == 0
    assert {"stop", "max_tokens", "top_k"} & body.keys() == set()
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "Is <answer>\nAn {question}\n</answer> right for Why?? {other}"
    assert len(session.turns) == 1
    assert len(session.ledger()) == 5


def test_another_model_can_judge_and_a_prompt_without_a_place_gets_one(server, session):
    server.default = lambda request: Say("7") if judged(request) else Say("Because")
    sweep(session, "Why?", score="How clear is it, from 0 to 10?", judge_model="wise")
    body = server.requests[-1].json
    assert body["model"] == "wise"
    assert "Why?" in body["messages"][1]["content"]
    assert "Because" in body["messages"][1]["content"]


def test_a_judge_that_takes_no_schema_is_asked_plainly(server, session):
    def answer(request):
        if "response_format" in request.json:
            return Status(400, error("response_format is not supported", param="response_format"))
        return Say("Score: 8") if judged(request) else Say("Because")

    server.default = answer
    assert [run.score for run in sweep(session, "Why?", repeat=3, score=JUDGING)] == [8, 8, 8]


def test_a_judge_that_gives_no_number_or_fails_leaves_a_reason(server, session):
    verdicts = iter([Say("Splendid!"), Status(403, error("No."))])
    server.default = lambda request: next(verdicts) if judged(request) else Say("Because")
    result = sweep(session, "Why?", repeat=2, at_once=1, score=JUDGING)
    assert [run.score for run in result] == [None, None]
    assert "Splendid" in result[0].problem
    assert "No." in result[1].problem


def test_failed_runs_are_not_judged(server, session):
    server.default = lambda request: Status(400, error("No."))
    sweep(session, "Why?", score=JUDGING)
    assert len(server.requests) == 1


def test_an_interrupt_while_it_judges_keeps_its_scores_and_charges_what_was_begun(server, session):
    verdicts = iter([Say("7"), Stream([chunk("Hm"), Until(threading.Event())])])
    server.default = lambda request: next(verdicts) if judged(request) else Say("Because")

    def strike(progress):
        if progress.stage == "scores" and len(server.requests) == 5:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        sweep(session, "Why?", repeat=3, at_once=1, score=JUDGING, on_progress=strike)
    assert [run.score for run in caught.value.sweep] == [7, None, None]
    assert [run.problem for run in caught.value.sweep] == [None] * 3
    assert len(session.ledger()) == 5


def test_the_built_in_model_can_be_a_judge(builtin):
    result = sweep(builtin, "What is a list?", repeat=2, score="Rate from 0 to 10.")
    assert all(run.score is not None for run in result)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"score": 7}', 7),
        ('```json\n{"score": "7.5"}\n```', 7.5),
        ("8", 8),
        ("-0.5", -0.5),
        ("8/10", 8),
        ("I give it 8 out of 10.", 8),
        ("It has 3 flaws. Score: 6", 6),
        ("**Rating:** 6", 6),
        ("I say 9.", 9),
        ("between 3 and 5", None),
        ("splendid", None),
        ("", None),
        ('{"score": null}', None),
        ('{"score": true}', None),
        ("NaN", None),
        ("Infinity", None),
        ("GPT4o says nothing", None),
        ('{"score": 1' + "0" * 400 + "}", None),
        ("{" * 90_000, None),
        ("[" * 90_000, None),
        ("{}" * 45_000, None),
        ("1" * 90_000, None),
        ("1 " * 45_000 + "2", None),
        ("7" + " " * 90_000, 7),
        ("7" + " " * 300_000, None),
        ("{" * 300_000, None),
        ("from 3-7/10", 7),
    ],
)
def test_the_number_of_a_judges_words(text, number):
    assert number_in(text) == number


@given(st.text(max_size=60))
def test_any_words_are_a_finite_number_or_none(text):
    number = number_in(text)
    assert number is None or abs(number) < float("inf")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_is_that_number(number):
    assert number_in(repr(number)) == number
    assert number_in(f'{{"score": {number!r}}}') == number
