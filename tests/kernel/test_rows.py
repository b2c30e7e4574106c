"""A cell over rows, in a real kernel, against a real server."""

import threading

import pytest

from nbchat.testing import Hang, Plain, Say, Status, Stream, Until, chunk, error
from nbchat.testing.answers import Received
from nbchat.testing.payloads import completion
from tests.kernel.kernels import shown

FRAME = "import pandas as pd; df = pd.DataFrame({'comment': ['good', 'bad', None, 'good again'], 'id': [1, 2, 3, 4]})"


def labelled(request: Received):
    """An answer of the question's last word, in capitals."""
    return Say(request.json["messages"][-1]["content"].split()[-1].upper(), usage=(9, 7))


@pytest.fixture
def server(server):
    server.default = labelled
    return server


@pytest.fixture
def cell(new_cell):
    return new_cell("Label: {comment}", FRAME)


def test_rows_are_answered_in_their_order_and_bound(cell, kernel):
    result = cell("--each df << labels")
    assert result.status == "ok"
    assert "3 of 4 rows answered · 1 skipped: a field is missing" in shown(result)
    assert "BAD" in shown(result)
    told = kernel.run("df['label'] = labels; print(df['label'].fillna('-').tolist(), _ is labels)")
    assert told.stdout == "['GOOD', 'BAD', '-', 'AGAIN'] True\n"


def test_any_expression_names_rows_and_other_live_values_go_in_too(cell, kernel, server):
    kernel.run("tone = 'friendly'")
    assert cell('--each "df[df.id > 3].comment" << one', "As a {tone} reader: {item}").status == "ok"
    assert [r.json["messages"][-1]["content"] for r in server.requests] == ["As a friendly reader: good again"]
    assert cell("--each \"(x for x in 'ab')\" << two", "Say {item}").status == "ok"
    assert kernel.run("print(two)").stdout == "['A', 'B']\n"


def test_answers_and_reasons_of_servers_are_shown_inert(cell, server):
    server.default = lambda request: Say("<img src=x onerror=alert(1)>")
    html = "".join(cell("--each df").mime("text/html"))
    assert "&lt;img" in html
    assert "<img" not in html
    server.default = lambda request: Status(400, error("<script>alert(1)</script>"))
    html = "".join(cell("--each ['x']", "{item}").mime("text/html"))
    assert "<script" not in html


def test_failed_rows_say_why_and_what_to_do(cell, server, kernel):
    server.default = lambda request: Status(400, error("No.")) if b"bad" in request.body else labelled(request)
    result = cell("--each df << fresh", "Judge: {comment}")
    assert "1 failed" in shown(result)
    assert "No." in shown(result)
    assert "fresh.retry()" in shown(result)
    server.default = labelled
    assert (
        kernel.run("print(fresh.retry(display=False).fillna('-').tolist())").stdout == "['GOOD', 'BAD', '-', 'AGAIN']\n"
    )


def test_a_stop_keeps_what_is_answered_and_binds_it(cell, server, kernel):
    server.default = lambda request: Stream([Hang()]) if b"again" in request.body else labelled(request)
    run = kernel.start("%%chat --each df << kept\nStop me: {comment}")
    run.until(lambda run: any("3 of 4" in o.get("data", {}).get("text/plain", "") for o in run.page.outputs))
    kernel.interrupt()
    result = run.wait()
    assert result.status == "error"
    assert "2 of 4 rows are answered and kept" in result.error.value
    assert "kept.retry()" in shown(result)
    assert kernel.run("print(kept.fillna('-').tolist(), _ is kept)").stdout == "['GOOD', 'BAD', '-', '-'] True\n"


def test_a_dry_run_sends_nothing_and_tells_the_size_of_all(cell, server):
    result = cell("--each df --dry-run --max-tokens 5", "Dry: {comment}")
    assert result.status == "ok"
    assert "dry run: 4 rows" in shown(result)
    assert "at most 15 tokens of answers" in shown(result)
    assert "Dry: good" in shown(result)
    assert not server.requests


def test_a_pilot_projects_the_rest_which_then_reuses_it(cell, server, kernel):
    server.default = lambda request: Plain(
        {**completion("yes"), "usage": {"prompt_tokens": 9, "completion_tokens": 1, "cost": 0.01}}
    )
    kernel.run("many = [f'row {i}' for i in range(40)]")
    told = shown(cell("--each many --pilot 10 << pilot", "Pilot: {item}"))
    assert "Pilot: 10 of 10 sample rows answered, out of 40" in told
    assert "for 30 more requests" in told
    assert "$0.3" in told
    assert "0% to 28%" in told  # of failures
    assert "remove --pilot" in told
    assert len(server.requests) == 10
    told = shown(cell("--each many << all", "Pilot: {item}"))
    assert "40 of 40 rows answered · 10 of them before" in told
    assert len(server.requests) == 40
    assert "every row is already answered" in shown(cell("--each many --pilot 10", "Pilot: {item}"))


def test_rows_in_the_background_leave_the_kernel_free(cell, server, kernel):
    hold = threading.Event()
    server.default = lambda request: Stream([Until(hold), chunk("late", finish="stop")])
    assert cell("--each df --background << later", "Later: {comment}").status == "ok"
    assert kernel.run("print(type(later).__name__, later.done)").stdout == "BackgroundRows False\n"
    hold.set()
    assert kernel.run(
        "coming = later; coming.wait() if hasattr(coming, 'wait') else None; print(later.fillna('-').tolist())"
    ).stdout == ("['late', 'late', '-', 'late']\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--each dff", "there is no variable 'dff'. Did you mean df?"),
        ("--each df[", "got 'df['"),
        ("--each df.nothing", "could not be evaluated: AttributeError"),
        ("--each df --code", "--code can't be used with --each"),
        ("--each df -t 0,1", "give temperature one value"),
        ("--each df --pilot 0", "--pilot must be a whole number from 1"),
        ("--pilot 5", "name them with --each"),
        ("--each 5", "Rows are those of a data frame"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_sends_nothing(cell, server, line, words):
    result = cell(line)
    assert result.status == "error"
    assert words in result.error.value
    assert not server.requests


def test_stop_ends_rows_in_the_background_and_keeps_them(cell, server, kernel):
    server.default = lambda request: Stream([Hang()]) if b"again" in request.body else labelled(request)
    assert cell("--each df --background << stopped", "Stop later: {comment}").status == "ok"
    kernel.run("import time\nwhile '3 of 4' not in repr(stopped): time.sleep(0.05)")
    assert "stopped 1 background answer" in shown(kernel.run("coming = stopped\n%chat stop"))
    told = kernel.run("coming.wait(); print(stopped.fillna('-').tolist())").stdout
    assert told == "['GOOD', 'BAD', '-', '-']\n"


def test_rows_of_a_file_go_into_a_file(cell, kernel):
    kernel.run("df.to_parquet('rows.parquet')")
    result = cell("--each rows.parquet --out answers.parquet << written", "File: {comment}")
    assert result.status == "ok"
    assert "the rows with their answers are in answers.parquet" in shown(result)
    told = kernel.run("print(pd.read_parquet('answers.parquet').answer.fillna('-').tolist(), len(written))")
    assert told.stdout == "['GOOD', 'BAD', '-', 'AGAIN'] 4\n"
    assert "nothing.parquet" in cell("--each nothing.parquet --out answers.parquet").error.value
