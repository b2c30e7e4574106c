"""The outcomes of a run whose answers are in a file: those that a reader asks for, without the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nbchat.rows.outcome import Outcome

__all__ = ["SparseOutcomes"]

SHOWN = 20
"""Answers at the beginning that are kept to be shown."""

MOST_KEPT = 100_000
"""Most rows without an answer whose reason is kept."""


class SparseOutcomes(Sequence[Outcome]):
    """The outcomes of a run whose answers are in a file: the first ones, and those of rows without an answer."""

    def __init__(self) -> None:
        self._kept: dict[int, Outcome] = {}
        self._length = 0
        self.counts: Counter[str] = Counter()
        self.stored = 0

    def add(self, position: int, outcome: Outcome) -> None:
        """Count an outcome, and keep it if it is one of the first, or has no answer."""
        self._length = max(self._length, position + 1)
        self.counts[outcome.status] += 1
        self.stored += outcome.stored
        if position < SHOWN or (outcome.status != "complete" and len(self._kept) < MOST_KEPT):
            self._kept[position] = outcome

    def end(self, length: int, missing: Outcome) -> None:
        """Set the number of rows; those that were not added were not sent."""
        self.counts["not sent"] += length - self.counts.total()
        self._length = length
        if self.counts["not sent"]:
            for position in range(min(length, SHOWN)):
                self._kept.setdefault(position, missing)

    def kept(self) -> list[tuple[int, Outcome]]:
        """Return the outcomes that are kept, with their positions."""
        return sorted(self._kept.items())

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self[place] for place in range(*position.indices(self._length))]
        if not -self._length <= position < self._length:
            raise IndexError(position)
        return self._kept.get(position % self._length, _IN_THE_FILE)


_IN_THE_FILE = Outcome("complete")
