"""The rows of an evaluation and their truths: how they are found in the data and compared with answers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Self

from msgspec import Struct

from nbchat.conversation.schemas.schema import Schema
from nbchat.data.description import safe_str
from nbchat.data.tables.table import library
from nbchat.rows.evaluation.grading import Case, Measure
from nbchat.rows.evaluation.labels import Kind, infer_kind
from nbchat.rows.source import source_of
from nbchat.rows.template import ROW
from nbchat.values.errors import ParameterError
from nbchat.values.wording import nearest, pluralize

__all__ = ["Truths", "cases_of", "items_of", "measure_of"]

KINDS = ("labels", "numbers", "scores")


def items_of(data: Any) -> list[Any]:
    """Return the rows: values, or dicts by column. Raises PromptError, and ParameterError if there are none."""
    source = source_of(data)
    items = [row[ROW] for _, row in source.rows(source.columns, whole=True)]
    if not items:
        raise ParameterError("There are no rows to evaluate.")
    return items


class Truths(Struct, frozen=True):
    """The truths as given, and their name; an empty `column` = there are none."""

    column: str
    first: Sequence[Any]
    second: Sequence[Any]

    @classmethod
    def of(cls, items: Sequence[Any], truth: Any, second: Any) -> Self:
        """Find the truths. Raises ParameterError."""
        columns = _columns(items)
        if (
            second is None
            and isinstance(truth, (list, tuple))
            and len(truth) == 2
            and all(one in columns for one in truth)
        ):
            truth, second = truth
        nothing = [None] * len(items)
        if truth is None:
            return cls("", nothing, nothing)
        named = isinstance(truth, Hashable) and truth in columns
        column = str(truth if named else getattr(truth, "name", None) or "truth")
        others = nothing if second is None else _values(items, second, "second_truth", columns)
        return cls(column, _values(items, truth, "truth", columns), others)


def _columns(items: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(key for item in items if isinstance(item, Mapping) for key in item))


def _values(items: Sequence[Any], given: Any, name: str, columns: Sequence[Any]) -> list[Any]:
    """Return the values of a column, or those given, one for each row."""
    if isinstance(given, Hashable) and given in columns:
        return [item.get(given) if isinstance(item, Mapping) else None for item in items]
    if isinstance(given, str):
        texts = list(map(str, columns))
        known = f" The columns are {', '.join(texts)[:300]}." if columns else " The rows have no columns."
        raise ParameterError(f"{name}: there is no column {given!r}.{nearest(given, texts) or known}")
    values = list(given) if isinstance(given, Iterable) else []
    if len(values) != len(items):
        raise ParameterError(
            f"{name} must name a column or have a value for each of {pluralize(len(items), 'row')}; got {len(values):,}."
        )
    return values


def measure_of(
    truths: Truths, kind: Kind | None, labels: Iterable[Any] | None, schema: Any, *, scored: bool
) -> Measure:
    """Return the measure. Raises ParameterError."""
    if kind is not None and kind not in KINDS:
        raise ParameterError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    if scored or kind == "scores":
        if not scored or kind not in (None, "scores"):
            raise ParameterError(
                f"score= goes with kind='scores'; got kind={kind!r}{'' if scored else ' and no score'}."
            )
        return Measure("scores", truths.column)
    if not truths.column:
        raise ParameterError("truth must name the column with the right answers; or give score=.")
    kind = kind or ("labels" if labels is not None else infer_kind(truths.first))
    if kind == "numbers":
        return Measure(kind, truths.column)
    allowed = labels if labels is not None else _enumerated(schema, truths.column)
    return Measure.of_labels(truths.column, [*truths.first, *truths.second], allowed)


def _enumerated(schema: Any, column: str) -> list[Any] | None:
    """Return the values that a schema allows for the truth's column, or for its only one; None = any."""
    if schema is None:
        return None
    whole = Schema.of(schema).json_schema
    fields = whole.get("properties", {})
    field = fields.get(column) if column in fields else next(iter(fields.values()), {}) if len(fields) == 1 else {}
    if isinstance(field, Mapping) and isinstance(name := field.get("$ref"), str):
        field = whole.get("$defs", {}).get(name.rpartition("/")[2], {})
    allowed = field.get("enum") if isinstance(field, Mapping) else None
    return list(allowed) if isinstance(allowed, (list, tuple)) else None


def cases_of(data: Any, truths: Truths, measure: Measure) -> list[Case]:
    """Return the rows with their truths in the form used for comparison."""
    index: Sequence[Any] = data.index.tolist() if library(data) == "pandas" else range(len(truths.first))
    read = measure.labels.read if measure.labels is not None else measure.truth
    pairs = zip(index, truths.first, truths.second, strict=True)
    return [Case(row, _plain(name), read(first), read(second)) for row, (name, first, second) in enumerate(pairs)]


def _plain(name: Any) -> Any:
    """A row's label in the index as a number, text or time; anything else is written as text."""
    return name if name is None or isinstance(name, (bool, int, float, str, date, timedelta)) else safe_str(name)
