"""The outcomes of a run's rows, kept here or in a sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Protocol

from nbchat.rows.outcome import Outcome
from nbchat.rows.reading import majority
from nbchat.values.messages import Content

__all__ = ["Outcomes", "Sink"]


class Sink(Protocol):
    """Where the outcomes of a run go that has more rows than fit into memory."""

    def has_room(self, read: int) -> bool:
        """Whether another row may be read, after so many."""

    def put(self, position: int, outcome: Outcome) -> bool:
        """Take the outcome of a row; return whether it is the first of it."""


class Outcomes:
    """The outcomes of rows by position. A row ends when all its repeats have, with the majority of them.

    Those `after` an earlier run begin with its answers, except those to `redo`. A `sink` keeps the outcomes in place of this
    (None = they are in `ended`); `on_row` is called once for each row that ends.
    """

    def __init__(
        self,
        after: Outcomes | None,
        redo: Collection[int],
        *,
        repeat: int,
        sink: Sink | None,
        on_row: Callable[[int, Outcome], None] | None,
    ) -> None:
        self.ended: dict[int, Outcome] = {} if after is None else after.settled(redo)
        self.contents: dict[int, Content] = {} if after is None else dict(after.contents)
        """The messages of rows that have no answer."""
        self.counts: Counter[str] = Counter(outcome.status for outcome in self.ended.values())
        """The number of rows by status, and of those that were "stored"."""
        self._repeat = repeat
        self._sink = sink
        self._on_row = on_row
        self._open: dict[int, dict[int, Outcome]] = {}
        """The outcomes of the repeats so far, of the rows that have not ended."""

    def settled(self, redo: Collection[int]) -> dict[int, Outcome]:
        """Return the final outcomes: rows that are answered, or were skipped, except those to do again."""
        return {
            position: outcome
            for position, outcome in self.ended.items()
            if outcome.status in ("complete", "skipped") and position not in redo
        }

    def begin(self, position: int) -> None:
        """Begin a row, without any of its repeats."""
        self._open[position] = {}

    def add(self, position: int, number: int, outcome: Outcome) -> None:
        """Record the end of one request of a row that has begun."""
        repeats = self._open.get(position)
        if repeats is None:
            return
        repeats[number] = outcome
        if len(repeats) == self._repeat:
            outcome = majority([repeats[number] for number in sorted(repeats)])
            self._record(position, outcome)
            del self._open[position]
            self._tell(position, outcome)

    def put(self, position: int, outcome: Outcome) -> None:
        """Record the end of a row that sends nothing."""
        self._record(position, outcome)
        self._tell(position, outcome)

    def _record(self, position: int, outcome: Outcome) -> None:
        """Keep the outcome of a row, once."""
        if position in self.ended:
            return
        if self._sink is None:
            self.ended[position] = outcome
        elif not self._sink.put(position, outcome):
            return
        if self._sink is not None or outcome.status == "complete":
            self.contents.pop(position, None)
        self.counts[outcome.status] += 1
        self.counts["stored"] += outcome.stored

    def _tell(self, position: int, outcome: Outcome) -> None:
        if self._on_row is not None:
            self._on_row(position, outcome)
