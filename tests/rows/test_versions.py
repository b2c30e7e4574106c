"""Other kinds of input and their results, and the record of runs: each prompt is a version of the answers."""

import contextlib
import functools
import json
import sqlite3

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from nbchat.store.opening import journal, journal_path
from nbchat.testing import Say
from tests import strategies
from tests.conversation.test_damaged_journal import LEAVES, replaced


def test_numpy_gives_an_array(chat):
    result = chat.map(np.array(["a", "bad"]), "{item}")
    assert isinstance(result.native, np.ndarray)
    assert list(result) == ["A", None]
    frame = pd.DataFrame({"x": [1, 2]})
    frame["label"] = result
    assert frame["label"].tolist()[0] == "A"
    assert "1 of 2 rows failed" in repr(result)
    assert result.failed == 1
    assert len(result) == 2


def test_arrow_gives_arrow(chat, server):
    table = pa.table({"comment": ["a", "b", None]})
    result = chat.map(table["comment"], "{item}")
    assert isinstance(result.native, pa.ChunkedArray)
    assert table.append_column("label", result.native)["label"].to_pylist() == ["A", "B", None]
    server.default = lambda request: Say('{"a": 1, "b": true}')
    frame = chat.map(table, "{comment}", schema="a:int, b:bool")
    assert frame.native.schema == pa.schema({"a": pa.int64(), "b": pa.bool_()})
    assert frame.native.to_pylist()[2] == {"a": None, "b": None}


def test_each_run_is_recorded_and_an_earlier_version_costs_nothing(chat, server):
    assert chat.maps() == []
    chat.map(["a", "b"], "First: {item}", temperature=0.5)
    chat.map(["a", "bad"], "Second: {item}")
    again = chat.map(["a", "b"], "First: {item}", temperature=0.5)
    assert again == ["FIRST: A", "FIRST: B"]
    assert len(server.requests) == 4
    frame = chat.maps().to_frame()
    assert frame["template"].tolist() == ["First: {item}", "Second: {item}", "First: {item}"]
    assert frame["answered"].tolist() == [2, 1, 2]
    assert frame["failed"].tolist() == [0, 1, 0]
    assert frame["status"].tolist() == ["complete"] * 3
    assert frame["params"][0]["temperature"] == 0.5


def test_forgetting_a_session_forgets_its_rows(chat, server):
    chat.map(["a"], "{item}")
    chat.forget()
    assert chat.maps() == []
    chat.map(["a"], "{item}")
    assert len(server.requests) == 2


@pytest.mark.parametrize("store", ["off"])
def test_without_a_journal_nothing_is_recorded(chat, monkeypatch, store):
    monkeypatch.setenv("NBCHAT_STORE", store)
    chat.map(["a"], "{item}")
    assert chat.maps() == []


def test_a_result_has_its_earlier_versions_with_their_answers(chat, server):
    frame = pd.DataFrame({"text": ["a", "b", "c"]}, index=[7, 8, 9])
    chat.map(frame, "First: {text}")
    chat.map(["x"], "Other: {item}")
    chat.map(frame, "Second: {text}", temperature=0.5)
    frame.loc[8, "text"] = "new"
    result = chat.map(frame, "First: {text}")
    sent = len(server.requests)
    first, second = result.versions
    assert (first.template, second.template) == ("First: {text}", "Second: {text}")
    assert first.time <= second.time
    assert first.result.tolist() == ["FIRST: A", "FIRST: NEW", "FIRST: C"]
    assert second.result.index.tolist() == [7, 8, 9]
    assert second.result.dropna().to_dict() == {7: "SECOND: A", 9: "SECOND: C"}
    assert second.result.errors()["reason"].tolist() == ["There is no stored answer to this row with this prompt."]
    assert second.params["temperature"] == 0.5
    assert "2 of 3 rows answered" in repr(second)
    assert len(server.requests) == sent


def test_versions_keep_repeats_and_schemas(chat, server):
    replies = iter(["yes", "no", "no"] * 2)
    server.default = lambda request: Say(f'{{"label": "{next(replies)}"}}')
    chat.map(["a"], "{item}", schema="label:yes|no", repeat=3, concurrency=1)
    (version,) = chat.map(["a"], "{item}", schema="label:yes|no").versions
    assert version.result.disagreements()["answers"].tolist() == [["yes", "no", "no"]]


def test_iterators_and_unstored_rows_have_no_versions(chat, monkeypatch):
    assert chat.map(iter(["a"]), "{item}").versions == []
    monkeypatch.setenv("NBCHAT_STORE", "off")
    assert chat.map(["a"], "{item}").versions == []


@strategies.scaled(0.4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["runs.about", "rows.answer"]), st.integers(0, 30), LEAVES)
def test_a_damaged_field_of_a_run_or_an_answer_costs_the_field_or_the_answer(chat, place, number, leaf):
    table, column = place.split(".")
    asked = functools.partial(chat.map, ["a", "b"], "Word: {item}", temperature=0.5)
    asked()
    assert journal().flush(5.0)
    with contextlib.closing(sqlite3.connect(journal_path(), isolation_level=None)) as connection:
        (before,) = connection.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()
        after = json.dumps(replaced(json.loads(before), number, leaf)).encode()
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (after, before))
    past = chat.maps()
    assert len(past.to_frame()) == len(past)
    result = asked()
    assert list(result) in (["WORD: A", "WORD: B"], ["x", "WORD: B"], ["WORD: A", "x"])  # another text is one, too
    assert all(repr(version) for version in result.versions)
