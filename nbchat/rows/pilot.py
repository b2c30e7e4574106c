"""A pilot: some rows asked first, and projections for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Self

from msgspec import Struct

from nbchat.rows.form import Form
from nbchat.rows.outcome import Outcome
from nbchat.rows.source import Source
from nbchat.rows.storage import Storage
from nbchat.rows.template import MissingValue, Template
from nbchat.tuning.statistics import Mean
from nbchat.values.errors import PromptError

__all__ = ["Projection", "Sample"]

MOST_MEASURED = 20_000
"""Most rows whose messages are measured to choose the sample; of a longer table, evenly spaced ones."""

READ_AHEAD = 1_000
"""Rows of an iterator that are read to choose the sample."""


class Sample(Struct, frozen=True):
    """The rows of a pilot: one from each of several equal shares of the rows, sorted by the length of their messages.

    Of `measured` rows, `distinct` have a new message, and `stored` of these are already answered. The choice is
    reproducible.
    """

    positions: frozenset[int]
    measured: int
    distinct: int
    stored: int

    @classmethod
    def of(cls, source: Source, template: Template, form: Form, storage: Storage, size: int) -> Self:
        """Choose the rows. Rows without a message, or with an earlier row's message, are left out."""
        step = max(1, -(-(source.total or 0) // MOST_MEASURED))
        found: dict[str, tuple[int, int]] = {}
        measured = 0
        for position, row in source.ahead(READ_AHEAD, template.fields, whole=template.whole):
            if position % step:
                continue
            measured += 1
            try:
                content = template.content(row)
            except (MissingValue, PromptError):
                continue
            found.setdefault(form.name(content), (len(content), position))
        by_length = sorted(found.values())
        draw = Random(len(by_length))  # noqa: S311  # a sample, not a secret
        bounds = [round(part * len(by_length) / size) for part in range(size + 1)]
        strata = [by_length[start:end] for start, end in pairwise(bounds) if end > start]
        chosen = frozenset(draw.choice(stratum)[1] for stratum in strata)
        return cls(chosen, measured, len(found), len({name for name, _ in storage.find(list(found))}))

    def to_send(self, total: int | None) -> int | None:
        """Estimate how many of this many rows must be sent, including the pilot's; None = unknown."""
        if total is None or not self.measured:
            return None
        return round(total * (self.distinct - self.stored) / self.measured)


class Projection(Struct, frozen=True):
    """Projections from a pilot, with 95 % intervals.

    `asked` rows were asked, about `left` requests remain. `failures` is the share of rows that fail. `tokens`, `cost`
    (US dollars) and `seconds` are for all remaining requests; None = unknown, as for an iterator, whose `left` is
    unknown.
    """

    asked: int
    left: int | None
    failures: Mean | None = None
    tokens: Mean | None = None
    cost: Mean | None = None
    seconds: Mean | None = None

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
            return cls(len(ended), left, failures)
        return cls(
            len(ended),
            left,
            failures,
            _scaled(Mean.of(answer.usage.total_tokens for answer in answers), left),
            _scaled(Mean.of(answer.cost for answer in answers), left),
            _scaled(Mean.of(answer.seconds for answer in answers), left / max(1, min(at_once, left))),
        )


def _scaled(mean: Mean | None, by: float) -> Mean | None:
    if mean is None:
        return None
    low = None if mean.low is None else max(0.0, mean.low) * by
    high = None if mean.high is None else mean.high * by
    error = None if mean.error is None else mean.error * by
    return Mean(mean.mean * by, mean.n, low, high, error)
