"""A pilot: a sample of all lengths is asked, tells what the rest would take, and is paid once."""

import json

import pandas as pd
import pytest

from nbchat.testing import Say, Status
from nbchat.values.errors import ParameterError

ROWS = ["x" * (1 + number % 200) + f" {number}" for number in range(1000)]


@pytest.fixture(autouse=True)
def prices(tmp_path, monkeypatch):
    """A price for the model: a dollar for a million tokens."""
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"scripted-1": {"input": 1.0, "output": 1.0}}))
    monkeypatch.setenv("NBCHAT_PRICES", str(path))


def test_a_pilot_asks_a_sample_of_all_lengths_and_the_full_run_reuses_it(chat, server, asked):
    server.default = lambda request: Say("y", usage=(len(request.json["messages"][-1]["content"]), 1))
    result = chat.map(pd.Series(ROWS), "{item}", pilot=20)
    assert len(server.requests) == 20
    lengths = sorted(len(row) for row in asked())
    assert lengths[0] < 20
    assert lengths[-1] > 180
    assert result.notna().sum() == 20
    assert result.details.count("not sent") == 980
    told = result.details.pilot
    assert (told.asked, told.left) == (20, 980)
    true = sum(map(len, ROWS)) + 1000
    assert told.tokens.low < true * 0.98 < told.tokens.high
    assert told.tokens.mean == pytest.approx(true * 0.98, rel=0.05)
    assert told.cost.mean == pytest.approx(told.tokens.mean / 1e6)
    whole = result.retry()
    assert whole.tolist() == ["y"] * 1000
    assert whole.details.pilot is None
    assert len(server.requests) == 1000


def test_the_sample_is_spread_over_the_categories_of_a_column_of_the_template(chat, server, asked):
    frame = pd.DataFrame({
        "text": ROWS, "team": ["red"] * 700 + ["green"] * 200 + ["blue"] * 100, "number": range(1000), "one": 1,
    })  # fmt: skip
    told = chat.map(frame, "{team} {number} {one}: {text}", pilot=10).details.pilot
    assert told.by == "team"
    assert sorted(row.split()[0] for row in asked()) == ["blue", *["green"] * 2, *["red"] * 7]
    lengths = sorted(len(row) for row in asked() if row.startswith("red"))
    assert lengths[0] < 60 < 150 < lengths[-1]


@pytest.mark.parametrize("values", [[1.5, None], ["x" * 100, "y" * 100], [["a"], ["b"]], ["a"], range(1000)])
def test_a_column_without_categories_does_not_stratify(chat, server, values):
    frame = pd.DataFrame({"text": ROWS, "other": [list(values)[number % len(values)] for number in range(1000)]})
    assert chat.map(frame, "{text} {other}", pilot=10).details.pilot.by is None


def test_the_same_sample_is_drawn_each_time(chat, server):
    chat.map(ROWS, "{item}", pilot=20)
    chat.map(ROWS, "{item}", pilot=20)
    assert len(server.requests) == 20


def test_failures_have_an_interval(chat, server):
    server.default = lambda request: Status(400)
    told = chat.map(ROWS, "{item}", pilot=10).details.pilot
    assert told.failures.mean == 1.0
    assert 0.6 < told.failures.low < told.failures.high == 1.0
    assert told.cost is None


def test_equal_missing_and_stored_rows_are_not_counted_as_to_be_paid(chat, server):
    chat.map(ROWS[:100], "{item}")
    rows = [*ROWS[:200], *ROWS[:200], *[None] * 100]
    told = chat.map(rows, "{item}", pilot=10).details.pilot
    assert told.left + len(server.requests) - 100 == 100


def test_a_pilot_of_an_iterator_loses_no_row(chat, server):
    result = chat.map(iter(ROWS), "{item}", pilot=10)
    assert len(server.requests) == 10
    assert result.details.pilot.left is None
    whole = result.retry()
    assert list(whole) == [row.upper() for row in ROWS]
    assert len(server.requests) == 1000


def test_a_pilot_larger_than_the_table_asks_all_of_it(chat, server):
    result = chat.map(["a", "b"], "{item}", pilot=20)
    assert result == ["A", "B"]
    assert result.details.pilot.left == 0
    assert chat.map([], "{item}", pilot=5) == []


@pytest.mark.parametrize("pilot", [0, -1, True, 2.5, "20"])
def test_what_is_no_size(chat, server, pilot):
    with pytest.raises(ParameterError, match="pilot"):
        chat.map(["a"], "{item}", pilot=pilot)
    assert not server.requests
