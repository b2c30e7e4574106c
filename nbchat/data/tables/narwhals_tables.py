"""Adapt frames and columns of polars, pyarrow and the other libraries that narwhals supports to `Table`."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import Any

from nbchat.data.tables.table import EXACT_CELLS, SAMPLED_CELLS, Field, Missing, step_for
from nbchat.values.errors import PromptError

__all__ = ["NarwhalsTable", "narwhals_table"]


def narwhals_table(value: Any) -> NarwhalsTable | None:
    """Return the value as a table if narwhals supports it, else None."""
    import narwhals as nw

    native = nw.to_native(value, pass_through=True)
    kind = f"{type(native).__module__.partition('.')[0]} {type(native).__name__}"
    try:
        with warnings.catch_warnings(category=FutureWarning, action="ignore"):  # of plans for Dask
            frame = nw.from_native(native, allow_series=True)
    except TypeError:
        return None
    if isinstance(frame, nw.Series):
        return NarwhalsTable(frame.alias(frame.name or "values").to_frame(), kind, single=True)
    return NarwhalsTable(frame, kind)


def _type(dtype: Any) -> str:
    """The name of a type. Categories of an Enum are data, so only their number is given."""
    import narwhals as nw

    if isinstance(dtype, nw.Enum):
        return f"enum ({len(dtype.categories):,} categories)"
    if isinstance(dtype, nw.List):
        return f"list[{_type(dtype.inner)}]"
    if isinstance(dtype, nw.Array):
        return f"array[{_type(dtype.inner)}, {dtype.size}]"
    if isinstance(dtype, nw.Struct):
        return "struct{" + ", ".join(f"{field.name}: {_type(field.dtype)}" for field in dtype.fields) + "}"
    if isinstance(dtype, nw.Datetime):
        return f"Datetime[{dtype.time_unit}{', ' + dtype.time_zone if dtype.time_zone else ''}]"
    return str(dtype)


class NarwhalsTable:
    """A frame through narwhals. A lazy one computes rows only when a rung requests them."""

    labels: Sequence[Field] = ()

    def __init__(self, frame: Any, kind: str, *, single: bool = False) -> None:
        import narwhals as nw

        self.frame = frame
        self.kind = kind
        self.single = single
        self.lazy = isinstance(frame, nw.LazyFrame)
        self.rows: int | None = None if self.lazy else len(frame)
        schema = frame.collect_schema()
        self.fields: Sequence[Field] = [
            Field(place, name, _type(dtype)) for place, (name, dtype) in enumerate(schema.items())
        ]

    def missing(self) -> Missing:
        """Exact for Arrow-based libraries, which store the count; sampled in evenly spaced rows for large frames of others."""
        if self.rows is None:
            return Missing(None, 0, 0)
        counted = self.frame.implementation.is_polars() or self.frame.implementation.is_pyarrow()
        step = 1 if counted else step_for(self.rows, len(self.fields), EXACT_CELLS, SAMPLED_CELLS)
        frame = self.every(step).frame
        return Missing([column.null_count() for column in frame.iter_columns()], len(frame), self.rows)

    def cells(self, rows: range, places: Sequence[int]) -> list[list[object]]:
        """The values of some columns in some rows; only the first rows of a lazy frame."""
        import narwhals as nw

        frame = self.frame.select(nw.nth(list(places)))  # by position: polars reads a name such as * as a pattern
        if self.lazy:
            return [list(row) for row in frame.head(rows.stop).collect().rows()]
        some = frame[rows.start : rows.stop] if rows.step == 1 else frame[list(rows)]
        return [list(row) for row in some.rows()]

    def row_labels(self, rows: range) -> list[tuple[object, ...]]:
        """None: these libraries have no row labels."""
        return [() for _ in rows]

    def holds_label(self, names: Collection[object]) -> bool:
        """False: these libraries have no row labels."""
        return False

    def every(self, step: int) -> NarwhalsTable:
        """Every `step`-th row, by position: narwhals' `gather_every` is a hundred times slower."""
        if step == 1 or self.rows is None:
            return self
        return NarwhalsTable(self.frame[list(range(0, self.rows, step))], self.kind, single=self.single)

    def column(self, place: int) -> Any:
        """A column as a narwhals series."""
        if self.lazy:
            raise PromptError(f"This {self.kind} is lazy: collect it to get statistics.")
        return self.frame[self.fields[place].name]

    def listed(self, place: int) -> list[Any]:
        """A column's values including missing ones; numbers sorted."""
        column = self.column(place)
        return list((column.sort() if column.dtype.is_numeric() else column).to_list())

    def values(self, place: int) -> list[object]:
        """The distinct values; all values of a type without equality (lists)."""
        column = self.column(place).drop_nulls()
        try:
            return list(column.unique().to_list())
        except Exception:  # noqa: BLE001 - each library has its own error for a type without equality
            return list(column.to_list())
