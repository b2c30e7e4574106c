"""What an analyst's data really holds: each kind of bad input has its behaviour, and nothing else suffers from it."""

import datetime
import decimal
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbchat.testing import Status
from nbchat.values.errors import ParameterError, PromptError, ProtocolError

MISSING = [None, float("nan"), np.nan, pd.NA, pd.NaT]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_missing_item_is_skipped(chat, asked, missing):
    result = chat.map(["a", missing], "{item}")
    assert list(result) == ["A", None]
    assert asked() == ["a"]
    assert result.failed == 0
    assert result.errors()["status"].tolist() == ["skipped"]
    assert "item is missing" in result.errors()["reason"][0]


def test_a_row_is_skipped_if_any_field_of_it_is_missing(chat, asked):
    frame = pd.DataFrame({"title": ["t", None], "comment": ["c", "d"], "unused": [None, None]})
    assert chat.map(frame, "{title}: {comment}").isna().tolist() == [False, True]
    assert asked() == ["t: c"]


def test_duplicate_labels_are_kept(chat):
    frame = pd.DataFrame({"comment": ["a", "b", "c"]}, index=[1, 1, 1])
    frame["label"] = chat.map(frame["comment"], "{item}")
    assert frame["label"].tolist() == ["A", "B", "C"]
    assert frame.index.tolist() == [1, 1, 1]


def test_a_multi_index_is_kept(chat):
    index = pd.MultiIndex.from_tuples([("x", 1), ("x", 2)], names=["a", "b"])
    result = chat.map(pd.Series(["a", "b"], index=index), "{item}")
    assert result.index.equals(index)


def test_a_cell_of_a_megabyte_is_sent(chat, asked):
    assert chat.map(["x" * 2**20], "{item}").failed == 0
    assert [len(text) for text in asked()] == [2**20]


def test_a_cell_that_no_model_takes_fails_with_its_size(chat, asked):
    result = chat.map(["a", "x" * 5_000_000], "{item}")
    assert asked() == ["a"]
    assert "5,000,000 characters" in result.errors()["reason"][0]


def test_values_that_are_no_text_are_written_as_in_prompts(chat, asked):
    values = [1, 2.5, True, decimal.Decimal("3.10"), datetime.date(2025, 1, 31), ["a", "b"], b"bytes"]
    result = chat.map(values, "> {item}")
    assert result.failed == 0
    assert "> 1" in asked()
    assert "> 2025-01-31" in asked()
    assert "> 3.10" in asked()


def test_a_format_that_a_value_does_not_take_fails_its_row_alone(chat, asked):
    result = chat.map([1.5, "n/a"], "{item:.2f}")
    assert asked() == ["1.50"]
    assert ".2f" in result.errors()["reason"][0]


def test_an_empty_text_is_a_failed_row_where_nothing_else_is_asked(chat, asked):
    result = chat.map(["", "  ", "a"], "{item}")
    assert asked() == ["a"]
    assert set(result.errors()["status"]) == {"failed"}
    assert chat.map([""], "Say {item}").failed == 0


def test_a_column_named_item_is_that_column(chat, asked):
    chat.map(pd.DataFrame({"item": ["a"], "row": ["b"]}), "{item} {row}")
    assert asked() == ["a b"]


def test_columns_whose_names_are_no_identifiers(chat, asked):
    chat.map(pd.DataFrame({"Total sales": [5], 0: ["x"]}), "{row['Total sales']} {row[0]}")
    assert asked() == ["5 x"]
    with pytest.raises(PromptError, match="did you mean 'Total sales'"):
        chat.map(pd.DataFrame({"Total sales": [5]}), "{row['Total sale']}")


def test_repeated_columns_matter_only_where_they_are_used(chat, asked):
    frame = pd.DataFrame([["a", 1, 2]], columns=["comment", "n", "n"])
    chat.map(frame, "{comment}")
    assert asked() == ["a"]
    for template in ("{n}", "{row['n']}"):
        with pytest.raises(PromptError, match="rename"):
            chat.map(frame, template)


def test_braces_that_are_no_fields_stay(chat, asked):
    template = 'Give {"label": …} for {item}, $x_{item}$, `{item}`, {{item}} and {item.upper()}'
    chat.map(["a"], template)
    assert asked() == ['Give {"label": …} for a, $x_{item}$, `{item}`, {{item}} and {item.upper()}']


def test_a_value_is_never_expanded_again(chat, asked):
    chat.map(["{item} {= 1 + 1}"], "{item}!")
    assert asked() == ["{item} {= 1 + 1}!"]


def test_expressions_and_paths_read_the_row(chat, asked):
    chat.map(pd.DataFrame({"comment": ["abcdef"], "n": [2]}), "{= comment[:n]} {= row['n'] + 1}")
    chat.map([{"who": {"name": "Ada"}}], "{item['who']['name']} {who}")
    chat.map([datetime.date(2025, 1, 31)], "{item.year}")
    assert {"2025", "ab 3"} < set(asked())
    assert next(text for text in asked() if text.startswith("Ada {"))


def test_an_expression_that_raises_fails_its_row_alone(chat, asked):
    result = chat.map([2, 0], "{= 4 / item}")
    assert asked() == ["2.0"]
    assert "ZeroDivisionError" in result.errors()["reason"][0]


def test_live_values_fill_what_is_no_column(chat, asked):
    chat.map(["a"], "{question} {item}", names={"question": "Is it {item}?", "item": "never"})
    assert asked() == ["Is it {item}? a"]


def test_records_in_a_list_have_their_keys_as_columns(chat, asked):
    chat.map([{"a": 1, "b": 2}, {"a": 3}], "{a} {b}")
    assert asked() == ["1 2"]
    with pytest.raises(PromptError, match="'c'"):
        chat.map([{"a": 1}], "{c}")


@pytest.mark.parametrize(
    "data", ["text", b"bytes", 5, None, {"a": [1]}, object()], ids=lambda data: type(data).__name__
)
def test_what_has_no_rows(chat, server, data):
    with pytest.raises(PromptError, match="Rows are those of"):
        chat.map(data, "{item}")
    assert not server.requests


def test_a_lazy_frame_is_to_be_collected(chat):
    with pytest.raises(PromptError, match="collect"):
        chat.map(pl.LazyFrame({"a": [1]}), "{a}")


@pytest.mark.parametrize("template", [None, 5, b"{item}", "", "   "])
def test_what_is_no_template(chat, template):
    with pytest.raises((ParameterError, PromptError)):
        chat.map(["a"], template)


def test_columns_whose_names_are_no_identifiers_are_offered_by_key(chat, server):
    with pytest.raises(PromptError, match=re.escape("the columns are {row['Total sales']}, {year}.")):
        chat.map(pd.DataFrame({"Total sales": [1], "year": [2024]}), "Sum of {Total sales}")
    assert server.requests == []


def raising(rows):
    """The rows, and then an error."""
    yield from rows
    raise OSError("the disk is gone")


def test_rows_that_can_not_be_read_further_end_the_run_with_the_answers_to_those_before(chat, asked):
    with pytest.raises(
        PromptError, match=r"can't be read further: OSError: the disk is gone. 100 of 100 rows"
    ) as ended:
        chat.map(raising(f"row {number}" for number in range(100)), "{item}")
    assert isinstance(ended.value.__cause__, OSError)
    assert list(ended.value.result) == [f"ROW {number}" for number in range(100)]
    assert len(asked()) == 100


def test_a_run_has_the_rows_as_they_were_when_it_began(chat):
    frame = pd.DataFrame({"text": [f"row {number}" for number in range(1000)]}, index=range(1000, 2000))

    def change(row, _outcome):
        if row == 0:
            del frame["text"]
            frame.index = range(1000)

    result = chat.map(frame, "{text}", on_row=change)
    assert result.tolist() == [f"ROW {number}" for number in range(1000)]
    assert result.index.tolist() == list(range(1000, 2000))
    items = [f"item {number}" for number in range(1000)]
    assert len(chat.map(items, "{item}", on_row=lambda row, _: items.clear())) == 1000


def test_later_items_of_an_iterator_may_be_no_records(chat):
    result = chat.map(iter([{"a": "x"}, {"b": "y"}, "z"]), "{a}")
    assert list(result) == ["X", None, None]
    assert result.errors()["reason"].tolist() == ["Not asked: a is missing."] * 2


@pytest.mark.parametrize(
    ("data", "template", "words"),
    [
        (pd.DataFrame(), "{a}", "the rows have no columns"),
        (pd.DataFrame({"class": ["x"]}), "{class}", r"the columns are \{row\['class'\]\}"),
        (pd.DataFrame({"Total sales": [1]}), "{row[Total sales]}", "a key is a number or in quotes"),
        (pd.DataFrame({"a": [{"b": 1}]}), "{a[b]:.2f}", r"\{a\[b\]:\.2f\} is not a field"),
        (["abc"], "{item[1:]}", r"other Python goes into \{= …\}"),
        (np.array("a"), "{item}", "Rows are those of a data frame"),
        (pl.LazyFrame({"a": ["x"]}), "{a}", r"pass its collect\(\)\."),
    ],
)
def test_each_refusal_says_what_to_do(chat, server, data, template, words):
    with pytest.raises(PromptError, match=words):
        chat.map(data, template)
    assert not server.requests


def test_a_column_named_like_a_keyword_is_read_by_its_key(chat):
    assert chat.map(pd.DataFrame({"class": ["x"]}), "{row['class']}").tolist() == ["X"]


def test_a_server_that_answers_with_web_pages_ends_the_run(chat, server):
    server.default = lambda request: Status(200, body="<html>Sign in to the network</html>")
    with pytest.raises(ProtocolError, match="sent nothing that can be read as a reply"):
        chat.map([f"row {number}" for number in range(1000)], "{item}", concurrency=4)
    assert len(server.requests) < 40


def test_braces_with_keys_elsewhere_stay(chat, asked):
    chat.map(pd.DataFrame({"a": ["x"]}), "`{a[b]}` {{a[b]}} $x_{a[b]}$ {other[b]} {a}")
    assert asked() == ["`{a[b]}` {{a[b]}} $x_{a[b]}$ {other[b]} x"]
