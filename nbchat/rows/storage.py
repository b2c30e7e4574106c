"""Store a run: its answered rows in the journal, and its figures in the ledger."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from nbchat.api.keys import Key
from nbchat.api.prices import priced
from nbchat.rows.dispatcher import Done
from nbchat.rows.form import Form
from nbchat.rows.outcome import Answer
from nbchat.rows.tally import Tally
from nbchat.store.ledger.entries import Entry
from nbchat.store.opening import journal, notebook_path
from nbchat.store.records import new_id
from nbchat.store.rows import RowAnswer, RunRow
from nbchat.values.answer.reply import Timing

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["Storage"]

SETTLE_SECONDS = 10.0
"""Seconds that a run waits for the journal at its beginning and end, unless the journal has a problem."""

ENTRY_SECONDS = 3600.0
"""Seconds that one row of the ledger covers: a run of a day has 24 rows."""


class _Hour(Struct):
    """The ledger's row of the current hour."""

    id: str = field(default_factory=lambda: os.urandom(8).hex())
    at: float = field(default_factory=time.time)
    tally: Tally = field(default_factory=Tally)


class Storage:
    """Keeps one run of a session. `reads`: stored answers are used; new ones are always stored.

    Answers are written by the journal's thread within some hundredths of a second, each batch with the ledger's row that
    counts it, in one transaction: a killed process loses no more than that, and both are always consistent.
    """

    def __init__(self, session: Session, form: Form, *, reads: bool = True) -> None:
        self.run = new_id()
        self.at = time.time()
        self.tally = Tally()
        """Sums over this run's own requests."""
        self._session = session
        self._form = form
        self._reads = reads
        key = form.ask.endpoint.secrets
        self._keys: Sequence[Key] = () if key is None else (key,)
        self._hour = _Hour()

    def find(self, names: Sequence[str]) -> dict[tuple[str, int], Answer]:
        """Return the stored answers to these requests, by name and number."""
        file = journal() if self._reads and names else None
        if file is None or not file.exists():
            return {}
        return Answer.stored(file.rows.find(names))

    def note(self, about: Mapping[str, Any]) -> None:
        """Record the run in the journal, or its result."""
        if (file := journal()) is not None:
            row = RunRow(self.run, self.at, notebook_path(), about)
            file.rows.note(row, self._session.journal_session(), self._keys)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Callable[[list[Done]], Callable[[], bool]]]:
        """Yield the function that keeps a batch, to be called in the engine's thread: see `Dispatcher`."""
        self._settle()
        try:
            yield self._keep
        finally:
            self._settle()

    @property
    def keeps(self) -> bool:
        """Whether answers are written to the journal."""
        return (file := journal()) is not None and file.trouble is None

    def warning(self) -> str | None:
        """Return a problem with the journal that was not reported yet; None = none."""
        return None if (file := journal()) is None else file.warning()

    def _keep(self, batch: list[Done]) -> Callable[[], bool]:
        answers = [(done.job, done.answer, done.error) for done in batch if done.answer is not None]
        if not answers:
            return _is_written
        if time.time() - self._hour.at > ENTRY_SECONDS:
            self._hour = _Hour()
        for _, answer, _ in answers:
            self.tally.add(answer)
            self._hour.tally.add(answer)
        write = self._session.enter(self._entry(), self._keys)
        rows = [RowAnswer(job.name, job.number, answer.to_dict()) for job, answer, error in answers if error is None]
        file = journal()
        return _is_written if file is None else file.rows.keep(self.run, rows, self._keys, write)

    def _entry(self) -> Entry:
        ask, tally = self._form.ask, self._hour.tally
        return Entry(
            ask.endpoint.title,
            tally.model,
            "complete",
            tally.usage,
            tally.cost,
            Timing(None, tally.seconds),
            at=self._hour.at,
            cost_source="none" if tally.cost is None else priced(ask.endpoint, tally.model, tally.usage)[1],
            params=ask.params.to_dict(),
            requests=tally.requests,
            id=self._hour.id,
        )

    def _settle(self) -> None:
        """Wait until the journal has written everything, so that it can be found and survives the process."""
        if (file := journal()) is not None and file.exists():
            file.flush(SETTLE_SECONDS)


def _is_written() -> bool:
    """Nothing is to be written."""
    return True
