"""A data frame or a column of any library, seen as a table: names, types, missing counts, rows, without a copy."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Field", "Missing", "Table", "table_of"]

EXACT_CELLS = 1_500_000
"""Up to this many cells that need a look, missing values are counted exactly: about 2 ms for floats."""

SAMPLED_CELLS = 300_000
"""Beyond it, this many cells are looked at, in evenly spaced rows."""

OBJECT_COST = 16
"""A cell that holds a Python object costs about as much as this many floats."""

FRAME_LIBRARIES = frozenset({
    "pandas", "polars", "pyarrow", "narwhals", "modin", "cudf", "dask", "duckdb", "ibis", "pyspark", "sqlframe",
})  # fmt: skip
"""The libraries whose frames narwhals knows, and pandas. Nothing of them is imported for a value of another."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its place, its name as the frame has it, its type in words (never with categories in it)."""

    place: int
    name: Hashable
    dtype: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Missing values for each column, by place, in the `seen` of `rows` rows looked at; None = not counted."""

    counts: Sequence[int] | None
    seen: int
    rows: int

    @property
    def sampled(self) -> bool:
        """Whether only some of the rows were looked at."""
        return self.seen < self.rows


class Table(Protocol):
    """What the ladder needs to know of a frame. Places are 0-based positions of columns."""

    @property
    def kind(self) -> str:
        """Library and class: "pandas DataFrame"."""

    @property
    def rows(self) -> int | None:
        """How many; None = not known without computing it (a lazy frame)."""

    @property
    def single(self) -> bool:
        """Whether it is one column rather than a frame."""

    @property
    def fields(self) -> Sequence[Field]:
        """The columns."""

    @property
    def labels(self) -> Sequence[Field]:
        """What labels the rows, level by level; empty when they only count."""

    def missing(self) -> Missing:
        """Missing values by column: exact where that is cheap, else in evenly spaced rows."""

    def cells(self, rows: range, places: Sequence[int]) -> list[list[object]]:
        """The values of some columns in some rows, row by row."""

    def every(self, step: int) -> Table:
        """The table of every `step`-th row, without a copy of the others."""

    def column(self, place: int) -> Any:
        """A column as the library has it."""

    def listed(self, place: int) -> list[Any]:
        """A column's values, missing ones included, in any order (numbers by size, where the library does it fast)."""

    def row_labels(self, rows: range) -> list[tuple[object, ...]]:
        """The labels of some rows, a value for each level."""

    def holds_label(self, names: Collection[object]) -> bool:
        """Whether any row is labelled with one of some names."""

    def values(self, place: int) -> list[object]:
        """The distinct values of a column, without the missing ones."""


def library(value: object) -> str:
    """The package that a value's class comes from or builds upon, when it is one of frames; else ""."""
    for base in type(value).__mro__:
        root = str(getattr(base, "__module__", "")).partition(".")[0]
        if root in FRAME_LIBRARIES:
            return root
    return ""


def table_of(value: object) -> Table | None:
    """The table a value is, or None when it is none. Imports no library that the value is not of."""
    root = library(value)
    if not root:
        return None
    if root == "pandas":
        from nbchat.data.pandas_tables import pandas_table

        return pandas_table(value)
    if root == "pyarrow":
        value = _arrow_table(value)
    from nbchat.data.narwhals_tables import narwhals_table

    return narwhals_table(value)


def _arrow_table(value: Any) -> Any:
    """Arrow's smaller containers as those that narwhals knows; nothing is copied."""
    arrow = sys.modules["pyarrow"]
    if isinstance(value, arrow.RecordBatch):
        return arrow.Table.from_batches([value])
    if isinstance(value, arrow.Array):
        return arrow.chunked_array([value])
    if isinstance(value, arrow.Table) and len(set(value.column_names)) < value.num_columns:
        return value.rename_columns(_told_apart(value.column_names))
    return value


def _told_apart(names: Sequence[str]) -> list[str]:
    """Names of columns with those that repeat numbered, since narwhals finds columns by name."""
    return [f"{name} ({place + 1})" if names.count(name) > 1 else name for place, name in enumerate(names)]


def step_for(rows: int, columns: int, exact: int, sampled: int) -> int:
    """Every how manieth row to look at, so that the cells stay within bounds; 1 = all of them."""
    if rows * columns <= exact:
        return 1
    return max(-(-rows // max(sampled // max(columns, 1), 1_000)), 1)
