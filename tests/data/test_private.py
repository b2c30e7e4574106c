"""Private columns appear on no rung, and the guard knows their values."""

from __future__ import annotations

import datetime
import gc
import random
from decimal import Decimal
from pydoc_data.topics import topics
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.data.describe import describe
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.data.privacy.guard import check
from nbchat.data.privacy.private_columns import forget, private
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
    assert message.startswith("Turn 3 contains")
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


BIRTH = datetime.date(1971, 2, 3)
WRITTEN_DATES = [
    "born 1971-02-03", "3.2.1971", "03/02/1971", "02/03/1971", "3 Feb 1971", "February 3, 1971", "Feb. 3rd, 1971", "3. Februar 1971",
    "1971/2/3", "19710203", "03-02-71", "1971-02-03T14:05:00Z", "1971-02-03 00:00:00", "3 février 1971", "3-Feb-71",
    "Wed, 03 Feb 1971", "the 3rd of February 1971", "03 . 02 . 1971", "2/3/71 at 5pm", "1971 Feb 3",
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((BIRTH, text) for text in WRITTEN_DATES),
        *((value, text) for value in ("1971-02-03", "3.2.1971", "Feb 3, 1971") for text in WRITTEN_DATES[:4]),
        (datetime.datetime(2024, 3, 5, 14, 5), "5 March 2024, 2:05 pm"),
        ("2024-03-05 14:05:00", "05/03/2024 14:05"),
        *(
            ("123-45-6789", text)
            for text in ("123456789", "123 45 6789", "SSN:123.45.6789.", "123–45–6789", "１２３-45-6789")
        ),
        ("123-45-6789", "12\u200b3-45-6\u00ad789"),
        ("123456789", "123-45-6789"),
        (123456789, "123 45 6789"),
        ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
        ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("+49 170 1234567", "0170 1234567"),
        ("+49 170 1234567", "0049 (0)170/123 45 67"),
        ("(555) 123-4567", "555.123.4567"),
        ("555-123-4567", "5551234567"),
        ("4111 1111 1111 1111", "4111-1111-1111-1111"),
        (4111111111111111, "4111 1111 1111 1111"),
        (83412.5, "83.412,50"),
        (83412.5, "83 412,50 €"),
        (83412.5, "83'412.50"),
        ("83.412,50", "83412.5"),
        ("€ 83.412,50", "83,412.50"),
        (83412, "83.412"),
        ("Zelda", "ZELDA"),
        ("Zelda", "zelda"),
        ("Bob", "BOB"),
        ("Zelda", "Zel\u00adda"),
        ("zelda@mail.example", "zel\u200bda@mail.example"),
        ("Müller", "MÜLLER"),
    ],
)
def test_the_guard_finds_a_value_in_other_forms(value: object, text: str) -> None:
    private(pd.DataFrame({"column": pd.Series([value], dtype=object)}), "column")
    with pytest.raises(GuardError):
        check([("the message", f"so {text} it is")], {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (BIRTH, "1971-02-04, 3.3.1971 and 3 Feb 1972"),
        (datetime.datetime(2024, 3, 5, 14, 5), "on 2024-03-05"),
        (datetime.datetime(2024, 3, 5, 0, 5), "on 2024-03-05"),
        ("123-45-6789", "12345678 and 1123456789"),
        ("123-45-6789", "12, 345, 6789"),
        ("Baker", "a baker bakes"),
        ("Grace", "with grace"),
        ("Value", "the value"),
        ("Bob", "bob up"),
        (83412.5, "83,412"),
        (2024, "in 2024"),
    ],
)
def test_the_guard_lets_what_only_looks_like_it_pass(value: object, text: str) -> None:
    private(pd.DataFrame({"column": pd.Series([value], dtype=object)}), "column")
    check([("the message", text)], {})


@given(
    st.integers(10**8, 10**12),
    st.lists(st.sampled_from(["-", " ", ".", "/", "–", "\u00a0", "\u00ad", "\u200b"]), min_size=13, max_size=13),
    st.data(),
)
def test_digits_are_found_in_any_grouping(number: int, separators: list[str], data: st.DataObject) -> None:
    forget()
    digits = str(number)
    private(pd.DataFrame({"column": [digits]}), "column")
    places = data.draw(st.lists(st.integers(2, len(digits) - 2), max_size=3, unique=True).map(sorted))
    groups = [digits[start:end] for start, end in zip([0, *places], [*places, len(digits)], strict=True)]
    text = groups[0] + "".join(separator + group for separator, group in zip(separators, groups[1:], strict=False))
    with pytest.raises(GuardError):
        check([("the message", f"call {text}, please")], {})


def test_prose_is_not_refused() -> None:
    """Python's own documentation, paragraph by paragraph, with columns of ten thousand made-up people."""
    people = random.Random(7)
    frame = pd.DataFrame({
        "ssn": [f"{people.randrange(100, 999)}-{people.randrange(10, 99)}-{people.randrange(1000, 9999)}" for _ in range(10_000)],
        "phone": [f"+{people.randrange(1, 99)} {people.randrange(100, 999)} {people.randrange(10**6, 10**7)}" for _ in range(10_000)],
        "name": [people.choice(["Grace", "Summer", "Hunter", "Alice", "Olga", "Thomas", "Baker", "Miller"]) for _ in range(10_000)],
        "seen": pd.to_datetime([people.randrange(10**9, 17 * 10**8) for _ in range(10_000)], unit="s"),
    })  # fmt: skip
    private(frame, *frame.columns)
    for text in topics.values():
        for paragraph in text.split("\n\n"):
            check([("the message", paragraph)], {})
