"""Tables that don't fit into memory: Parquet in, Parquet out, and nothing but some thousand rows in between."""

import errno
import io
import os
import threading

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbchat.rows.mapping import MapInterrupted
from nbchat.rows.results import sink
from nbchat.testing import Say, Status, Until
from nbchat.values.errors import ConfigError, ParameterError, PromptError


@pytest.fixture
def table(tmp_path):
    """A file of 500 rows in two row groups, some of them without a comment."""
    path = tmp_path / "in.parquet"
    comments = [None if number % 50 == 7 else f"row {number}" for number in range(500)]
    pq.write_table(pa.table({"comment": comments, "n": list(range(500))}), path, row_group_size=300)
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Files are written in small parts."""
    monkeypatch.setattr(sink, "WRITTEN_AT_ONCE", 64)
    monkeypatch.setattr(sink, "WINDOW", 256)


def test_a_file_goes_into_a_file(chat, table, tmp_path):
    out = tmp_path / "out.parquet"
    result = chat.map(table, "{comment}", out=out)
    frame = pd.read_parquet(out)
    assert frame.columns.tolist() == ["comment", "n", "answer", "answer_error"]
    assert frame["n"].tolist() == list(range(500))
    assert frame["answer"].tolist()[:3] == ["ROW 0", "ROW 1", "ROW 2"]
    assert frame["answer"].isna().sum() == 10 == result.details.count("skipped")
    assert "comment is missing" in frame["answer_error"][7]
    assert len(result) == 500
    assert "out.parquet" in repr(result)
    assert sorted(path.name for path in tmp_path.iterdir() if "parquet" in path.name) == ["in.parquet", "out.parquet"]


def test_a_schema_gives_typed_columns(chat, server, table, tmp_path):
    server.default = lambda request: Say('{"label": "good", "stars": 4, "day": "2025-01-31", "tags": ["a"]}')
    out = tmp_path / "out.parquet"
    chat.map(str(table), "{comment}", out=str(out), schema="label:good|bad, stars:int, day:date, tags:[str]")
    schema = pq.read_schema(out)
    assert [str(schema.field(name).type) for name in ("label", "stars", "day", "tags")] == [
        "string",
        "int64",
        "date32[day]",
        "string",
    ]
    assert pd.read_parquet(out)["tags"][0] == '["a"]'


def test_failed_rows_are_missing_and_asked_again(chat, server, table, tmp_path):
    out = tmp_path / "out.parquet"
    server.default = lambda request: Status(400) if request.json["messages"][-1]["content"].endswith("3") else Say("ok")
    result = chat.map(table, "{comment}", out=out)
    assert result.failed == 50
    errors = result.errors()
    assert (errors["status"] == "failed").sum() == 50
    assert pd.read_parquet(out)["answer_error"].notna().sum() == 60
    asked = len(server.requests)
    server.default = lambda request: Say("ok")
    again = result.retry()
    assert again.failed == 0
    assert len(server.requests) == asked + 50
    assert pd.read_parquet(out)["answer"].notna().sum() == 490


def test_an_interrupt_leaves_no_half_file_and_loses_no_answer(chat, server, table, tmp_path):
    out = tmp_path / "out.parquet"

    stops = iter([KeyboardInterrupt])

    def stop(position, outcome):
        if position == 200 and (raised := next(stops, None)):
            raise raised

    with pytest.raises(MapInterrupted, match="answered and kept") as stopped:
        chat.map(table, "{comment}", out=out, on_row=stop)
    assert [path.name for path in tmp_path.iterdir() if "parquet" in path.name] == ["in.parquet"]
    result = stopped.value.result
    assert result.path is None
    assert result.details.count("not sent") > 100
    assert result.retry().details.count("complete") == 490
    assert len(server.requests) <= 490 + 64
    assert len(pd.read_parquet(out)) == 500


def test_one_slow_row_holds_a_window_of_rows_and_no_more(chat, server, table, tmp_path):
    go = threading.Event()
    answered = []

    def count(position, outcome):
        answered.append(position)
        if len(answered) == 200:
            go.set()

    server.default = lambda request: Waits(go) if request.json["messages"][-1]["content"] == "row 0" else Say("x")
    chat.map(table, "{comment}", out=tmp_path / "out.parquet", on_row=count, concurrency=4)
    assert answered.index(0) >= 199
    assert max(answered[: answered.index(0)]) < 256


class Waits:
    """An answer that comes once the event is set."""

    def __init__(self, event):
        self.event = event

    def steps(self, request):
        return [Until(self.event), *Say("late").steps(request)]


@pytest.mark.parametrize("kind", ["pandas", "polars", "series", "list", "records", "iterator", "generator"])
def test_any_rows_go_into_a_file(chat, tmp_path, kind):
    items = [f"row {number}" for number in range(300)]
    records = [{"item": item, "n": number} for number, item in enumerate(items)]
    data = {
        "pandas": pd.DataFrame(records),
        "polars": pl.DataFrame(records),
        "series": pd.Series(items, name="item"),
        "list": items,
        "records": records,
        "iterator": iter(items),
        "generator": (record for record in records),
    }[kind]
    out = tmp_path / "out.parquet"
    result = chat.map(data, "{item}", out=out)
    frame = pd.read_parquet(out)
    assert frame["item"].tolist() == items
    assert frame["answer"].tolist() == [item.upper() for item in items]
    assert len(result) == 300


def test_open_files_are_taken(chat, table):
    out = io.BytesIO()
    with table.open("rb") as file:
        chat.map(file, "{comment}", out=out)
    assert len(pd.read_parquet(io.BytesIO(out.getvalue()))) == 500


def test_an_empty_file(chat, server, tmp_path):
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"comment": pa.array([], pa.string())}), path)
    chat.map(path, "{comment}", out=out)
    assert pd.read_parquet(out).columns.tolist() == ["comment", "answer", "answer_error"]
    assert not server.requests


def test_a_pilot_of_a_file(chat, server, table):
    result = chat.map(table, "{comment}", pilot=10)
    assert len(server.requests) == 10
    assert result.details.pilot.left == 480


def test_what_can_not_be_read_or_written(chat, server, table, tmp_path):
    folder = tmp_path / "folder.parquet"
    folder.mkdir()
    for data, options, kind, words in [
        (table, {}, ParameterError, "out="),
        (tmp_path / "none.parquet", {"out": "x.parquet"}, PromptError, "can't be read"),
        (__file__.replace(".py", ".parquet"), {"out": "x.parquet"}, PromptError, "can't be read"),
        (table, {"out": 5}, ParameterError, "out must be"),
        (table, {"out": table}, ParameterError, "has the rows themselves"),
        (table, {"out": "answers.csv"}, ParameterError, r"ends in .parquet; got 'answers.csv'"),
        (table, {"out": tmp_path / "none" / "o.parquet"}, ConfigError, "No such file or directory. Nothing was sent"),
        (table, {"out": folder}, ConfigError, "Is a directory. Nothing was sent"),
        (table, {"out": tmp_path / "o.parquet", "schema": "n:int"}, ParameterError, "both have a column 'n'"),
    ]:
        with pytest.raises(kind, match=words):
            chat.map(data, "{comment}", **options)
    assert not server.requests
    assert not list(tmp_path.glob("*.part"))


class FullDisk(io.BytesIO):
    """A file that takes so many bytes."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("missing", [1, 1_000, 20_000])
def test_a_disk_that_is_full_at_any_moment_ends_the_run_with_what_is_answered(chat, server, table, missing):
    """At the last byte, in the footer, and in the midst of the rows."""
    chat.map(table, "{comment}", out=(whole := io.BytesIO()))
    asked = len(server.requests)
    with pytest.raises(ConfigError, match=r"No space left on device.* answered and kept") as failed:
        chat.map(table, "{comment}", out=FullDisk(len(whole.getvalue()) - missing))
    assert failed.value.result.path is None
    assert len(server.requests) == asked


def test_a_name_that_is_taken_meanwhile_is_said_and_no_answer_lost(chat, server, table, tmp_path):
    out = tmp_path / "out.parquet"
    folders = iter([out])

    def take(position, _outcome):
        if position == 300:
            next(folders, tmp_path).mkdir(exist_ok=True)

    with pytest.raises(ConfigError, match=r"can't be written: .* 490 of 500 rows are answered and kept") as failed:
        chat.map(table, "{comment}", out=out, on_row=take)
    assert not list(tmp_path.glob("*.part"))
    out.rmdir()
    assert failed.value.result.retry().path == out
    assert len(server.requests) == 490


def test_two_runs_write_no_file_at_once(chat, table, tmp_path):
    out = tmp_path / "out.parquet"
    refused = []

    def second(position, _outcome):
        if position == 100:
            with pytest.raises(ConfigError, match=r"written by another run\. Nothing was sent") as error:
                chat.map(table, "{comment} again", out=out)
            refused.append(error)

    chat.map(table, "{comment}", out=out, on_row=second)
    assert refused
    assert pd.read_parquet(out)["answer"][1] == "ROW 1"
    assert chat.map(table, "{comment} again", out=out).path == out


def test_answers_that_are_nowhere_are_not_called_kept(chat, table, tmp_path, monkeypatch):
    monkeypatch.setenv("NBCHAT_STORE", "off")

    def stop(position, _outcome):
        if position == 200:
            raise KeyboardInterrupt

    with pytest.raises(MapInterrupted, match="answered, and not kept"):
        chat.map(table, "{comment}", out=tmp_path / "out.parquet", on_row=stop)
