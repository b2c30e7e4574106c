"""Results as pandas columns and frames, with the input's index. Derived objects are plain pandas."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from nbchat.rows.results.details import Details, Mapped, with_summary

__all__ = ["MappedFrame", "MappedSeries", "dtype_of", "pandas_column", "pandas_frame"]


class MappedSeries(Mapped, pd.Series):
    """A column of answers. Missing where a row has none."""

    _metadata = ["details"]  # noqa: RUF012  # pandas' way to declare an attribute

    @property
    def _constructor(self) -> Any:
        return pd.Series

    @property
    def _constructor_expanddim(self) -> Any:
        return pd.DataFrame

    def __repr__(self) -> str:
        return with_summary(super().__repr__(), self)


class MappedFrame(Mapped, pd.DataFrame):
    """The columns of a schema. Missing where a row has no answer."""

    _metadata = ["details"]  # noqa: RUF012  # pandas' protocol for subclasses

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    @property
    def _constructor_sliced(self) -> Any:
        return pd.Series

    def __repr__(self) -> str:
        return with_summary(super().__repr__(), self)

    def _repr_html_(self) -> str:
        import html

        summary = self.details.summary
        shown = str(super()._repr_html_())  # type: ignore[misc]  # missing in pandas-stubs
        return f"{shown}<p>{html.escape(summary)}</p>" if summary else shown


def pandas_column(native: Any, name: Hashable, values: Sequence[Any], details: Details) -> MappedSeries:
    """Return a series of these values with the input's index."""
    made = MappedSeries(_typed(values), index=_index(native), name=name)
    made.details = details
    return made


def pandas_frame(native: Any, columns: Mapping[str, Sequence[Any]], details: Details) -> MappedFrame:
    """Return a frame of these columns with the input's index."""
    index = _index(native)
    made = MappedFrame({name: _typed(values) for name, values in columns.items()}, index=index)
    made.details = details
    return made


def dtype_of(kind: object) -> Any:
    """Return the dtype of a column of values of a JSON type, some of them missing; object for any other type."""
    example: dict[object, Any] = {"string": "", "integer": 1, "number": 1.0, "boolean": True}
    return _typed([example[kind], None] if kind in example else []).dtype


def _index(native: Any) -> Any:
    return native if isinstance(native, pd.Index) else getattr(native, "index", None)


def _typed(values: Sequence[Any]) -> Any:
    """Return the values as an array of the right type, a nullable one if integers or booleans are missing."""
    kinds = {type(value) for value in values if value is not None}
    holes = any(value is None for value in values)
    if kinds == {bool}:
        return pd.array(list(values), dtype="boolean" if holes else "bool")
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pd.array(list(values), dtype="Int64" if holes else "int64")
    if float in kinds and kinds <= {int, float}:
        with contextlib.suppress(OverflowError):  # an integer larger than any float
            return pd.array([float("nan") if value is None else float(value) for value in values], dtype="float64")
    if kinds == {datetime.datetime} and not _naive(values):
        return list(values)
    if kinds == {datetime.datetime}:
        with contextlib.suppress(pd.errors.OutOfBoundsDatetime):  # before 1678, or after 2261
            return pd.array(list(values), dtype="datetime64[ns]")
    if kinds == {str}:
        return pd.Series(list(values)).array
    made = pd.Series([None] * len(values), dtype="object")
    for place, value in enumerate(values):
        made.iat[place] = value
    return made.array


def _naive(values: Sequence[Any]) -> bool:
    return all(value is None or value.tzinfo is None for value in values)
