"""`Table`, a uniform view of any library's data frame or column: names, types, missing counts, rows; no copy."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Sequence
from typing import Any, Protocol

from msgspec import Struct

__all__ = ["Field", "Missing", "Table", "table_of"]

EXACT_CELLS = 1_500_000
"""Missing values of up to this many cells are counted exactly: about 2 ms for floats."""

SAMPLED_CELLS = 300_000
"""Of larger tables, about this many cells are sampled, in evenly spaced rows."""

OBJECT_COST = 16
"""The cost of inspecting a cell with a Python object, relative to a float."""

FRAME_LIBRARIES = frozenset({
    "pandas", "polars", "pyarrow", "narwhals", "modin", "cudf", "dask", "duckdb", "ibis", "pyspark", "sqlframe",
})  # fmt: skip
"""The libraries whose frames are supported. None is imported for a value of another."""


class Field(Struct, frozen=True):
    """A column: its 0-based position, its name in the frame, and its type in words (without categories)."""

    place: int
    name: Hashable
    dtype: str


class Missing(Struct, frozen=True):
    """Missing values by column position, in the `seen` of `rows` rows inspected; None = not counted."""

    counts: Sequence[int] | None
    seen: int
    rows: int

    @property
    def sampled(self) -> bool:
        """Whether only some of the rows were inspected."""
        return self.seen < self.rows


class Table(Protocol):
    """The interface of a frame for the ladder. Places are 0-based column positions."""

    @property
    def kind(self) -> str:
        """Library and class: "pandas DataFrame"."""

    @property
    def rows(self) -> int | None:
        """The number of rows; None = unknown without computing (a lazy frame)."""

    @property
    def single(self) -> bool:
        """Whether it is one column rather than a frame."""

    @property
    def fields(self) -> Sequence[Field]:
        """The columns."""

    @property
    def labels(self) -> Sequence[Field]:
        """The levels of the row labels; empty if rows are only numbered."""

    def missing(self) -> Missing:
        """Missing values by column: exact if that is cheap, else sampled in evenly spaced rows."""

    def cells(self, rows: range, places: Sequence[int]) -> list[list[object]]:
        """The values of some columns in some rows, row by row."""

    def every(self, step: int) -> Table:
        """Return every `step`-th row as a table, without copying the others."""

    def column(self, place: int) -> Any:
        """A column as the library's own object."""

    def listed(self, place: int) -> list[Any]:
        """A column's values including missing ones, in any order (numbers sorted, if the library sorts fast)."""

    def row_labels(self, rows: range) -> list[tuple[object, ...]]:
        """The labels of some rows, a value for each level."""

    def holds_label(self, names: Collection[object]) -> bool:
        """Whether any row label is one of `names`."""

    def values(self, place: int) -> list[object]:
        """The distinct values of a column, without the missing ones."""


def library(value: object) -> str:
    """Return the supported frame library that a value's class derives from, else ""."""
    for base in type(value).__mro__:
        root = str(getattr(base, "__module__", "")).partition(".")[0]
        if root in FRAME_LIBRARIES:
            return root
    return ""


def table_of(value: object) -> Table | None:
    """Return the value as a table, or None if it is not one. Imports no library that the value does not come from."""
    root = library(value)
    if not root:
        return None
    if root == "pandas":
        from nbchat.data.tables.pandas_tables import pandas_table

        return pandas_table(value)
    if root == "pyarrow":
        value = _arrow_table(value)
    from nbchat.data.tables.narwhals_tables import narwhals_table

    return narwhals_table(value)


def _arrow_table(value: Any) -> Any:
    """Convert Arrow's smaller containers to those that narwhals supports, without copying."""
    arrow = sys.modules["pyarrow"]
    if isinstance(value, arrow.RecordBatch):
        return arrow.Table.from_batches([value])
    if isinstance(value, arrow.Array):
        return arrow.chunked_array([value])
    if isinstance(value, arrow.Table) and len(set(value.column_names)) < value.num_columns:
        return value.rename_columns(_unique_names(value.column_names))
    return value


def _unique_names(names: Sequence[str]) -> list[str]:
    """Number repeated column names, since narwhals finds columns by name."""
    return [f"{name} ({place + 1})" if names.count(name) > 1 else name for place, name in enumerate(names)]


def step_for(rows: int, columns: int, exact: int, sampled: int) -> int:
    """Return the sampling stride that keeps the number of cells within bounds (1 = every row)."""
    if rows * columns <= exact:
        return 1
    return max(-(-rows // max(sampled // max(columns, 1), 1_000)), 1)
