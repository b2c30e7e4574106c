"""`map`: one prompt over many rows; the result in the input's order, index and type; failures are values."""

import pickle
import threading
from copy import copy, deepcopy

import pandas as pd
import polars as pl
import pytest

from nbchat.rows.mapping import MapInterrupted
from nbchat.testing import Hang, Say, Status, Stream
from nbchat.values.errors import (
    AuthenticationFailed,
    ModelNotFound,
    ParameterError,
    PromptError,
    ServerError,
    SessionError,
)

FRAME = pd.DataFrame({"comment": ["good", "fine", None], "price": [1, 2.5, 3]}, index=[7, 7, 9])


def test_a_list_gives_a_list_in_its_order(chat, asked):
    result = chat.map(["a", "b", "c"], "Label: {item}")
    assert isinstance(result, list)
    assert result == ["LABEL: A", "LABEL: B", "LABEL: C"]
    assert asked() == ["Label: a", "Label: b", "Label: c"]
    assert len(chat.turns) == 0


def test_a_pandas_column_keeps_its_index_and_name(chat):
    result = chat.map(FRAME["comment"], "{comment}")
    assert isinstance(result, pd.Series)
    assert result.name == "comment"
    assert result.index.tolist() == [7, 7, 9]
    assert result.iloc[:2].tolist() == ["GOOD", "FINE"]
    assert result.isna().tolist() == [False, False, True]


def test_a_result_becomes_a_column(chat):
    frame = FRAME.copy()
    frame["label"] = chat.map(frame["comment"], "{item}")
    assert frame["label"].iloc[:2].tolist() == ["GOOD", "FINE"]


def test_fields_are_columns_with_formats(chat, asked):
    chat.map(FRAME, "{comment} at {price:.2f}")
    assert asked() == ["fine at 2.50", "good at 1.00"]


def test_a_polars_column_gives_a_polars_column(chat):
    result = chat.map(pl.Series("comment", ["good", None]), "{item}")
    assert isinstance(result, pl.Series)
    assert result.to_list() == ["GOOD", None]
    assert pl.DataFrame({"x": [1, 2]}).with_columns(result)["comment"].to_list() == ["GOOD", None]


def test_what_is_derived_is_plain(chat):
    series = chat.map(FRAME["comment"], "{item}")
    assert type(series.iloc[:1]) is type(series + "!") is type(series.copy()) is pd.Series
    column = chat.map(pl.Series("comment", ["a", "b"]), "{item}")
    assert type(column.head(1)) is type(column + "!") is type(column.unique()) is pl.Series


@pytest.mark.parametrize(
    "data", [["a", None], FRAME["comment"], pl.Series("c", ["a", None])], ids=["list", "pandas", "polars"]
)
def test_a_result_can_be_pickled_and_copied(chat, data):
    result = chat.map(data, "{item}")
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is type(result)
    assert list(again)[:1] == list(result)[:1]
    assert again.details.count("skipped") == 1
    with pytest.raises(SessionError, match="run map again"):
        again.retry()
    for twin in (copy(result), deepcopy(result)):
        assert list(twin)[:1] == list(result)[:1]


def test_a_failed_row_is_missing_with_a_reason(chat):
    result = chat.map(["a", "bad", None], "{item}")
    assert result == ["A", None, None]
    assert result.failed == 1
    errors = result.errors()
    assert errors["row"].tolist() == [1, 2]
    assert errors["status"].tolist() == ["failed", "skipped"]
    assert "400" in errors["reason"][0]
    assert "1 of 3 rows failed" in repr(result)


def test_retry_asks_the_failed_rows_alone(chat, server, asked):
    server.default = lambda request: Status(400)
    first = chat.map(["a", "b"], "{item}")
    assert first.failed == 2
    server.default = lambda request: Say("x")
    second = first.retry()
    assert second == ["x", "x"]
    assert asked() == ["a", "a", "b", "b"]
    assert not second.failed


def test_answered_rows_are_not_asked_twice(chat, asked):
    chat.map(["a", "b"], "{item}")
    result = chat.map(["a", "c", "b"], "{item}")
    assert result == ["A", "C", "B"]
    assert asked() == ["a", "b", "c"]
    assert result.details.stored == 2
    chat.map(["a"], "{item}", cache=False)
    assert asked() == ["a", "a", "b", "c"]


def test_equal_rows_are_asked_once(chat, asked):
    assert chat.map(["a", "a", "a"], "{item}") == ["A", "A", "A"]
    assert asked() == ["a"]


def test_an_iterator_is_read_as_it_goes(chat):
    taken = []

    def rows():
        for number in range(600):
            taken.append(number)
            yield number

    seen = []
    result = chat.map(rows(), "{item}", concurrency=4, on_row=lambda position, _: seen.append((position, len(taken))))
    assert result == [str(number) for number in range(600)]
    assert seen[0][1] < 600


def test_an_error_of_the_key_stops_the_run(chat, server):
    server.default = lambda request: Status(401)
    with pytest.raises(AuthenticationFailed) as stopped:
        chat.map([str(number) for number in range(500)], "{item}", concurrency=2)
    assert len(server.requests) <= 4
    assert stopped.value.result == [None] * 500
    server.default = lambda request: Say("x")
    assert stopped.value.result.retry() == ["x"] * 500


class Freed:
    def __del__(self):
        raise KeyboardInterrupt


def test_an_interrupt_that_python_loses_ends_it_all_the_same(chat, server):
    """Python ignores exceptions in destructors."""
    server.default = Stream([Hang()])
    with pytest.raises(MapInterrupted):
        chat.map(range(6), "{item}", on_progress=lambda _: Freed() and None)


def test_an_interrupt_keeps_what_has_ended(chat, server, asked):
    server.default = lambda request: Status(500) if request.json["messages"][-1]["content"] == "3" else Say("x")

    def stop(position, outcome):
        if position == 2:
            raise KeyboardInterrupt

    with pytest.raises(MapInterrupted, match="answered and kept") as stopped:
        chat.map(range(6), "{item}", concurrency=1, on_row=stop)
    result = stopped.value.result
    assert result[:3] == ["x", "x", "x"]
    assert result.details.outcomes[5].status == "not sent"
    server.default = lambda request: Say("x")
    assert result.retry() == ["x"] * 6
    assert set(asked()) == set("012345")
    assert [asked().count(row) for row in "012"] == [1, 1, 1]


@pytest.mark.parametrize(
    ("data", "template", "words"),
    [
        (FRAME, "Label: {coment}", "did you mean 'comment'"),
        (FRAME, "Label it", "no field"),
        (["a"], "Label: {text}", "{item}"),
        ("text", "{item}", "got str"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "{a}", "2 columns are called 'a'"),
    ],
)
def test_what_can_not_be_asked_is_said_before_anything_is_sent(chat, server, data, template, words):
    with pytest.raises(PromptError, match=words):
        chat.map(data, template)
    assert not server.requests


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"repeat": 0}, {"temprature": 1}, {"n": 2}, {"retries": -1}])
def test_wrong_options_are_refused(chat, server, options):
    with pytest.raises(ParameterError):
        chat.map(["a"], "{item}", **options)
    assert not server.requests


@pytest.mark.parametrize("empty", [[], FRAME.iloc[:0], FRAME["comment"].iloc[:0], pl.Series("a", [], dtype=pl.String)])
def test_no_rows_give_an_empty_result(chat, server, empty):
    result = chat.map(empty, "{item}")
    assert len(result) == 0
    assert not server.requests


def test_stop_from_another_thread_ends_it_like_an_interrupt(chat, server):
    def stop(position, outcome):
        if position == 2:
            thread = threading.Thread(target=chat.stop)
            thread.start()
            thread.join()

    with pytest.raises(MapInterrupted) as stopped:
        chat.map(range(500), "{item}", concurrency=1, on_row=stop)
    assert stopped.value.result[:3] == ["0", "1", "2"]
    assert len(server.requests) < 500


def test_progress_counts_what_has_become_of_the_rows(chat):
    chat.map(["stored"], "{item}")
    told = []
    chat.map(["stored", "new", None, "bad"], "{item}", on_progress=told.append)
    assert (told[0].done, told[0].total) == (0, 4)
    last = told[-1]
    assert (last.done, last.failed, last.skipped, last.stored, last.under_way) == (4, 1, 1, 1, 0)
    assert last.tokens == 18


def test_a_server_that_is_down_ends_the_run(chat, server):
    server.default = lambda request: Status(500)
    with pytest.raises(ServerError, match="0 of 200 rows"):
        chat.map(range(200), "{item}", concurrency=4, retries=0)
    assert len(server.requests) < 50


def test_an_unknown_model_ends_the_run(chat, server):
    server.default = lambda request: Status(404)
    with pytest.raises(ModelNotFound):
        chat.map(range(200), "{item}", concurrency=4)
    assert len(server.requests) <= 12


def test_a_row_is_tried_again_as_often_as_asked(chat, server):
    server.default = lambda request: Status(500)
    result = chat.map(["a"], "{item}", retries=1, concurrency=2)
    assert len(server.requests) == 2
    assert "Tried 2 times" in result.errors()["reason"][0]


def test_a_run_without_a_journal(chat, asked, monkeypatch):
    monkeypatch.setenv("NBCHAT_STORE", "off")
    assert chat.map(["a", "a", "b"], "{item}") == ["A", "A", "B"]
    chat.map(["a"], "{item}")
    assert asked() == ["a", "a", "b"]
    assert len(chat.ledger()) == 2


def test_rows_neither_read_nor_join_the_history(chat, server):
    chat.ask("Earlier", display=False)
    chat.map(["a"], "{item}", system="Be brief.")
    assert [message["content"] for message in server.requests[-1].json["messages"]] == ["Be brief.", "a"]
    assert len(chat.turns) == 1
