"""A pilot: some rows asked first, and projections for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Self, TypeVar

from msgspec import Struct

from nbchat.rows.form import Form
from nbchat.rows.outcome import Outcome
from nbchat.rows.source import Source
from nbchat.rows.storage import Storage
from nbchat.rows.template import MissingValue, Template
from nbchat.tuning.statistics import Mean
from nbchat.values.errors import PromptError

__all__ = ["Projection", "Sample", "spread"]

MOST_MEASURED = 20_000
"""Most rows whose messages are measured to choose the sample; of a longer table, evenly spaced ones."""

READ_AHEAD = 1_000
"""Rows of an iterator that are read to choose the sample."""

MOST_CATEGORIES = 20
"""Most values of a column by which a sample is stratified."""

ROWS_PER_CATEGORY = 4
"""Rows of each value, on average, from which it is a category rather than a text."""

LONGEST_CATEGORY = 60
"""Most characters of a category's name."""

_T = TypeVar("_T")


def spread(ordered: Sequence[_T], size: int) -> list[_T]:
    """Draw one of each of `size` equal shares of sorted rows, the same ones every time."""
    draw = Random(len(ordered))
    bounds = [round(part * len(ordered) / size) for part in range(size + 1)]
    return [draw.choice(ordered[start:end]) for start, end in pairwise(bounds) if end > start]


def _category(value: object) -> str:
    """Return a value that may name a category, as text; empty = it can't."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if len(text) <= LONGEST_CATEGORY else ""


def _stratifying(rows: Sequence[Sequence[str]], size: int) -> int | None:
    """Return the place of the category with the most values, if these are few and each has several rows; None = none is."""
    counts = [len(set(values)) if all(values) else 0 for values in zip(*rows, strict=True)]
    most = min(size, MOST_CATEGORIES, len(rows) // ROWS_PER_CATEGORY)
    return max(
        (place for place, count in enumerate(counts) if 2 <= count <= most), key=counts.__getitem__, default=None
    )


class Sample(Struct, frozen=True):
    """The rows of a pilot: one from each of several equal shares of the rows, sorted by the length of their messages.

    If a column of the template has few values, they are sorted by it first; `by` is its name (None = there is none). Of
    `measured` rows, `distinct` have a new message, and `stored` of these are already answered. The choice is reproducible.
    """

    positions: frozenset[int]
    measured: int
    distinct: int
    stored: int
    by: str | None = None

    @classmethod
    def of(cls, source: Source, template: Template, form: Form, storage: Storage, size: int) -> Self:
        """Choose the rows. Rows without a message, or with an earlier row's message, are left out."""
        step = max(1, -(-(source.total or 0) // MOST_MEASURED))
        fields = [] if source.single else [str(name) for name in source.columns if name in template.fields]
        found: dict[str, tuple[Sequence[str], int, int]] = {}
        measured = 0
        for position, row in source.ahead(READ_AHEAD, template.fields, whole=template.whole):
            if position % step:
                continue
            measured += 1
            try:
                content = template.content(row)
            except (MissingValue, PromptError):
                continue
            categories = [_category(row.get(name)) for name in fields]
            found.setdefault(form.name(content), (categories, len(content), position))
        by = _stratifying([categories for categories, *_ in found.values()], size)
        ordered = sorted(("" if by is None else each[by], length, place) for each, length, place in found.values())
        chosen = frozenset(share[-1] for share in spread(ordered, size))
        stored = len({name for name, _ in storage.find(list(found))})
        return cls(chosen, measured, len(found), stored, None if by is None else fields[by])

    def to_send(self, total: int | None) -> int | None:
        """Estimate how many of this many rows must be sent, including the pilot's; None = unknown."""
        if total is None or not self.measured:
            return None
        return round(total * (self.distinct - self.stored) / self.measured)


class Projection(Struct, frozen=True):
    """Projections from a pilot, with 95 % intervals.

    `asked` rows were asked, about `left` requests remain. `failures` is the share of rows that fail. `tokens`, `cost`
    (US dollars) and `seconds` are for all remaining requests; None = unknown, as for an iterator, whose `left` is
    unknown. The sample was spread over the values of the column `by` (None = over lengths alone).
    """

    asked: int
    left: int | None
    failures: Mean | None = None
    tokens: Mean | None = None
    cost: Mean | None = None
    seconds: Mean | None = None
    by: str | None = None

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], sample: Sample, total: int | None, repeat: int, at_once: int) -> Self:
        """Project the outcomes of a sample to all rows, asked `repeat` times each and `at_once` at a time."""
        ended = [outcome for outcome in outcomes if outcome.status in ("complete", "failed")]
        answers = [outcome.answer for outcome in ended if outcome.answer is not None]
        fresh = sum(not outcome.stored for outcome in ended)
        wanted = sample.to_send(total)
        left = None if wanted is None else max(0, wanted - fresh) * repeat
        failures = Mean.of((float(outcome.status == "failed") for outcome in ended), truths=True)
        if left is None:
            return cls(len(ended), left, failures, by=sample.by)
        return cls(
            len(ended),
            left,
            failures,
            _scaled(Mean.of(answer.usage.total_tokens for answer in answers), left),
            _scaled(Mean.of(answer.cost for answer in answers), left),
            _scaled(Mean.of(answer.seconds for answer in answers), left / max(1, min(at_once, left))),
            sample.by,
        )


def _scaled(mean: Mean | None, by: float) -> Mean | None:
    if mean is None:
        return None
    low = None if mean.low is None else max(0.0, mean.low) * by
    high = None if mean.high is None else mean.high * by
    error = None if mean.error is None else mean.error * by
    return Mean(mean.mean * by, mean.n, low, high, error)
