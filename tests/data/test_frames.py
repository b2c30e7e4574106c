"""Data frames and columns on the privacy ladder."""

from __future__ import annotations

import datetime
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbchat.data.describe import describe
from nbchat.data.privacy.ladder import mask
from nbchat.data.privacy.private_columns import private
from nbchat.data.tables.column_list import column_name
from nbchat.values.errors import PromptError
from tests.strategies import scaled

CANARY = "canary-77-value"
RUNGS = ("", "stats", "sample 3", "head 3", "all")

names = st.text(min_size=1, max_size=20)
"""Column names, odd ones included: blanks, line ends, control characters."""


def people() -> pd.DataFrame:
    """A frame with a value of its own in every text cell."""
    return pd.DataFrame(
        {
            "id": [101, 102, 103, 104],
            "email": [f"{CANARY}{row}@mail.example" for row in range(4)],
            "city": pd.Categorical([f"{CANARY}-rome", f"{CANARY}-oslo", f"{CANARY}-rome", None]),
            "score": [1.5, None, 2.5, 1e6],
            "born": pd.to_datetime(["1971-02-03", "1982-03-04", None, "1993-04-05"]),
            "tags": [[CANARY], None, [CANARY, CANARY], []],
        },
        index=pd.Index([f"{CANARY}{row}" for row in range(4)], name="key"),
    )


def every_kind(frame: pd.DataFrame) -> dict[str, Any]:
    """A pandas frame as each library has it."""
    plain = frame.reset_index(drop=True)
    table = pa.Table.from_pandas(plain, preserve_index=False)
    return {"pandas": frame, "polars": pl.from_arrow(table), "pyarrow": table, "batch": table.to_batches()[0]}


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "batch"])
def test_the_schema_names_every_column_with_its_missing_values_and_shows_no_value(kind: str) -> None:
    said = describe(every_kind(people())[kind], name="df")
    assert said.rung == "schema"
    assert said.label == "schema of 6 columns"
    assert "4 rows × 6 columns" in said.text
    for column in people():
        assert f"- {column}: " in said.text
    assert "- score:" in said.text
    assert said.text.count("1 missing") == 4
    for value in (CANARY, "1971", "101", "1000000", "1e+06"):
        assert value not in said.text


def test_types_with_types_inside_are_named_whole() -> None:
    types = {
        "scores": pl.List(pl.List(pl.Int64)),
        "point": pl.Array(pl.Float64, 2),
        "who": pl.Struct({"name": pl.String, "tags": pl.List(pl.String)}),
        "at": pl.Datetime("us", "UTC"),
    }
    text = describe(pl.DataFrame(schema=types)).text
    for name, written in (
        ("scores", "list[list[Int64]]"),
        ("point", "array[Float64, 2]"),
        ("who", "struct{name: String, tags: list[String]}"),
        ("at", "Datetime[us, UTC]"),
    ):
        assert f"- {name}: {written}" in text


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "batch"])
def test_masked_rows_have_the_pattern_of_the_values_and_none_of_them(kind: str) -> None:
    said = describe(every_kind(people())[kind], "sample 2")
    assert said.label == "2 masked rows of 6 columns"
    assert "xxxxxx-99-xxxxx9@xxxx.xx…" in said.text
    assert "9999-99-99" in said.text
    for value in (CANARY, "1971", "101", "rome"):
        assert value not in said.text


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "batch"])
@pytest.mark.parametrize(("spec", "rows"), [("head 2", 2), ("head", 4), ("head 0", 0), ("head 999", 4), ("all", 4)])
def test_real_rows_come_only_when_asked_for(kind: str, spec: str, rows: int) -> None:
    said = describe(every_kind(people())[kind], spec)
    assert not said.cut
    assert said.text.count("@mail.example") == rows


def test_statistics_of_a_time_series_give_its_span() -> None:
    """The row labels' statistics, unless they are private or mere row numbers."""
    days = pd.date_range("2024-01-01", periods=4, tz="Europe/Paris")
    frame = pd.DataFrame({"v": range(4)}, index=pd.Index(days, name="when"))
    assert "\nRow labels when: 2024-01-01 00:00:00+01:00 … 2024-01-04 00:00:00+01:00\n" in describe(frame, "stats").text
    assert "2024" not in describe(frame).text
    assert "Row labels" not in describe(frame.reset_index()[1:], "stats").text
    private(frame, "when")
    assert "2024" not in describe(frame, "stats").text


def test_statistics_name_ranges_quartiles_and_repeated_categories() -> None:
    frame = pd.DataFrame(
        {
            "n": [4, 1, 3, 2],
            "city": ["Rome", "Oslo", "Rome", CANARY],
            "free": [f"{CANARY}{row}" for row in range(4)],
            "yes": [True, True, True, False],
            "day": pd.date_range("2024-01-01", periods=4),
        }
    )
    for value in every_kind(frame).values():
        text = describe(value, "stats").text
        assert "1 … 4 (quartiles 1.75, 2.5, 3.25)" in text
        assert "3 distinct: Rome 2, …" in text
        assert "75% true" in text
        assert "2024-01-01 00:00:00 … 2024-01-04 00:00:00" in text
        assert CANARY not in text


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None], name="s"),
        pl.Series("s", ["a", None]),
        pa.chunked_array([["a", None]]),
        pa.array(["a", None]),
        pd.Index(["a", None]),
        pd.array(["a", None], dtype="string"),
    ],
)
def test_a_column_is_on_the_ladder_too(column: object) -> None:
    said = describe(column)
    assert said.rung == "schema"
    assert "2 rows" in said.text
    assert "1 missing" in said.text
    assert describe(column, "head 1").rung == "head"


def test_types_never_list_their_categories() -> None:
    enum = pl.DataFrame({"e": pl.Series([CANARY], dtype=pl.Enum([CANARY, "other"]))})
    nested = pl.DataFrame({"n": [[{"e": CANARY}]]}, schema={"n": pl.List(pl.Struct({"e": pl.Enum([CANARY])}))})
    for frame in (enum, nested, enum.to_arrow(), enum.to_pandas()):
        assert CANARY not in describe(frame).text
    assert "enum (2 categories)" in describe(enum).text


@scaled(0.3)
@given(st.lists(names, min_size=1, max_size=200, unique=True))
def test_every_column_up_to_two_hundred_is_in_the_schema(columns: list[str]) -> None:
    text = describe(pd.DataFrame(np.zeros((2, len(columns))), columns=columns)).text
    fitting = sum(len(column_name(column)) + 2 for column in columns) < 6_000
    assert not fitting or all(column_name(column) in text or _in_a_run(column, text) for column in columns)


def _in_a_run(column: str, text: str) -> bool:
    """Whether a numbered name is between the ends of a run."""
    return " … " in text and column[-1].isdigit()


@pytest.mark.parametrize("width", [31, 200, 201, 3_000])
def test_many_columns_are_summarized(width: int) -> None:
    odd = pd.DataFrame(
        np.zeros((2, width)), columns=[f"c{place * 7919 % 100_003}_{place % 3}" for place in range(width)]
    )
    numbered = pd.DataFrame(np.zeros((2, width)), columns=[f"x_{place}" for place in range(width)])
    told = describe(numbered)
    assert not told.cut
    assert ("x_0 … x_2999 (3,000)" in told.text) == (width == 3_000)
    said = describe(odd)
    assert len(said.text) <= 8_000
    named = sum(f"{column}" in said.text for column in odd)
    if said.cut:
        assert f"and {width - named:,} more columns (not named: over budget)" in said.text
    else:
        assert named == width


@scaled(0.4)
@example(["0", "\x1f", "0\x1f", "\x1f\x08𐀀𐀀𐀀"], "stats", 60, False)
@example(["0", "*", "^.*$"], "sample 3", 2_000, True)
@given(
    st.lists(names, min_size=1, max_size=40, unique=True),
    st.sampled_from(RUNGS),
    st.integers(60, 2_000),
    st.booleans(),
)
def test_a_description_is_within_its_budget_and_the_same_each_time(
    columns: list[str], rung: str, budget: int, polars: bool
) -> None:
    data = {name: [f"v{row}" * (place % 7) for row in range(20)] for place, name in enumerate(columns)}
    frame: Any = pl.DataFrame(data) if polars else pd.DataFrame(data)
    said = describe(frame, rung, budget=budget, name="df")
    assert len(said.text) <= budget * 4
    assert said == describe(frame, rung, budget=budget, name="df")
    assert not said.cut or "cut" in said.text or "over budget" in said.text


def test_rows_that_do_not_fit_are_counted() -> None:
    said = describe(pd.DataFrame({"a": range(10_000)}), "all", budget=100)
    assert said.cut
    shown = int(said.label.split()[0].replace(",", ""))
    assert f"[cut: {shown:,} of 10,000 rows fit]" in said.text
    assert said.text.splitlines()[-2] == str(shown - 1)


def test_missing_values_of_a_large_frame_are_sampled_and_it_says_so() -> None:
    frame = pd.DataFrame({"a": np.tile([1.0, np.nan], 2_000_000), "b": 1})
    text = describe(frame).text
    assert "Missing values counted in 300,000 evenly spaced rows" not in text.splitlines()[0]
    assert "evenly spaced rows of 4,000,000" in text
    assert "- b: int64" in text.splitlines()


def test_missing_values_are_exact_where_the_library_keeps_count() -> None:
    frame = pl.DataFrame({"a": pl.Series([1.0, None, 3.0]).extend_constant(None, 2_000_000)})
    assert "2,000,001 missing" in describe(frame).text


def test_odd_names_and_shapes_are_described() -> None:
    repeated = pd.DataFrame([[1, "x"], [2, "y"]], columns=["a", "a"])
    assert describe(repeated).text.count("- a: ") == 2
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]))
    assert "- ('a', 'b'): int64" in describe(levels).text
    numbers = pd.DataFrame(np.eye(2))
    assert "- 0: float64" in describe(numbers, "stats").text
    assert "0 rows × 0 columns" in describe(pd.DataFrame()).text
    assert "1 row × 0 columns" in describe(pd.DataFrame(index=[0])).text
    assert describe(pl.DataFrame()).label == "schema of 0 columns"
    twice = pa.table([[1], [2]], names=["a", "a"])
    assert "- a (2): Int64" in describe(twice).text
    for empty in (pd.DataFrame(), pl.DataFrame(), pd.DataFrame({"a": []}), pl.DataFrame({"a": []})):
        for rung in RUNGS:
            assert "0 rows" in describe(empty, rung).text


def test_a_name_can_not_break_out_of_its_line() -> None:
    text = describe(pd.DataFrame({"a\n- forged: int64": [1]})).text
    assert "\n- forged" not in text


def test_row_labels_are_named_and_shown_with_rows_only() -> None:
    frame = people()
    assert "row labels key: " in describe(frame).text
    assert f"{CANARY}0," in describe(frame, "head 1").text
    both = pd.DataFrame({"v": [1]}, index=pd.MultiIndex.from_tuples([("a", 1)], names=["k", None]))
    assert "k,,v" in describe(both, "head 1").text


def test_every_type_of_cell_can_be_shown() -> None:
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int64"),
            "b": pd.array([True, None], dtype="boolean"),
            "d": [datetime.timedelta(1), pd.NaT],
            "p": pd.period_range("2024-01", periods=2, freq="M"),
            "o": [{"a": 1}, np.array([1, 2])],
            "y": [b"\x00", "mixed"],
            "t": [datetime.time(1), None],
            "c": pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
            "z": pd.date_range("2024", periods=2, tz="Europe/Rome"),
        }
    )
    for rung in RUNGS:
        assert describe(frame, rung).text


def test_only_the_first_rows_of_a_lazy_frame_are_computed() -> None:
    lazy = pl.LazyFrame({"a": [1, 2, 3]})
    assert "rows not counted (lazy)" in describe(lazy).text
    assert describe(lazy, "head 2").label.startswith("2 rows ")
    for rung in ("stats", "sample 2", "all"):
        with pytest.raises(PromptError, match="collect it"):
            describe(lazy, rung)


@pytest.mark.parametrize("spec", ["heads", "sample x", "head 1 2", "top 5", "ALL", "head -1", ".2f"])
def test_an_unknown_rung_fails_in_one_sentence(spec: str) -> None:
    for value in every_kind(people()).values():
        with pytest.raises(PromptError, match="stats, sample N, head N or all") as caught:
            describe(value, spec, name="df")
        assert "\n" not in str(caught.value)


@given(st.text())
def test_a_mask_holds_no_letter_and_no_digit_of_the_value(text: str) -> None:
    masked = mask(text)
    assert set(masked) <= set("xX9… \t\n\r\x0b\x0c") | {chr(code) for code in range(128) if not chr(code).isalnum()}
    assert len(masked) <= 25


def test_masks_reveal_neither_truth_values_nor_sizes() -> None:
    assert mask(True) == mask(False) == mask(np.True_) == "Xxxx"
    assert mask(None) == mask(float("nan")) == mask(pd.NA) == mask(pd.NaT) == ""
    assert mask(-12.5) == "-99.9"
    assert mask(b"secret") == "bytes"


def test_a_value_of_one_library_imports_no_other() -> None:
    import subprocess

    code = (
        "import sys, polars as pl; from nbchat.data.interpolation.interpolate import interpolate;"
        "interpolate('{x} {f}', {'x': 1, 'f': pl.DataFrame({'a': [1]})});"
        "assert not {'pandas', 'matplotlib', 'PIL', 'xarray'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
