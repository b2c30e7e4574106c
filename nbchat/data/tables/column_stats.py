"""Compute ranges, quartiles and categories of a table's columns, for the `:stats` rung."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from nbchat.data.description import missing
from nbchat.data.tables.column_list import column_name
from nbchat.data.tables.table import Field, Table, step_for
from nbchat.values.wording import pluralize

__all__ = ["Statistics", "phrase"]

EXACT_CELLS = 250_000
"""Statistics of up to this many cells use every row."""

SAMPLED_CELLS = 100_000
"""Statistics of larger tables use about this many cells, in evenly spaced rows."""

MANY = 50
"""A text column with more distinct values than this has no categories."""

NAMED = 8
"""Most categories that are named, the most frequent first."""


ORDERED = (int, float, Decimal, date, time, timedelta)
"""Types with a meaningful range; a range of lists or strings would just expose two values."""


class Statistics:
    """Statistics of columns as phrases. A value that occurs only once is never named as a category."""

    def __init__(self, table: Table, columns: int) -> None:
        rows = table.rows or 0
        step = step_for(rows, columns, EXACT_CELLS, SAMPLED_CELLS)
        read = len(range(0, rows, step))
        self._table = table.every(step)
        sampled = f"\nRanges and categories from {read:,} evenly spaced rows of {rows:,}."
        self.basis: str = sampled if step > 1 else ""
        """A note on sampling, starting with a newline; empty if every row was used."""

    def of(self, field: Field) -> str:
        """Return `1 … 9 (quartiles 3, 5, 7)` or `3 distinct: Rome 12, Oslo 7, Bern 2`; "" if there is nothing to say."""
        return phrase(self._table.listed(field.place))

    def of_labels(self, level: int) -> str:
        """Return the same for a level of the row labels."""
        return phrase([label[level] for label in self._table.row_labels(range(self._table.rows or 0))])


def phrase(cells: list[Any]) -> str:
    """Summarise values, ignoring missing ones."""
    kinds = set(map(type, cells))
    if kinds == {float}:
        return _range([value for value in cells if value == value])  # without NaN
    if kinds != {int}:
        cells = [value for value in cells if not missing(value)]
        kinds = set(map(type, cells))
    if kinds == {bool}:
        return f"{100 * sum(cells) / len(cells):.3g}% true"
    return _categories(cells) if kinds == {str} else _range(cells)


def _range(values: list[Any]) -> str:
    """The minimum and maximum, with quartiles for numbers; "" for values without an order."""
    try:
        ordered = sorted(values)
    except (TypeError, ValueError):
        return ""
    if not ordered or not isinstance(ordered[0], ORDERED):
        return ""
    ends = f"{_number(ordered[0])} … {_number(ordered[-1])}"
    if len(ordered) < 4 or not isinstance(ordered[0], (int, float)):
        return ends
    quartiles = ", ".join(_number(_quantile(ordered, share)) for share in (0.25, 0.5, 0.75))
    return f"{ends} (quartiles {quartiles})"


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate linearly, like NumPy and pandas (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _categories(values: list[str]) -> str:
    """The frequent categories by name; for free text, the number of distinct values and their lengths."""
    counts = Counter(values)
    distinct = f"{len(counts):,} distinct"
    named = [(value, times) for value, times in counts.most_common(NAMED) if times > 1]
    if len(counts) > MANY or not named:
        lengths = sorted(map(len, counts))
        shortest = f"{lengths[0]:,} to " if lengths[0] < lengths[-1] else ""
        return f"{distinct}, {shortest}{pluralize(lengths[-1], 'character')} long"
    named.sort(key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{column_name(value)[:40]} {times:,}" for value, times in named)
    return f"{distinct}: {shown}{', …' if len(named) < len(counts) else ''}"
