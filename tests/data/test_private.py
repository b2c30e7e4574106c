"""Columns marked private are at no rung, and the guard knows their values."""

from __future__ import annotations

import datetime
import gc
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.data.describe import describe
from nbchat.data.guard import check
from nbchat.data.interpolate import interpolate
from nbchat.data.private import forget, private
from nbchat.values.errors import GuardError, PromptError

RUNGS = ("", "stats", "sample 9", "head 9", "all")
SECRET = {"email": ["zelda@mail.example", "yorick@mail.example"], "salary": [83412, 91277]}
OPEN = {"city": ["Rome", "Oslo"]}


def frame(kind: str) -> Any:
    data = {**OPEN, **SECRET}
    return {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[kind](data)


def shows_nothing(value: Any) -> bool:
    text = "".join(describe(value, rung).text for rung in RUNGS)
    return not any(str(secret) in text for column in SECRET.values() for secret in column)


@pytest.fixture(params=["pandas", "polars", "pyarrow"])
def marked(request: pytest.FixtureRequest) -> Any:
    """A frame of each library with two private columns."""
    return private(frame(request.param), "email", "salary")


def test_no_rung_shows_a_private_column(marked: Any) -> None:
    assert shows_nothing(marked)
    text = describe(marked, "all").text
    assert "Rome" in text
    assert "2 private columns left out." in text
    assert describe(marked).label == "schema of 1 column"


def test_the_mark_follows_the_data_into_what_is_made_of_it(marked: Any) -> None:
    assert shows_nothing(marked[1:])
    if isinstance(marked, pa.Table):
        assert shows_nothing(marked.select(["email"]))
        nameless = describe(marked.column("salary"), "all").text
        with pytest.raises(GuardError):
            check([("the message", nameless)], {})
        return
    assert shows_nothing(marked["email"])
    assert shows_nothing(marked[["email", "salary"]])
    if isinstance(marked, pd.DataFrame):
        for made in (
            marked.copy(),
            marked.dropna(),
            marked.set_index("email"),
            marked.iloc[0],
            marked.T,
            marked.T["email":],
            pd.concat([marked, frame("pandas")]),
            marked.merge(marked, on="email"),
            marked.groupby("email").first(),
            marked.reset_index(),
            marked["salary"].head(1),
            frame("pandas").astype(object),
        ):
            assert shows_nothing(made), made
    else:
        assert shows_nothing(marked.filter(pl.col("salary") > 0).sort("email"))
        assert shows_nothing(marked.to_pandas())
        assert shows_nothing(marked.lazy().collect())


def test_a_column_of_the_same_name_with_other_values_is_not_private(marked: Any) -> None:
    assert "other@place.example" in describe(pd.DataFrame({"email": ["other@place.example"]}), "all").text


def test_a_frame_inside_a_container_shows_nothing_either(marked: Any) -> None:
    text = interpolate("{d} {l}", {"d": {"df": marked}, "l": [marked] * 3}).text
    assert not any(str(secret) in text for column in SECRET.values() for secret in column)


@pytest.mark.parametrize(
    "text",
    [
        "write to zelda@mail.example today",
        "ZELDA@MAIL.EXAMPLE",
        '{"to": ["zelda@mail.example"]}',
        "zelda%40mail.example",
        "x\nzelda @ mail . example",
        "| 83412 |",
        "earns 83,412.00",
        "earns 83412.0",
        "mailto:zelda@mail.example?subject=x",
        r'"\u007aelda@mail.example"',
        "zelda&#64;mail.example",
    ],
)
def test_the_guard_finds_private_values_however_they_are_written(marked: Any, text: str) -> None:
    with pytest.raises(GuardError, match=r"private column '(email|salary)'") as caught:
        check([("the system text", "fine"), ("turn 3", text)], {})
    message = str(caught.value)
    assert message.startswith("Turn 3 holds")
    assert "--unguarded" in message
    assert "zelda" not in message.lower()
    assert "83412" not in message


@pytest.mark.parametrize("text", ["", "hello", "zelda", "mail.example", "834", "183412", "83412999", "Rome and Oslo"])
def test_the_guard_lets_everything_else_pass(marked: Any, text: str) -> None:
    check([("the message", text)], {})


def test_the_values_stay_known_when_the_frame_is_gone_or_changed() -> None:
    people = private(pd.DataFrame({"email": ["zelda@mail.example"]}), "email")
    people.loc[1, "email"] = "later@mail.example"
    with pytest.raises(GuardError):
        check([("the message", "later@mail.example")], {})
    people.loc[1, "email"] = "else@mail.example"
    del people
    gc.collect()
    with pytest.raises(GuardError):
        check([("the message", "zelda@mail.example")], {})


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("7", "7 of 7", False),
        ("no", "no, no", False),
        (42, "42", False),
        (True, "True", False),
        (None, "None nan", False),
        ("unknown", "an unknown word", False),
        ("May", "in May", False),
        ("of the", "of the", False),
        (10_000, "10,000 rows", False),
        ("Bob", "ask Bob", True),
        ("Bob", "bob up", False),
        ("Alice", "for Alice's sake", True),
        ("alice", "Alice", True),
        ("Al Gore", "al gore", True),
        ("田中", "これは田中さんです", True),
        ("AB-1234", "ab 1234", True),
        (12.3456, "12.3456", True),
        (datetime.date(1971, 2, 3), "born 1971-02-03", True),
        (pd.Timestamp("1971-02-03"), "1971-02-03", True),
        (Decimal("12345.60"), "12,345.6", True),
        ("Zoë Müller", "zoe\u0308 mu\u0308ller", True),
        ("12345", "no. 12345.", True),
        (["tag-one-x"], "tag-one-x", True),
        ({"k": "inner value"}, "inner value", True),
        ("one two three four five six seven eight nine ten", "One two three four, five six seven eight.", True),
    ],
)
def test_only_distinctive_values_refuse_a_message(value: object, text: str, found: bool) -> None:
    private(pd.DataFrame({"column": pd.Series([value], dtype=object)}), "column")
    if found:
        with pytest.raises(GuardError):
            check([("the message", text)], {})
    else:
        check([("the message", text)], {})


@given(
    st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), min_size=1, max_size=5
    ),
    st.text(),
    st.text(),
)
def test_a_distinctive_value_is_found_wherever_it_stands(values: list[str], before: str, after: str) -> None:
    forget()
    distinct = [f"user-{value}-4711" for value in values]
    private(pd.DataFrame({"column": distinct}), "column")
    for value in distinct:
        with pytest.raises(GuardError):
            check([("the message", f"{before} {value} {after}")], {})


def test_marking_fails_in_one_sentence() -> None:
    people = pd.DataFrame({"email": ["a"]})
    with pytest.raises(PromptError, match="no column 'emial' to mark private; did you mean 'email'"):
        private(people, "emial")
    with pytest.raises(PromptError, match="names of the columns"):
        private(people)
    with pytest.raises(PromptError, match="not a dict"):
        private({"email": 1}, "email")
    check([("the message", "email")], {})


def test_a_series_is_marked_whole_and_marks_add_up() -> None:
    column = private(pd.Series(["zelda@mail.example"], name="email"))
    assert shows_nothing(column)
    people = frame("pandas")
    private(people, "email")
    private(people, "salary")
    assert shows_nothing(people)
