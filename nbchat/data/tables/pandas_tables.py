"""Adapt pandas frames, columns and indexes to `Table`.

pandas is read natively rather than through narwhals: only pandas has repeated or non-string column names and row labels,
and its missing values must be sampled, since it counts them by visiting every cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from nbchat.data.description import STOPS
from nbchat.data.tables.table import EXACT_CELLS, OBJECT_COST, SAMPLED_CELLS, Field, Missing, step_for

__all__ = ["PandasTable", "pandas_table"]

NEVER_MISSING = "iub"
"""NumPy kinds that can't hold a missing value."""


def pandas_table(value: Any) -> PandasTable | None:
    """Return a pandas value as a table; None for other pandas classes (a GroupBy, a Timestamp)."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return PandasTable(value, f"pandas {type(value).__name__}")
    if isinstance(value, pd.Series):
        return PandasTable(value.to_frame(_series_name(value)), f"pandas {type(value).__name__}", single=True)
    if isinstance(value, pd.MultiIndex):
        names = [f"level_{level}" if name is None else name for level, name in enumerate(value.names)]
        frame = value.to_frame(index=False, name=names, allow_duplicates=True)
        return PandasTable(frame, "pandas MultiIndex")
    if isinstance(value, pd.Index):
        return PandasTable(value.to_frame(index=False, name=_series_name(value)), "pandas Index", single=True)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return PandasTable(pd.DataFrame({"values": value}, copy=False), f"pandas {type(value).__name__}", single=True)
    return None


def _series_name(value: Any) -> object:
    return "values" if value.name is None else value.name


class PandasTable:
    """A pandas frame. Slices are views; only the rows shown are copied."""

    def __init__(self, frame: Any, kind: str, *, single: bool = False) -> None:
        self.frame = frame
        self.kind = kind
        self.single = single
        self.rows: int = len(frame)
        self._dtypes: list[Any] = list(frame.dtypes)
        self._known: dict[Any, str] = {}
        self.fields: Sequence[Field] = [
            Field(place, name, self._type(place)) for place, name in enumerate(frame.columns)
        ]

    @property
    def labels(self) -> Sequence[Field]:
        """The levels of the row labels; empty for the default 0, 1, 2 …."""
        import pandas as pd

        index = self.frame.index
        if isinstance(index, pd.RangeIndex) and index.name is None:
            return []
        dtypes = list(index.dtypes) if isinstance(index, pd.MultiIndex) else [index.dtype]
        return [Field(level, name, _words(dtypes[level])) for level, name in enumerate(index.names)]

    def _type(self, place: int) -> str:
        dtype = self._dtypes[place]
        words = self._known.get(dtype) or self._known.setdefault(dtype, _words(dtype))
        return _object_type(self.column(place).iloc[:100]) if words == "object" else words

    def missing(self) -> Missing:
        """Exact up to EXACT_CELLS, and for Arrow columns of any size; else sampled in evenly spaced rows."""
        cost = sum(_cost(dtype) * columns for dtype, columns in Counter(self._dtypes).items())
        step = step_for(self.rows, cost, EXACT_CELLS, SAMPLED_CELLS)
        if step == 1:
            return Missing(self.frame.isna().sum().tolist(), self.rows, self.rows)
        counts = self.frame.iloc[::step].isna().sum().tolist()
        return Missing(counts, len(range(0, self.rows, step)), self.rows)

    def cells(self, rows: range, places: Sequence[int]) -> list[list[object]]:
        """The values of some columns in some rows; the rows are taken by position."""
        some = self.frame.iloc[rows.start : rows.stop : rows.step]
        columns = [some.iloc[:, place].tolist() for place in places]
        return [list(row) for row in zip(*columns, strict=True)]

    def row_labels(self, rows: range) -> list[tuple[object, ...]]:
        """The labels of some rows: a value for each level."""
        labels = self.frame.index[rows.start : rows.stop : rows.step]
        return [label if isinstance(label, tuple) else (label,) for label in labels]

    def holds_label(self, names: Collection[object]) -> bool:
        """Whether any row label is one of `names` (a transposed frame, a row as a Series)."""
        words = [name for name in names if isinstance(name, str)]
        levels = [self.frame.index.get_level_values(label.place) for label in self.labels]
        return any(level.isin(words).any() for level in levels if not _is_number(level.dtype))

    def every(self, step: int) -> PandasTable:
        """The table of every `step`-th row, as a view."""
        return self if step == 1 else PandasTable(self.frame.iloc[::step], self.kind, single=self.single)

    def column(self, place: int) -> Any:
        """A column as a Series."""
        return self.frame.iloc[:, place]

    def listed(self, place: int) -> list[Any]:
        """A column's values including missing ones; numbers sorted."""
        column = self.column(place)
        if getattr(column.dtype, "kind", "O") not in "iuf" or hasattr(column.dtype, "na_value"):
            return list(column.tolist())
        import numpy as np

        return list(np.sort(column.to_numpy()).tolist())

    def values(self, place: int) -> list[object]:
        """The distinct values; all values if some are unhashable."""
        column = self.frame.iloc[:, place]
        try:
            return list(column.dropna().unique().tolist())
        except STOPS:
            raise
        except BaseException:  # noqa: BLE001 - a cell's own code may raise anything
            return list(column.tolist())


def _words(dtype: Any) -> str:
    """The name of a type. Categories are data, so only their number is given."""
    words = str(dtype)
    return f"category ({len(dtype.categories):,} categories)" if words == "category" else words


def _is_number(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "iufbcmM"


def _cost(dtype: Any) -> int:
    """The cost of inspecting one cell of a type, relative to a float."""
    if getattr(dtype, "kind", "O") in NEVER_MISSING and not hasattr(dtype, "na_value"):
        return 0
    return OBJECT_COST if str(dtype) == "object" else 1


def _object_type(head: Any) -> str:
    """`object` with the classes of its first values."""
    try:
        names = sorted({type(value).__name__ for value in head.dropna()})
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - a cell's own code may raise anything
        return "object"
    if not names:
        return "object"
    return f"object ({' or '.join(names[:3])}{' …' if len(names) > 3 else ''})"
