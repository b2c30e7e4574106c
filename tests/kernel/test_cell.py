"""`%%chat` in a real kernel, against a real server that plays scripts."""

import json
import threading
import time

import pytest

from nbchat.testing import DONE, Cut, Flood, Hang, Say, ScriptedServer, Status, Stream, Until, chunk
from tests.environment import PATIENCE
from tests.store.turns import wait_for_text

SECRET = "sk-test-4f9a8b7c6d5e4f3a2b1c"


@pytest.fixture
def cell(new_cell):
    """Runs a `%%chat` cell against the server, in a session of its own."""
    return new_cell("Hello", key=SECRET)


def text(result):
    """Return what a reader sees of a cell: Markdown, and the plain text of everything else."""
    shown = []
    for output in result.outputs:
        data = output.get("data", {})
        shown.append(data.get("text/markdown") or data.get("text/plain") or output.get("text", ""))
    return "\n".join(shown)


def test_the_answer_and_its_tokens(cell, server):
    """The answer as Markdown, then one line of facts; only what the user set is sent."""
    server.add(Say("Two *plus* two is four.", chunks=5, usage=(9, 7)))
    result = cell("-t 0.5", "What is {1+1}?")
    assert result.status == "ok"
    assert result.outputs[0]["data"]["text/markdown"] == "Two *plus* two is four."
    assert "scripted-1 · -t 0.5 · 9 → 7 tokens" in text(result)
    assert server.requests[-1].json == {
        "model": "scripted-1",
        "messages": [{"role": "user", "content": "What is {1+1}?"}],
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_conversation_goes_on(cell, server, kernel):
    """The second cell carries the first turn; `--once` carries nothing and leaves nothing."""
    server.add(Say("One."), Say("Two."), Say("Three."))
    cell("", "first")
    cell("--once", "aside")
    cell("", "second")
    contents = [[m["content"] for m in request.json["messages"]] for request in server.requests]
    assert contents == [["first"], ["aside"], ["first", "One.", "second"]]


def test_the_reply_is_bound(cell, server, kernel):
    """`<< name`, `_` and `Out` hold the reply; no second copy is shown."""
    server.add(Say("Bound."))
    result = cell("<< answer")
    assert text(result).count("Bound.") == 1
    assert (
        kernel.run("print(answer.text, _ is answer, list(Out.values())[-1] is answer)").stdout.strip()
        == "Bound. True True"
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--temprature 1", "There is no option --temprature. Did you mean --temperature?"),
        ("-t 9", "-t: temperature must be a number from 0 to 2; got '9'."),
        ("-t warm", "-t: temperature must be a number from 0 to 2; got 'warm'."),
        ("-t 1 -t 0", "-t is given twice. For several values to compare, write them in one: -t a,b."),
        ("-t", "-t needs a value: a number from 0 to 2; got nothing."),
        (
            "hello",
            "%%chat takes options on its line and the message below it; got 'hello'. %chat help lists the options.",
        ),
        ("<< 7up", "<< needs a variable name after it; got 7up."),
        ("-s 'never closed", "Can't read this line: the quote at \"'never closed\" is not closed."),
        ("--once=yes", "--once takes no value; got 'yes'."),
        ("--param messages=[]", "--param can't set messages: nbchat sets it itself."),
    ],
)
def test_a_bad_line_fails_in_one_line_and_sends_nothing(cell, server, line, sentence):
    result = cell(line)
    assert result.status == "error"
    assert (result.error.name, result.error.value) == ("UsageError", sentence)
    assert result.outputs[-1]["traceback"] == [f"UsageError: {sentence}"]
    assert result.stderr == ""
    assert server.requests == []


def test_an_empty_cell_fails_and_sends_nothing(cell, server):
    result = cell("", "   ")
    assert result.status == "error"
    assert "The cell is empty" in result.error.value
    assert server.requests == []


def test_a_server_error_is_one_plain_line(cell, server):
    """The server's words, what to do next, no traceback; the cell fails, so that Run All stops."""
    server.add(Status(400, {"error": {"message": "temperature is not supported", "param": "temperature"}}))
    result = cell("-t 1")
    assert result.status == "error"
    assert result.error.name == "ParameterRefused"
    assert len(result.error.traceback) == 1
    assert "temperature is not supported" in result.error.traceback[0]


def test_a_key_echoed_by_the_server_is_masked(cell, server):
    """In the error, in the notebook, in every message of the kernel."""
    server.add(
        Status(401, {"error": {"message": f"Incorrect API key provided: {SECRET}."}}), Say(f"Your key is {SECRET}!")
    )
    refused, answered = cell(""), cell("")
    assert refused.error.name == "AuthenticationFailed"
    assert SECRET not in json.dumps([refused.messages, refused.error.traceback, answered.messages], default=str)


def test_a_cut_stream_keeps_its_text_and_fails(cell, server, kernel):
    """An answer is complete or says that it isn't; the partial answer is kept, and %chat continue resumes it."""
    server.add(Stream([chunk("Half an "), chunk("answer"), Cut()]), Say(" goes on."))
    result = cell("")
    assert (result.status, result.error.name) == ("error", "CutOff")
    assert "Half an answer" in text(result)
    assert "incomplete" in text(result)
    assert "goes on" in text(kernel.run("%chat continue"))
    assert kernel.run("print(registry.current.turns[-1].reply.text)").stdout == "Half an answer goes on.\n"


def test_retries_count_down_before_the_first_token(cell, server):
    server.add(Status(429, headers={"retry-after": "1"}), Say("Finally."))
    result = cell("")
    assert "Finally." in text(result)
    assert "retried (HTTP 429)" in text(result)
    assert any("retrying in " in json.dumps(content) for _, content in result.messages)


def test_choices_are_shown_apart(cell, server):
    server.add(Say(["one ", "two ", "three "], choices=3))
    shown = text(cell("--n 3"))
    assert [f"Choice {n} of 3" in shown for n in (1, 2, 3)] == [True, True, True]


def test_reasoning_folds_away(cell, server):
    server.add(Say("42.", reasoning="Let me think <b>hard</b>."))
    result = cell("")
    folded = result.outputs[0]["data"]["text/html"]
    assert folded.startswith("<details")
    assert "Let me think &lt;b&gt;hard&lt;/b&gt;." in folded
    assert result.outputs[1]["data"]["text/markdown"] == "42."


def test_hostile_text_is_cleaned_wherever_it_stands(cell, server):
    """Answer, model's name, reasoning, error: no tag of theirs is live in any output."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>![x](http://evil.example/a.png)"
    server.add(Say(evil, model=evil, reasoning=evil), Status(500, evil, {"x-should-retry": "false"}))
    answered, failed = cell(""), cell("")
    for output in answered.outputs:
        for kind in ("text/html", "text/markdown"):
            assert "<script" not in output["data"].get(kind, "")
            assert "<img" not in output["data"].get(kind, "")
    assert "![x](" not in answered.outputs[1]["data"]["text/markdown"]
    assert failed.status == "error"


def test_outputs_stay_few_and_bytes_flat(cell, server):
    """A long answer takes a few outputs, and its messages a small multiple of its text."""
    paragraph = "All work and no play makes Jack a dull boy, said the model. " * 5 + "\n\n"
    server.add(Say(paragraph * 100, chunks=2000, delay=0.0005))
    result = cell("")
    assert len(result.outputs) < 50
    assert "".join(o["data"].get("text/markdown", "") for o in result.outputs).count("Jack") == 500
    assert result.bytes < 40 * len(paragraph) * 100


def test_nothing_is_lost_in_a_flood(cell, server, kernel):
    """Every token that the server sent is in the reply and in the saved outputs."""
    server.add(Flood(tokens=20_000, size=5))
    result = cell("<< flood")
    assert kernel.run("print(len(flood.text))").stdout == "100000\n"
    assert len("".join(o["data"].get("text/markdown", "") for o in result.outputs)) >= 100_000


@pytest.mark.parametrize(
    "answer",
    [
        Stream([chunk("Once "), Hang()]),
        Say("word " * 4000, chunks=4000, delay=0.002),
        Flood(tokens=2_000_000, size=4),
    ],
    ids=["silent", "slow", "fast"],
)
def test_an_interrupt_closes_the_connection_and_keeps_the_partial_answer(cell, server, kernel, answer):
    """Each time the prompt returns, the server sees the close, the partial answer is kept and marked, and the next cell works."""
    for _ in range(5):
        server.add(answer)
        run = kernel.start("%%chat --once << part\nTell me")
        run.until(lambda run: any("text/markdown" in o.get("data", {}) for o in run.page.outputs))
        kernel.interrupt()
        result = run.wait()
        assert (result.status, result.error.name) == ("error", "Interrupted")
        assert "stopped: this answer is incomplete" in text(result)
        assert server.requests[-1].closed.wait(PATIENCE)
        assert kernel.run("print('free')").stdout == "free\n"


def test_an_interrupt_before_anything_is_sent_is_one_sentence(cell, server, kernel):
    kernel.run("class Slow:\n    def __nbchat__(self):\n        raise KeyboardInterrupt\nslow = Slow()")
    result = kernel.run("%%chat\n{slow}")
    assert result.error.name == "Interrupted"
    assert len(result.error.traceback) == 1
    assert not server.requests


def test_an_interrupt_before_the_first_token(cell, server, kernel):
    server.add(Stream([Hang()]))
    run = kernel.start("%%chat\nTell me")
    server.wait_for_request()
    kernel.interrupt()
    result = run.wait()
    assert (result.status, result.error.name) == ("error", "Interrupted")
    assert "Nothing had arrived yet" in result.error.value
    assert kernel.run("print(len(registry.current.turns))").stdout == "0\n"


def test_an_interrupt_in_a_cell_s_first_moments_leaves_no_request_running(cell, server, kernel):
    """The interrupt comes 0 to 60 ms after the cell has begun, and later on a slow machine; only the server can tell that
    its reader has gone.
    """
    cell("")  # everything is imported
    server.default = Stream([Until(threading.Event())])
    number = 0
    while number < 60 or len(server.requests) < 6:
        number += 1
        run = kernel.start(
            f"print('begun', flush=True)\nget_ipython().run_cell_magic('chat', '--once', 'Hello {number}')"
        )
        run.until(lambda run: run.page.outputs)
        time.sleep(0.001 * number)
        kernel.interrupt()
        result = run.wait()
        assert result.error.name in ("Interrupted", "KeyboardInterrupt")
    assert all(request.closed.wait(PATIENCE) for request in server.requests[1:])  # the first was answered


def test_aask_is_interruptible(cell, server, kernel):
    """Also on a silent socket, where a kernel's own loop would not see the signal."""
    server.add(Stream([chunk("Once upon"), Hang()]))
    run = kernel.start("reply = await registry.current.aask('Tell me', display=False)")
    wait_for_text(kernel.home / "nbchat.sqlite", "Once upon")
    kernel.interrupt()
    assert run.wait().status == "error"
    assert server.requests[-1].closed.wait(PATIENCE)
    assert kernel.run("print(registry.current.turns[-1].reply.status)").stdout == "interrupted\n"


def test_background_frees_the_kernel_and_paints_its_own_cell(cell, server, kernel):
    """The cell returns at once; other cells run; the answer lands in the cell that asked."""
    server.add(Say("Painted from the background.", chunks=4, delay=0.2))
    asked = kernel.run("%%chat --background << later\nHello")
    assert asked.status == "ok"
    other = kernel.run("import time; print('elsewhere')\nwhile type(later).__name__ != 'Reply': time.sleep(0.02)")
    assert other.stdout == "elsewhere\n"
    assert "background" not in text(other)
    painted = [content["data"] for kind, content in kernel.stray if kind.endswith("display_data")]
    assert "Painted from the background." in [data.get("text/markdown") for data in painted]


def test_a_background_cell_that_is_stopped_binds_its_part_and_says_so_in_a_line(cell, server, kernel):
    """As a cell in the foreground does; nothing of it goes to another cell, or to the kernel's own output."""
    server.add(Stream([chunk("Half an "), chunk("answer"), Hang()]))
    kernel.run("from nbchat.magics import background")
    kernel.stray.clear()
    asked = cell("--background << part")
    while "Half an answer" not in json.dumps([asked.messages, kernel.stray], default=str):
        assert kernel.run("print(background.running())").stdout == "1\n"
    stopped = kernel.run(
        "import time\n"
        "registry.current.stop()\n"
        "while background.running(): time.sleep(0.02)\n"
        "print(part.status, part.text)"
    )
    assert stopped.stdout == "interrupted Half an answer\n"
    assert stopped.stderr == ""
    painted = [content["data"] for kind, content in kernel.stray if kind.endswith("display_data")]
    lines = [data.get("text/plain", "") for data in painted]
    assert any(
        "Interrupted: Stopped. The partial answer was kept; %chat continue resumes it." in line for line in lines
    )
    assert not [content for kind, content in kernel.stray if kind == "stream"]


def test_a_background_answer_has_its_name_at_once_and_can_be_stopped(cell, server, kernel):
    """The name holds the answer so far, and in the end the reply."""
    server.add(Stream([chunk("Half an "), chunk("answer"), Hang()]))
    cell("--background << part")
    came = kernel.run(
        "import time\nwhile 'answer' not in part.text: time.sleep(0.02)\nprint(part, part.done, part.wait(0))"
    )
    assert came.stdout == "<BackgroundReply: still answering, 14 characters> False False\n"
    assert "stopped 1 background answer" in text(kernel.run("%chat stop"))
    ended = kernel.run(
        "while type(part).__name__ != 'Reply': time.sleep(0.02)\nprint(type(part).__name__, part.status)"
    )
    assert ended.stdout == "Reply interrupted\n"
    assert server.requests[0].closed.wait(PATIENCE)
    assert "nothing is running in the background" in text(kernel.run("%chat stop"))


def test_a_background_answer_s_name_that_was_given_anew_stays(cell, server, kernel):
    hold = threading.Event()
    server.add(Stream([Until(hold), chunk("Late", finish="stop"), DONE]))
    cell("--background << later")
    kernel.run("coming, later = later, 'mine'")
    hold.set()
    assert kernel.run("coming.wait(); print(later, coming.text)").stdout == "mine Late\n"


def cut(cell, server, options):
    """The one line of a cell whose answer breaks off."""
    server.add(Stream([chunk("Half an "), Cut()]))
    return cell(options).error.traceback[0]


def test_advice_names_what_works_from_here(cell, server, kernel):
    assert "kept; %chat continue resumes it." in cut(cell, server, "")
    assert "kept; %chat continue --session b resumes it." in cut(cell, server, "--session b")
    assert "did not join the history" in (once := cut(cell, server, "--once"))
    assert "%chat" not in once


def test_the_answer_of_another_session_is_continued_there(cell, server, kernel):
    server.add(Say("Whole."))
    cell("")
    cut(cell, server, "--session b")
    server.add(Say("answer."))
    assert kernel.run("%chat continue --session b -t 0.5").status == "ok"
    assert server.requests[-1].json["temperature"] == 0.5
    assert kernel.run("print(registry.open('b').turns[-1].reply.text)").stdout == "Half an answer.\n"
    refused = kernel.run("%chat continue")
    assert "That answer is complete" in refused.error.traceback[0]
    assert kernel.run("print([turn.reply.text for turn in registry.current.turns])").stdout == "['Whole.']\n"
    assert "There is no session 'c'" in kernel.run("%chat continue --session c").error.traceback[0]
    assert len(server.requests) == 3


def test_a_dry_run_sends_nothing(cell, server):
    result = cell("--dry-run -t 1", "Hello")
    assert server.requests == []
    assert '"temperature": 1' in text(result)
    assert SECRET not in text(result)


@pytest.mark.parametrize("axes", ["", "-t 0,1 "], ids=["cell", "sweep"])
def test_a_dry_run_names_the_key_of_the_server_that_it_is_for(cell, server, kernel, axes):
    """Not the session's: that one would not be sent there."""
    kernel.run("os.environ['MY_OWN_KEY'] = 'sk-own-2b4d6f8a0c'")
    assert "key from NBCHAT_API_KEY" in text(cell(f"{axes}--dry-run"))
    assert "key from" not in text(cell(f"{axes}--dry-run --base-url http://127.0.0.1:9/v1"))
    named = text(cell(f"{axes}--dry-run --base-url http://127.0.0.1:9/v1 --key-env MY_OWN_KEY"))
    assert "http://127.0.0.1:9/v1/chat/completions" in named
    assert "key from MY_OWN_KEY" in named
    assert server.requests == []


def test_a_cell_that_names_another_server_takes_no_key_of_the_session_s_there(cell, kernel):
    with ScriptedServer() as other:
        kernel.run(f"registry.add(Session(name='keyed', api_key={SECRET!r}))")
        assert cell(f"--base-url {other.base_url}").status == "ok"
        assert [request.headers.get("authorization") for request in other.requests] == [None]


def test_live_values_go_in_and_the_footer_says_so(cell, server, kernel):
    kernel.run("city = 'Oslo'")
    server.add(Say("Cold."))
    result = cell("", 'Weather in {city}? {citty} {"a": 1}')
    assert server.requests[-1].json["messages"][0]["content"] == 'Weather in Oslo? {citty} {"a": 1}'
    assert "city: text of 4 characters" in text(result)
    assert "did you mean city?" in text(result)


def test_the_guard_refuses_the_key(cell, server, kernel):
    kernel.run("import os; leaked = os.environ['NBCHAT_API_KEY']")
    result = cell("", "My key is {leaked}")
    assert (result.status, result.error.name) == ("error", "GuardError")
    assert SECRET not in json.dumps(result.messages, default=str)
    assert server.requests == []


def test_pauses_show_what_is_waited_for(cell, server, kernel):
    """An empty cell shows what it waits for; the answer replaces that line."""
    come = threading.Event()
    server.add(Stream([Until(come), chunk("Here.", finish="stop")]))
    run = kernel.start("%%chat\nHello")
    run.until(lambda run: "waiting for scripted-1" in json.dumps(run.messages))
    come.set()
    assert "waiting" not in text(run.wait())


def test_help_on_a_cell_shows_the_options_and_sends_nothing(cell, server):
    result = cell("--help")
    assert result.status == "ok"
    assert "%%chat [OPTIONS]" in result.outputs[-1]["data"]["text/plain"]
    assert server.requests == []
