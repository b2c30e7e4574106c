"""A cell that is a sweep, in a real kernel, against a real server."""

import threading

import pytest

from nbchat.testing import Hang, Say, Status, Stream, Until, chunk, error
from nbchat.testing.answers import Received
from tests.kernel.kernels import shown


@pytest.fixture
def server(server):
    """A server that answers with the temperature it was asked with."""
    server.default = warm
    return server


@pytest.fixture
def cell(new_cell):
    return new_cell("Hello", "session = registry.current")


def warm(request: Received):
    """An answer that identifies its request."""
    return Say(f"It is {request.json.get('temperature')}, {request.json['model']}.", usage=(9, 7))


def rows(result):
    """How many rows the result's last table has."""
    return result.mime("text/html")[0].rpartition("<tbody>")[2].count("<tr>")


def test_a_cell_with_several_values_asks_each_and_shows_a_row_for_each(cell, server, kernel):
    result = cell("-t 0,0.5,1 -m a,b << s")
    assert result.status == "ok"
    asked = sorted((r.json["temperature"], r.json["model"]) for r in server.requests if r.method == "POST")
    assert asked == [(t, m) for t in (0, 0.5, 1) for m in ("a", "b")]
    assert rows(result) == 6
    assert "It is 0.5, b." in shown(result)
    assert "6 runs: 3 temperatures × 2 models" in shown(result)
    assert kernel.run("print(len(s), _ is s, list(Out.values())[-1] is s)").stdout == "6 True True\n"


def test_system_texts_and_messages_are_axes(cell, server, kernel):
    result = cell("-s Brief. -s Long. --variants << s", "One {1 + 1}?\n---\nTwo?\nAnd three?\n")
    assert result.status == "ok"
    sent = sorted([message["content"] for message in r.json["messages"]] for r in server.requests if r.method == "POST")
    assert sent == [
        ["Brief.", "One {1 + 1}?"],
        ["Brief.", "Two?\nAnd three?"],
        ["Long.", "One {1 + 1}?"],
        ["Long.", "Two?\nAnd three?"],
    ]
    assert rows(result) == 4
    kernel.run("s.apply(3)")
    assert kernel.run("print(session.system, session.turns[-1].message.text)").stdout == "Long. Two?\nAnd three?\n"
    told = cell("--variants --dry-run", "One?\n---\nTwo?")
    assert "2 runs" in shown(told)
    refused = cell("--variants", "Only one")
    assert refused.status == "error"
    assert "at least two messages" in refused.error.value


def test_repeat_alone_is_a_sweep(cell, server, kernel):
    assert rows(cell("--repeat 3 << s")) == 3
    assert kernel.run("print({run.text for run in s})").stdout == "{'It is None, scripted-1.'}\n"


def test_the_result_replaces_the_progress_bar(cell, server):
    """One output from the first moment on, changed until it is the result; the plot has its own."""
    result = cell("-t 0,1 --repeat 2")
    kinds = [kind for kind, _ in result.messages if kind.endswith("display_data")]
    assert kinds[0] == "display_data"
    assert "0 of 4" in result.messages[1][1]["data"]["text/plain"]
    assert len(result.mime("text/html")) == 1
    assert len(result.mime("image/png")) == 1


def test_an_interrupt_keeps_what_is_done(cell, server, kernel):
    """Answered runs are rows, also in the bound result; the others say so; the cell fails."""
    server.default = lambda request: (
        Stream([chunk("Part"), Hang()]) if request.json["temperature"] == 1 else Say("Done")
    )
    run = kernel.start("%%chat -t 0,1,0.5 << kept\nHello")
    run.until(lambda run: all(text in str(run.page.outputs) for text in ("2 of 3", "Part")))
    kernel.interrupt()
    result = run.wait()
    assert (result.status, result.error.value) == ("error", "Stopped: 2 of 3 runs are complete, and kept.")
    assert result.error.traceback == ["Interrupted: Stopped: 2 of 3 runs are complete, and kept."]
    assert rows(result) == 3
    assert "1 stopped" in shown(result)
    stopped = kernel.run("print([run.status for run in kept], kept[1].text, _ is kept)").stdout
    assert stopped == "['complete', 'interrupted', 'complete'] Part True\n"


@pytest.fixture
def drawing(kernel):
    """`drawing("ValueError()")`: every plot ends so."""
    make = (
        "import sys, types; whole = sys.modules.get('matplotlib.figure'); broken = types.ModuleType('matplotlib.figure')\n"
        "class Figure:\n"
        "    def __init__(self, *_, **__): raise {}\n"
        "broken.Figure = Figure; sys.modules['matplotlib.figure'] = broken"
    )
    yield lambda error: kernel.run(make.format(error))
    kernel.run(
        "sys.modules.pop('matplotlib.figure'); sys.modules.update({'matplotlib.figure': whole} if whole else {})"
    )


@pytest.mark.parametrize(
    "line", ["%%chat -t 0,1 --repeat 2 << s\nHello", "s = session.sweep('Hello', temperature=[0, 1], repeat=2)"]
)
def test_a_plot_that_can_not_be_drawn_costs_nothing_but_itself(cell, kernel, drawing, line):
    drawing("ValueError('no fonts')")
    result = kernel.run(line)
    assert result.status == "ok"
    assert "no plot: it could not be drawn (ValueError: no fonts)" in shown(result)
    assert kernel.run("print(len(s.complete))").stdout == "4\n"


def test_an_interrupt_while_the_result_is_shown_loses_nothing(cell, kernel, drawing):
    """Every run is paid for by then."""
    drawing("KeyboardInterrupt")
    result = cell("-t 0,1 --repeat 2 << s")
    assert (result.status, result.error.value) == (
        "error",
        "Stopped while the result was shown; all answers are kept.",
    )
    assert kernel.run("print(len(s.complete), _ is s)").stdout == "4 True\n"
    assert kernel.run("t = session.sweep('Hello', temperature=[0, 1], repeat=2)").status == "error"
    assert kernel.run("print(len(_.complete), _ is s)").stdout == "4 False\n"


def test_an_interrupt_of_a_sweep_from_python_keeps_it_too(cell, server, kernel):
    server.default = lambda request: Stream([Hang()]) if request.json["temperature"] == 1 else Say("Done")
    run = kernel.start("session.sweep('Hello', temperature=[0, 1])")
    run.until(lambda run: any("1 of 2" in o.get("data", {}).get("text/plain", "") for o in run.page.outputs))
    kernel.interrupt()
    assert run.wait().status == "error"
    assert kernel.run("print([run.status for run in _])").stdout == "['complete', 'interrupted']\n"


def test_a_failed_run_is_a_row_with_its_reason(cell, server, kernel):
    """What a server says is text: nothing of it is live."""
    refused = Status(400, error("Too hot <script>alert(1)</script>."))
    server.default = lambda request: refused if request.json["temperature"] == 1 else Say("Fine")
    result = cell("-t 0,1")
    assert result.status == "ok"
    assert "1 failed" in shown(result)
    html = result.mime("text/html")[0]
    assert "Too hot &lt;script&gt;" in html
    assert "<script" not in html


def test_where_no_run_is_answered_the_cell_fails(cell, server, kernel):
    """Run All stops; the rows are there and bound all the same."""
    server.default = Status(400, error("Not today."))
    result = cell("-t 0,1 << s")
    assert result.status == "error"
    assert "None of the 2 runs was answered" in result.error.value
    assert "Not today." in result.error.value
    assert rows(result) == 2
    assert kernel.run("print(len(s))").stdout == "2\n"


def test_a_dry_run_tells_the_count_and_sends_nothing(cell, server):
    result = cell("-t 0,1 --repeat 5 --max-tokens 10 --dry-run << s")
    assert result.status == "ok"
    assert "10 runs (2 temperatures × 5 repeats)" in shown(result)
    assert "at most 100 tokens answered" in shown(result)
    assert '"temperature": 0' in shown(result)
    assert [r for r in server.requests if r.method == "POST"] == []


def test_a_dry_run_counts_the_judge(cell, server):
    """As many requests as are then made; a function makes none."""
    told = shown(cell("-t 0,1 --repeat 3 --score 'Rate it' --dry-run"))
    assert "6 runs (2 temperatures × 3 repeats) and 6 requests to the judge" in told
    assert "to the judge" not in shown(cell("-t 0,1 --repeat 3 --score len --dry-run"))
    assert [r for r in server.requests if r.method == "POST"] == []
    cell("-t 0,1 --repeat 3 --score 'Rate it'")
    assert len([r for r in server.requests if r.method == "POST"]) == 12


def test_a_dry_run_of_a_cell_that_ran_before_shows_what_it_would_send_now(cell, server, kernel):
    """Its own turn and those behind it are not in the request, as they are not when it runs again."""
    at = "parent = get_ipython().parent_header; parent['metadata']['cellId'] = 'first'\n"
    chat = "get_ipython().run_cell_magic('chat', {!r}, 'Which?')"
    kernel.run(at + chat.format("-t 1"))
    cell("", "Later")
    again = shown(kernel.run(at + chat.format("-t 0,1 --dry-run")))
    assert "Which?" in again
    assert "Later" not in again
    kernel.run(at + chat.format("-t 0,1"))
    assert [m["content"] for m in server.requests[-1].json["messages"]] == ["Which?"]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_score_function_that_exits_loses_nothing(cell, server, kernel, kind):
    """Not the answers, and not the kernel."""
    kernel.run(f"{kind} leave(answer):\n    raise SystemExit(answer.text)")
    assert cell("-t 0,1 --score leave << s").status == "ok"
    assert kernel.run("print(s[0].problem)").stdout == (
        "No score: the score function failed with SystemExit: It is 0, scripted-1.\n"
    )


def test_scores_come_from_a_function_or_a_judge(cell, server, kernel):
    """By the name of a function, by the name of a prompt, or by the prompt itself."""
    kernel.run("def longer(answer): return len(answer.text)\nrubric = 'How good is {answer}?'")
    cell("-t 0,0.25 --score longer << s")
    assert kernel.run("print([run.score for run in s])").stdout == "[20.0, 23.0]\n"

    def judge(request):
        graded = "grader" in request.json["messages"][0]["content"]
        return Say('{"score": 4}') if graded else warm(request)

    server.default = judge
    for score in ("rubric", "'Rate {answer} from 0 to 10'"):
        cell(f"-t 0,1 --score {score} << s")
        assert kernel.run("print([run.score for run in s])").stdout == "[4.0, 4.0]\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("-t 0,1 --score lenght", "there is no function lenght"),
        ("--score len", "--score needs answers to compare"),
        ("-t 0,1 --background", "--background works with one answer only"),
        ("-t 0,9", "temperature must be a number from 0 to 2"),
        ("-t 0,1 --repeat 0", "--repeat must be a whole number from 1 to 10,000"),
    ],
)
def test_a_line_that_means_nothing_fails_in_one_sentence_and_sends_nothing(cell, server, line, sentence):
    result = cell(line)
    assert (result.status, result.error.name) == ("error", "UsageError")
    assert sentence in result.error.value
    assert server.requests == []


def test_a_sweep_at_the_end_of_a_cell_is_shown_once(cell, server, kernel):
    result = kernel.run("session.sweep('Hello', temperature=[0, 1])")
    assert len(result.mime("text/html")) == 1
    assert len(kernel.run("_").mime("text/html")) == 1
    view = kernel.run("_.filter(temperature=1)")
    assert rows(view) == 1
    assert "It is 1" in shown(view)


def test_display_false_shows_nothing(cell, server, kernel):
    result = kernel.run("quiet = session.compare('Hello', ['a', 'b'], display=False); print(len(quiet))")
    assert (result.stdout, result.mime("text/plain")) == ("2\n", [])


def test_an_answer_is_a_cells_value_before_any_was_shown(cell, kernel):
    """`display=False` shows nothing by itself; what is the value of a cell, a reader wants to see."""
    assert kernel.run("reply = session.ask('Hello', display=False)").outputs == []
    result = kernel.run("reply")
    assert [text for text in result.mime("text/markdown") if "It is" in text]


def test_a_diff_is_displayed(cell, server, kernel):
    kernel.run("s = session.sweep('Hello', temperature=[0, 1], display=False)")
    result = kernel.run("s.sort('run') and s.diff(0, 1)")
    html = result.mime("text/html")[0]
    assert html.count("<del") == html.count("<ins") == 1
    assert "[-0-]{+1+}" in shown(result)


def test_applying_a_run_makes_it_the_sessions_turn_and_parameters(cell, server, kernel):
    """Its prompt and answer are in the next request; another one applied takes its place."""
    cell("-t 0,1 << s", "Which?")
    kernel.run("s.apply(0); s.apply(1)")
    cell("", "And now?")
    body = server.requests[-1].json
    assert body["temperature"] == 1
    assert [m["content"] for m in body["messages"]] == ["Which?", "It is 1, scripted-1.", "And now?"]


def test_the_history_is_read_and_not_written(cell, server, kernel):
    cell("", "First")
    cell("-t 0,1", "Second")
    assert [m["content"] for m in server.requests[-1].json["messages"]][::2] == ["First", "Second"]
    assert kernel.run("print(len(registry.current.turns))").stdout == "1\n"


def test_runs_are_under_way_together(cell, server, kernel):
    """None of them is answered before all have been asked."""
    all_asked = threading.Event()
    arrived = []

    def answer(request):
        arrived.append(request)
        if len(arrived) == 4:
            all_asked.set()
        return Stream([Until(all_asked), chunk("together"), chunk(finish_reason="stop")])

    server.default = answer
    assert "4 runs" in shown(cell("-t 0,1 --repeat 2"))


def test_what_if_tells_the_tokens_of_an_answer(kernel):
    """From the built-in model's real probabilities; an answer without any fails in one sentence."""
    kernel.restart()
    kernel.run("%load_ext nbchat\nimport nbchat")
    kernel.run("%%chat --logprobs --top-logprobs 5 --max-tokens 8 --seed 1 << r\nWhat is a list?")
    result = kernel.run("nbchat.what_if(r, 0.5)")
    assert "At temperature 0.5 and top_p 1" in shown(result)
    assert result.mime("text/html")[0].count("data-nbchat-token=") == 8
    assert len(result.mime("application/vnd.jupyter.widget-view+json")) == 1
    kernel.run("%%chat --once --max-tokens 8 << r\nWhat is a list?")
    assert "no token probabilities" in kernel.run("nbchat.what_if(r)").error.value


def test_in_a_terminal_it_is_a_table_in_plain_text(terminal, server):
    """The bar is wiped, the result printed once, control characters of the server dropped."""
    server.default = lambda request: Say(f"\x1b[31mIt is {request.json['temperature']}\x07.")
    terminal.run("%load_ext nbchat")
    terminal.run(f"import os; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='m')")
    shown = terminal.run("%%chat -t 0,1 << s\nHello")
    assert shown.count("[0] It is 0.") == shown.count("[1] It is 1.") == 1
    assert "\x1b[31m" not in shown
    assert "2 runs: 2 temperature" in shown
    assert "[-0-]{+1+}" in terminal.run("s.diff(0, 1)")
    assert "It is 0." in terminal.run("s")
