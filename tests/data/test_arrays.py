"""Arrays on the privacy ladder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nbchat.data.describe import describe
from nbchat.values.errors import PromptError


def test_the_schema_has_shape_type_and_missing_values_but_no_value() -> None:
    text = describe(np.array([[1.5, np.nan], [987654.0, 4.0]]), name="a").text
    assert text == "a: numpy ndarray, shape (2, 2), float64, 1 missing"


def test_statistics_add_the_range() -> None:
    assert "values: 1 … 5 (quartiles 2, 3, 4)" in describe(np.array([5.0, 1, 2, 3, 4, np.nan]), "stats").text
    assert describe(np.array([5, 1]), "stats").rung == "stats"


def test_rows_run_along_the_first_dimension() -> None:
    array = np.arange(24).reshape(4, 3, 2)
    assert describe(array, "head 1").text.endswith("[[0, 1], [2, 3], [4, 5]]")
    assert describe(np.arange(5), "head 2").text.endswith("0\n1")
    assert describe(array, "sample 2").text.endswith("9, 9, 9, 9, 9, 9\n99, 99, 99, 99, 99, 99")
    assert describe(array, "all").label.startswith("4 rows ")
    said = describe(np.zeros((10, 10_000)), "all", budget=100)
    assert said.cut
    assert "[cut: 0 of 10 rows fit]" in said.text


def test_large_arrays_are_looked_at_in_part_and_it_says_so() -> None:
    array = np.tile(np.array([np.nan, 1.0]), 2_000_000)
    assert "missing (counted in 1,000,000 evenly spaced elements)" in describe(array).text
    assert "evenly spaced elements" in describe(array, "stats").text


@given(
    hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    st.sampled_from(["", "stats", "sample 2", "head 2", "all"]),
)
def test_every_array_is_described_within_its_budget(array: Any, rung: str) -> None:
    said = describe(array, rung, budget=60)
    assert len(said.text) <= 240
    assert said == describe(array, rung, budget=60)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}, None], dtype=object),
        np.ma.masked_array([1, 2], mask=[True, False]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.array([], dtype=float),
    ],
)
def test_odd_arrays_are_described_at_every_rung(array: Any) -> None:
    for rung in ("", "stats", "sample 2", "head 2", "all"):
        assert describe(array, rung).text
    assert "text" not in describe(np.array(["text"])).text


def test_an_unknown_rung_fails() -> None:
    with pytest.raises(PromptError, match="stats, sample N, head N or all"):
        describe(np.zeros(2), "mean")


def test_labelled_arrays_tell_their_dimensions_and_coordinates() -> None:
    array = xr.DataArray([[1.0, np.nan]], dims=("t", "x"), coords={"x": [876, 543]}, name="v")
    text = describe(array, name="v").text
    assert "dimensions (t: 1, x: 2), float64, 1 missing" in text
    assert "- coordinate x: int64" in text
    assert "876" not in text
    assert "543 … 876" in describe(array, "stats").text
    assert describe(array, "head 1").label.startswith("1 row ")
    data = xr.Dataset({"v": array, "w": ("t", [1])})
    assert "- w (t): int64" in describe(data).text
    assert "- v (t, x): float64, 1 missing" in describe(data).text
    assert describe(data, "stats").rung == "stats"
    with pytest.raises(PromptError, match="one of its variables"):
        describe(data, "head 2")
