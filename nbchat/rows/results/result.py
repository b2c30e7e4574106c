"""The result of a run, in the type of its input."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from nbchat.conversation.schemas.converters import Record
from nbchat.conversation.schemas.records import record_of
from nbchat.data.tables.table import library
from nbchat.rows.outcome import Outcome
from nbchat.rows.results.details import Details, Mapped
from nbchat.rows.results.native_results import arrow_column, arrow_table, numpy_array
from nbchat.rows.source import Source

if TYPE_CHECKING:
    from nbchat.conversation.schemas.schema import Schema

__all__ = ["NAME", "MappedList", "columns_of", "result_of"]

NAME = "answer"
"""The name of a column of answers if neither the input nor the schema has one."""


class MappedList(list[Any], Mapped):
    """The values of a run over a list or iterator, None where there is none."""

    def __init__(self, values: Sequence[Any], details: Details) -> None:
        super().__init__(values)
        self.details = details

    def __repr__(self) -> str:
        summary = self.details.summary
        return f"{list.__repr__(self)}{f'  # {summary}' if summary else ''}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.details)


def result_of(source: Source, outcomes: Sequence[Outcome], schema: Schema | None, details: Details) -> Any:
    """Return the values in the type of the source: a column, a frame for a schema of several columns, or a list."""
    kind = library(source.native)
    names = columns_of(schema)
    if not kind and type(source.native).__module__.partition(".")[0] == "numpy":
        return numpy_array([outcome.value for outcome in outcomes], details)
    if kind not in ("pandas", "polars", "pyarrow"):
        return MappedList([outcome.value for outcome in outcomes], details)
    if len(names) > 1:
        rows = [None if outcome.value is None else record_of(outcome.value) for outcome in outcomes]
        columns = {name: [None if row is None else row.get(name) for row in rows] for name in names}
        return _frame(kind, source, columns, details)
    values = [outcome.value for outcome in outcomes]
    name: Hashable = _own_name(source)
    if names:
        values = [None if value is None else (record_of(value) or {}).get(names[0]) for value in values]
        name = names[0]
    return _column(kind, source, name, values, details)


def columns_of(schema: Schema | None) -> list[str]:
    """Return the columns of a record schema; empty = a single value, or no schema."""
    if schema is None or schema.wrapped is not None:
        return []
    if isinstance(schema.converter, Record):
        return [field.name for field in schema.converter.fields]
    return list(schema.json_schema.get("properties", {}))


def _own_name(source: Source) -> Hashable:
    return getattr(source.native, "name", None) if source.single else NAME


def _column(kind: str, source: Source, name: Hashable, values: list[Any], details: Details) -> Any:
    if kind == "pandas":
        from nbchat.rows.results.pandas_results import pandas_column

        return pandas_column(source.native, name, values, details)
    if kind == "pyarrow":
        return arrow_column(values, details)
    from nbchat.rows.results.polars_results import polars_column

    return polars_column(str(name or ""), values, details)


def _frame(kind: str, source: Source, columns: dict[str, list[Any]], details: Details) -> Any:
    if kind == "pandas":
        from nbchat.rows.results.pandas_results import pandas_frame

        return pandas_frame(source.native, columns, details)
    if kind == "pyarrow":
        return arrow_table(columns, details)
    from nbchat.rows.results.polars_results import polars_frame

    return polars_frame(columns, details)
