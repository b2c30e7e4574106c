"""Results as polars columns and frames. Derived objects are plain polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from nbchat.rows.results.details import Details, Mapped, with_summary

__all__ = ["MappedPolarsFrame", "MappedPolarsSeries", "polars_column", "polars_frame"]


class MappedPolarsSeries(Mapped, pl.Series):
    """A column of answers. Null where a row has none."""

    @classmethod
    def _from_pyseries(cls, pyseries: Any) -> Any:
        return pl.Series._from_pyseries(pyseries)  # noqa: SLF001  # polars makes all derived columns with it

    def __str__(self) -> str:
        return with_summary(super().__str__(), self)

    def __reduce__(self) -> Any:
        return polars_column, (self.name, self.to_list(), self.details)


class MappedPolarsFrame(Mapped, pl.DataFrame):
    """The columns of a schema. Null where a row has no answer."""

    @classmethod
    def _from_pydf(cls, pydf: Any) -> Any:
        return pl.DataFrame._from_pydf(pydf)  # noqa: SLF001  # polars makes all derived frames with it

    def __str__(self) -> str:
        return with_summary(super().__str__(), self)

    def __reduce__(self) -> Any:
        return polars_frame, (self.to_dict(as_series=False), self.details)


def polars_column(name: str, values: Sequence[Any], details: Details) -> MappedPolarsSeries:
    """Return a series of these values."""
    made = MappedPolarsSeries(name, _typed(values))
    made.details = details
    return made


def polars_frame(columns: Mapping[str, Sequence[Any]], details: Details) -> MappedPolarsFrame:
    """Return a frame of these columns."""
    made = MappedPolarsFrame({name: _typed(values) for name, values in columns.items()})
    made.details = details
    return made


def _typed(values: Sequence[Any]) -> pl.Series:
    if not any(value is not None for value in values):
        return pl.Series("", list(values), dtype=pl.String)
    try:
        made = pl.Series("", list(values), strict=False)
        if made.null_count() == sum(value is None for value in values):
            return made  # it would hold null for what has no place in its type
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        pass
    return pl.Series("", list(values), dtype=pl.Object)
