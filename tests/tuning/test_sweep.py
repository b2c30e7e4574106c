"""A sweep: every combination asked at once, failures kept as rows, an interrupt that keeps what is done."""

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import weakref
from collections import Counter
from itertools import pairwise

import pytest

from nbchat.api.endpoints import BUILTIN_MODEL
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.testing import (
    DONE,
    Cut,
    Plain,
    Say,
    ScriptedServer,
    Status,
    Stream,
    Until,
    chunk,
    completion,
    error,
    tool_call,
)
from nbchat.tuning.estimate import estimate
from nbchat.tuning.sweep import SweepInterrupted, sweep
from nbchat.values.errors import GuardError, ParameterError, PromptError
from tests.environment import PATIENCE, ROOT, clean_environment


def bodies(server):
    return [request.json for request in server.requests]


def test_every_combination_is_asked_as_often_as_wanted(server, session):
    result = sweep(session, "Hi", temperature=[0, 0.5, 1], model=["a", "b"], repeat=2, max_tokens=9)
    asked = Counter((body["temperature"], body["model"], body["max_tokens"]) for body in bodies(server))
    assert asked == {(t, m, 9): 2 for t in (0, 0.5, 1) for m in "ab"}
    assert [run.status for run in result] == ["complete"] * 12
    assert [(run.index, dict(run.setting), run.repeat) for run in result][2] == (2, {"temperature": 0, "model": "b"}, 1)


def test_none_in_an_axis_is_not_sent(server, session):
    sweep(session, "Hi", temperature=[None, 1])
    assert {body.get("temperature", "unset") for body in bodies(server)} == {"unset", 1}


def test_all_runs_read_the_history_and_none_joins_it(server, session):
    session.ask("First")
    sweep(session, "Second", temperature=[0, 1])
    contents = [[message["content"] for message in body["messages"]] for body in bodies(server)[1:]]
    assert contents == [["First", "Hello from the scripted server.", "Second"]] * 2
    assert len(session.turns) == 1
    assert len(session.ledger()) == 3


def test_each_model_is_asked(server, session):
    result = sweep(session, "Hi", models=["a", "b"], temperature=0.3)
    assert {(body["model"], body["temperature"]) for body in bodies(server)} == {("a", 0.3), ("b", 0.3)}
    assert result.columns[:3] == ["run", "model", "repeat"]


def test_a_sweep_without_axes_repeats_one_setting(server, session):
    assert len(sweep(session, "Hi", repeat=3)) == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": [0, 9]},
        {"temprature": [0]},
        {"at_once": 0},
        {"score": 7},
        {"models": ["a"], "model": "b"},
        {"base_url": ["http://a", "http://b"]},
    ],
)
def test_errors_are_raised_before_anything_is_sent(server, session, options):
    with pytest.raises(ParameterError):
        sweep(session, "Hi", **options)
    with pytest.raises(PromptError):
        sweep(session, "  ")
    assert server.requests == []


def test_a_failed_run_is_a_row_with_its_reason(server, session):
    server.default = lambda request: Status(400, error("No.")) if request.json["temperature"] == 1 else Say("Yes")
    result = sweep(session, "Hi", temperature=[0, 1, 2])
    assert [run.status for run in result] == ["complete", "failed", "complete"]
    assert [run.index for run in result.failed] == [1]
    assert "No." in result.table_rows()[1]["error"]
    assert result[1].reply is None


def test_if_every_run_failed_the_verdict_says_why(server, session):
    server.default = Status(400, error("No such model."))
    assert "No run was answered: " in str(sweep(session, "Hi", repeat=2).verdict())
    assert "No such model." in str(sweep(session, "Hi", temperature=[0, 1]).verdict())


def test_a_stream_that_breaks_off_is_a_row_with_the_partial_answer(server, session):
    server.default = Stream([chunk("Half"), Cut()])
    run = sweep(session, "Hi")[0]
    assert (run.status, run.text) == ("cut_off", "Half")
    assert run.problem


def test_at_most_so_many_run_at_once_and_all_that_many(server, session):
    """An answer ends only once four are waiting, or all that are left."""
    arrived, ended, unanswered = [], [], []
    ends = [threading.Event() for _ in range(12)]
    lock = threading.Lock()

    def answer(_request):
        with lock:
            number = len(arrived)
            arrived.append(number)
            unanswered.append(len(arrived) - len(ended))
            if len(arrived) >= 4:
                end_next()
            if len(arrived) == 12:
                while len(ended) < 12:
                    end_next()
        return Stream([Until(ends[number]), chunk("x", finish="stop")])

    def end_next():
        ended.append(None)
        ends[len(ended) - 1].set()

    server.default = answer
    result = sweep(session, "Hi", repeat=12, at_once=4)
    assert len(result.complete) == 12
    assert max(unanswered) == 4


def test_a_429_is_waited_out_and_no_run_is_lost(server, session):
    server.add(*[Status(429, error("slow down"), {"retry-after": "0.05"})] * 4)
    result = sweep(session, "Hi", repeat=10, at_once=8)
    assert len(result.complete) == 10
    assert len(server.requests) == 14


def test_progress_is_reported_in_this_thread_with_failures_cost_and_time_left(server, session):
    told = []
    server.add(Status(400, error("No.")))
    server.default = Plain({**completion("x"), "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25}})

    def note(progress):
        assert threading.current_thread() is threading.main_thread()
        told.append(progress)

    sweep(session, "Hi", repeat=4, at_once=1, on_progress=note)
    assert (told[0].done, told[0].total, told[0].seconds_left, told[0].cost) == (0, 4, None, None)
    last = told[-1]
    assert (last.done, last.total, last.failed, last.cost, last.seconds_left) == (4, 4, 1, 0.75, 0)
    assert all(a.done <= b.done for a, b in pairwise(told))


def test_a_refused_key_is_not_tried_a_hundred_times(server, session):
    server.default = Status(401, error("Wrong key."))
    result = sweep(session, "Hi", repeat=100, at_once=2)
    assert len(server.requests) <= 4
    assert {run.status for run in result} == {"failed", "not run"}
    assert all("Wrong key." in run.problem for run in result)


def test_one_model_that_may_not_be_used_does_not_stop_the_other(server, session):
    server.default = lambda request: Status(403, error("Not yours.")) if request.json["model"] == "a" else Say("Yes")
    result = sweep(session, "Hi", model=["a", "b"], repeat=4, at_once=1)
    assert [run.status for run in result.filter(model="b")] == ["complete"] * 4


def test_what_the_guard_refuses_fails_the_sweep_and_is_not_sent(server, session, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "tok-8f7e6d5c4b3a2910")
    with pytest.raises(GuardError, match="MY_TOKEN"):
        sweep(session, "My token is tok-8f7e6d5c4b3a2910.", repeat=3)
    assert server.requests == []


def test_an_interrupt_keeps_what_is_done_and_closes_what_runs(server, session):
    """The third of five answers never comes; the interrupt strikes while it is waited for."""
    hang = Stream([chunk("Half"), Until(threading.Event())])
    server.add(Say("One"), Say("Two"), hang)
    seen = []

    def strike(progress):
        seen.append(progress)
        if progress.done == 2 and len(server.requests) == 3:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        sweep(session, "Hi", repeat=5, at_once=1, on_progress=strike)
    result = caught.value.sweep
    assert [run.status for run in result][3:] == ["not run"] * 2
    assert [run.text for run in result][:2] == ["One", "Two"]
    assert result[2].status == "interrupted"
    assert server.requests[2].closed.wait(PATIENCE)
    assert "2 of 5" in str(caught.value)
    assert len(session.ledger()) == 3


def test_an_interrupt_in_a_score_function_keeps_the_answers(server, session):
    def score(_answer):
        raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        sweep(session, "Hi", repeat=3, at_once=1, score=score)
    assert [run.status for run in caught.value.sweep] == ["complete", "not run", "not run"]


@pytest.mark.parametrize("judged", [False, True], ids=["answers", "scores"])
def test_stop_from_another_thread_ends_a_sweep_as_an_interrupt_does(server, session, judged):
    """Running and waiting ones alike: two runs were answered or scored, and no more are sent."""
    never = threading.Event()
    begun = [Say("7")] * (5 if judged else 0)
    server.add(*begun, Say("1"), Say("2"), Stream([chunk("Half"), Until(never)]))
    caught = []

    def work():
        try:
            sweep(session, "Hi", repeat=5, at_once=1, score="Grade this: {answer}" if judged else None)
        except SweepInterrupted as stopped:
            caught.append(stopped.sweep)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(len(begun) + 3):
        server.wait_for_request(PATIENCE)
    session.stop()
    thread.join(PATIENCE)
    [result] = caught
    assert len(server.requests) == len(begun) + 3
    if judged:
        assert [run.score for run in result] == [1, 2, None, None, None]
    else:
        assert [run.status for run in result] == ["complete"] * 2 + ["interrupted"] + ["not run"] * 2


def test_a_sweep_that_is_over_holds_on_to_no_request_and_stop_reaches_none(server, session, monkeypatch):
    made, again = [], session.again

    def noted(exchange):
        exchange = again(exchange)
        made.append(weakref.ref(exchange))
        return exchange

    monkeypatch.setattr(session, "again", noted)
    sweep(session, "Hi", repeat=5, score="Grade this: {answer}")
    estimate(session, "Hi", repeat=5)
    session._record.settled()  # the journal has written what it was given
    gc.collect()
    assert [one() for one in made] == [None] * 10
    session.stop()
    assert [run.status for run in sweep(session, "Hi", repeat=2)] == ["complete"] * 2


def all_read():
    """Wait until the engine has nothing more to do."""

    async def idle():
        async with asyncio.timeout(PATIENCE):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.001)

    process.engine().run(idle())


def test_an_interrupt_while_one_answer_is_scored_keeps_those_that_came_meanwhile(server, session):
    def score(_answer):
        all_read()
        raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        sweep(session, "Hi", repeat=6, score=score)
    assert [run.status for run in caught.value.sweep] == ["complete"] * 6
    assert len(session.ledger()) == 6


def test_an_interrupt_while_one_answer_is_scored_runs_no_tool_that_another_called_meanwhile(server, session):
    called, scoring = [], threading.Event()
    calling = [Until(scoring), chunk(tool_calls=[tool_call("note", {})]), chunk(finish="tool_calls"), DONE]
    server.default = lambda request: Say("One") if request.json["model"] == "a" else Stream(calling)

    @session.tool(safe=True)
    def note() -> str:
        """Take a note."""
        called.append(1)
        return "x"

    def score(_answer):
        scoring.set()
        all_read()
        raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        sweep(session, "Hi", model=["a", "b"], score=score)
    assert [run.status for run in caught.value.sweep] == ["complete", "interrupted"]
    assert called == []


def test_an_engine_that_is_stopped_meanwhile_costs_what_was_begun_and_no_more(server, session):
    half = Stream([chunk("Half"), Until(threading.Event())])
    server.add(Say("One"), half)

    def stop(progress):
        if progress.done == 1 and len(server.requests) == 2 and process.engine() is first:
            first.stop()

    first = process.engine()
    result = sweep(session, "Hi", repeat=8, at_once=1, on_progress=stop)
    assert [run.index for run in result.complete] == [0, 3, 4, 5, 6, 7]  # one was under way, one next in line
    assert all("engine was stopped" in run.problem for run in result.failed)


SCRIPT = """
import sys
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.tuning.sweep import SweepInterrupted, sweep

session = Session(base_url=sys.argv[1], model="m")
try:
    sweep(session, "Hi", repeat=20, at_once=8, on_progress=lambda p: print(p.done, flush=True))
except SweepInterrupted as stopped:
    statuses = [run.status for run in stopped.sweep]
    print("kept", statuses.count("complete"), statuses.count("interrupted"), statuses.count("not run"), flush=True)
print(session.ask("Still there?").text)
"""


def test_a_real_interrupt_stops_a_sweep_keeps_its_answers_and_leaves_the_session_usable(tmp_path):
    never = threading.Event()
    with ScriptedServer(*[Say("Done")] * 4, *[Stream([chunk("Half"), Until(never)])] * 8) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, server.base_url],
            cwd=ROOT,
            env=clean_environment(tmp_path),
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            for _ in range(12):
                server.wait_for_request(PATIENCE)
            while process.stdout.readline().strip() != "4":
                pass
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
        assert all(request.closed.wait(PATIENCE) for request in server.requests[4:12])
    assert "kept 4 8 8" in rest
    assert rest.strip().endswith("Hello from the scripted server.")
    assert process.returncode == 0


def test_hotter_answers_of_the_built_in_model_agree_less(builtin):
    result = sweep(builtin, "What is a generator?", temperature=[0, 1.8], repeat=5)
    cold, hot = result.summary()
    assert cold.agreement.mean == 1
    assert hot.agreement.mean < 0.8
    assert {run.params.model for run in result} == {BUILTIN_MODEL}
    assert result.verdict().best == {"temperature": 0}


def test_a_tool_is_called_within_a_run():
    """Each run is a whole exchange: the model's calls are answered before its row is done."""
    session, calls = Session(), []

    @session.tool(safe=True)
    def temperature_in(city: str) -> int:
        """The temperature in a city."""
        calls.append(city)
        return 21

    result = sweep(session, "What is the temperature in Paris?", seed=[1, 2])
    assert len(calls) == 2
    assert all("21" in run.text for run in result)


def test_sessions_in_several_threads_can_sweep_at_once(server):
    results = []

    def work(name):
        results.append(sweep(Session(base_url=server.base_url, model=name), "Hi", repeat=10))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(result.complete) for result in results] == [10, 10]


def test_several_messages_and_system_texts_are_axes(session, server):
    server.default = Say("yes")
    result = sweep(session, ["Is it so?", "Is it not so?"], system=["Be brief.", None], repeat=2)
    assert {axis.name for axis in result.grid.axes} == {"message", "system"}
    sent = {tuple(message["content"] for message in request.json["messages"]) for request in server.requests}
    assert sent == {("Be brief.", "Is it so?"), ("Is it so?",), ("Be brief.", "Is it not so?"), ("Is it not so?",)}
    assert len(result) == 8
    row = next(row for row in result.table_rows() if row["message"] == "Is it not so?" and row["system"] is None)
    result.apply(row["run"])
    assert session.turns[-1].message.text == "Is it not so?"
    assert session.system is None


def test_a_judge_is_told_each_run_s_own_question(session, server):
    server.default = Say('{"score": 5}')
    sweep(session, ["First question?", "Second question?"], score="Grade {answer} to {question}")
    judged = [request.json["messages"][-1]["content"] for request in server.requests][2:]
    assert sorted("First" in text for text in judged) == [False, True]


def test_what_a_model_is_known_to_refuse_is_not_sent(session, server):
    """Learned from one request; the other runs with that parameter are rows with the reason."""
    words = "Unsupported parameter: 'temperature' is not supported with this model."
    server.add(Status(400, error(words, param="temperature", code="unsupported_parameter")))
    server.default = Say("fine")
    result = sweep(session, "Go", temperature=[0.5, 1.0, None], repeat=3, at_once=1)
    assert sum("temperature" in request.json for request in server.requests) == 1
    assert len(result.complete) == 3
    assert sum("Not sent" in (run.problem or "") for run in result) == 5
