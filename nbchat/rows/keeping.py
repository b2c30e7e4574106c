"""Store a run: its answered rows in the journal, and its figures in the ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nbchat.rows.crew import Done
from nbchat.rows.form import Form
from nbchat.rows.outcome import Answer
from nbchat.store.opening import journal
from nbchat.store.rows import RowAnswer
from nbchat.store.sessions import new_id

if TYPE_CHECKING:
    from nbchat.rows.run import Tally

__all__ = ["Keeping"]

SETTLE_SECONDS = 10.0
"""Seconds that a run waits for the journal at its beginning and end, unless the journal has a problem."""


class Keeping:
    """Stores the rows of one run. `reads`: stored answers are used; answers are always written."""

    def __init__(self, *, reads: bool = True) -> None:
        self.run = new_id()
        self._reads = reads

    def find(self, names: Sequence[str]) -> dict[tuple[str, int], Answer]:
        """Return the stored answers to these requests, by name and number."""
        file = journal() if self._reads and names else None
        if file is None or not file.exists():
            return {}
        return {key: Answer.from_dict(answer) for key, answer in file.rows.find(names).items()}

    @contextlib.contextmanager
    def opened(self, form: Form, tally: Tally) -> Iterator[Callable[[list[Done]], None]]:
        """Yield the function that stores a batch, to be called in the engine's thread."""
        key = form.ask.endpoint.secrets
        keys: Any = () if key is None else (key,)

        def keep(batch: list[Done]) -> None:
            rows = []
            for done in batch:
                if done.answer is None:
                    continue
                tally.add(done.answer)
                if done.error is None:
                    rows.append(RowAnswer(done.job.name, done.job.number, done.answer.to_dict()))
            if (file := journal()) is not None and rows:
                file.rows.keep(self.run, rows, keys)

        _settle()
        try:
            yield keep
        finally:
            _settle()


def _settle() -> None:
    """Wait until the journal has written everything, so that it can be found and survives the process."""
    if (file := journal()) is not None:
        file.flush(SETTLE_SECONDS)
