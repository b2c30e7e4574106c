"""Settings compared over rows by a cell, in a real kernel, against a real server."""

import pytest

from nbchat.testing import Hang, Say, Stream
from nbchat.testing.answers import Received
from tests.kernel.kernels import shown

FRAME = (
    "import pandas as pd; df = pd.DataFrame({'text': [f'note {i}' for i in range(12)]}); "
    "df['label'] = ['odd' if i % 2 else 'even' for i in range(12)]; df['other'] = df.label"
)


def labelled(request: Received):
    """The right label; from model b always "Even."."""
    body = request.json
    number = int(body["messages"][-1]["content"].split()[-1])
    return Say("odd" if number % 2 and body["model"] != "b" else "Even.", usage=(9, 1))


@pytest.fixture
def server(server):
    server.default = labelled
    return server


@pytest.fixture
def cell(new_cell):
    return new_cell("Odd or even? {text}", FRAME, "a")


def test_a_cell_compares_models_with_a_column_of_truths(cell, kernel, server):
    result = cell("--each df --truth label -m a,b << found")
    assert result.status == "ok"
    assert "Settled: model=a beats model=b in accuracy by 0.5" in shown(result)
    assert "found.apply()" in "".join(result.mime("text/html"))
    assert len(server.requests) == 24
    told = kernel.run(
        "print(found.standings[0].quality.mean, found.standings[1].quality.mean, _ is found); found.apply(0)"
    )
    assert told.stdout == "1.0 0.5 True\n"
    again = kernel.run("found")
    assert "accuracy" in shown(again)


def test_two_annotators_a_live_column_and_a_score_are_taken(cell, kernel, server):
    assert "The two annotators agree in 1.00" in shown(cell("--each df --truth label,other"))
    assert "accuracy 1" in shown(cell("--each df.text --truth df.label", "Odd or even? {item}"))
    kernel.run("def short(answer, truth): return truth in answer.lower()")
    assert "score 1" in shown(cell("--each df --truth label --score short"))
    assert "score" in shown(cell("--each df --score len -m a,b"))


def test_a_pilot_is_projected_and_written_to_a_file(cell, kernel, server, tmp_path):
    out = tmp_path / "run.jsonl"
    told = shown(cell(f"--each df --truth label --pilot 4 --out {out} << found"))
    assert "a pilot: 8 requests for the other 8 rows take about 80 tokens" in told
    assert len(server.requests) == 4
    assert kernel.run(
        f"from nbchat.rows.evaluation.result import Evaluation; print(len(Evaluation.load({str(out)!r})))"
    ).stdout


def test_prompts_are_compared_and_a_dry_run_says_how_many_requests_it_is(cell, server):
    plan = shown(cell("--each df --truth label -m a,b --variants --dry-run", "Odd? {text}\n---\nEven? {text}"))
    assert "4 settings (2 models × 2 messages)" in plan
    assert server.requests == []
    cell("--each df --truth label --variants", "Odd? {text}\n---\nEven? {text}")
    assert len(server.requests) == 24


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--truth label", "--truth works on rows: name them with --each"),
        ("--each df --truth lable", "there is no column 'lable'. Did you mean label?"),
        ("--each df --truth df.lable", "--truth df.lable could not be evaluated"),
        ("--each df --truth label --background", "--background can't be used with --each and --truth"),
        (
            "--each df --truth label --out answers.csv",
            "--out takes the name of a .jsonl or .parquet file; got 'answers.csv'.",
        ),
        ("--each df -m a,b", "compare several with --truth COLUMN"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_sent(cell, server, line, said):
    result = cell(line)
    assert result.status == "error"
    assert said in str(result.error)
    assert server.requests == []


def test_an_interrupted_comparison_is_bound_and_goes_on_where_it_was(cell, kernel, server):
    server.default = lambda request: Stream([Hang()]) if b"note 7" in request.body else labelled(request)
    run = kernel.start("%%chat --each df --truth label -m a,b << kept\nOdd or even? {text}")
    run.until(lambda run: any("11 of 24" in o.get("data", {}).get("text/plain", "") for o in run.page.outputs))
    kernel.interrupt()
    result = run.wait()
    assert result.status == "error"
    assert "Stopped: 11 answers of 24 kept." in result.error.value
    assert "kept.apply()" in "".join(result.mime("text/html"))
    assert kernel.run("print(kept.standings[0].counted, _ is kept)").stdout == "11 True\n"
    server.default = labelled
    before = len(server.requests)
    assert cell("--each df --truth label -m a,b << whole").status == "ok"
    assert len(server.requests) - before == 13
