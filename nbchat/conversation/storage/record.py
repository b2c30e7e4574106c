"""The record of a session: history and ledger, which change together, and their journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from nbchat.api.keys import Key
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.history import History
from nbchat.conversation.observers import Observers
from nbchat.conversation.turn import Turn
from nbchat.store.ledger.entries import Entry
from nbchat.values.threads import LiveSet

if TYPE_CHECKING:  # imported only with a journal
    from nbchat.conversation.storage.persistence import Persistence
    from nbchat.store.writer import Operation

__all__ = ["Record", "Stoppable"]


@runtime_checkable
class Stoppable(Protocol):
    """A run of many requests that can be stopped from any thread."""

    def stop(self) -> None:
        """Stop it; what has arrived is kept."""


class Record:
    """A session's past requests and open exchanges. Thread-safe.

    `observers` are notified after each change of the history. `persist` creates the persistence when there is something
    to write; it returns None if nothing is to be journalled.
    """

    def __init__(
        self, history: History | None = None, persist: Callable[[Record], Persistence | None] = lambda _record: None
    ) -> None:
        self.history = history or History()
        self.ledger: tuple[Entry, ...] = ()
        self.notices: list[str] = []
        """Notices about the session, shown with the next answer."""
        self.cut_off: set[str] = set()
        """Ids of answers that were cut off when a kernel stopped and have not been offered yet."""
        self.observers = Observers()
        self._newest: str | None = None
        """The id of the answer that was recorded or offered last."""
        self._open: LiveSet[Exchange] = LiveSet()
        self._runs: LiveSet[Stoppable] = LiveSet()
        self._lock = threading.RLock()
        self._persist = persist
        self._persistence: Persistence | None = None

    @property
    def persistence(self) -> Persistence | None:
        """Return the persistence, creating it if needed; None = not journalled."""
        with self._lock:
            if self._persistence is None:
                self._persistence = self._persist(self)
            return self._persistence

    def resume(self, persistence: Persistence) -> None:
        """Continue with this persistence in the journal."""
        self._persistence = persistence

    @property
    def journal_id(self) -> str | None:
        """The session's journal id; None = nothing written yet."""
        return None if self._persistence is None else self._persistence.session_id

    def settled(self) -> str | None:
        """Wait briefly until entries are on disk; return a notice about the journal, once."""
        if self._persistence is None:
            return None
        self._persistence.journal.flush()
        return self._persistence.journal.warning()

    def newest(self, purpose: str) -> Turn:
        """Return the turn answered last, at any position. Raises SessionError, which names the purpose."""
        with self._lock:
            found = next((turn for turn in reversed(self.history.turns) if turn.answer_id == self._newest), None)
            return found or self.history.last(purpose)

    def change(self, change: Callable[[History], History]) -> None:
        """Change the history. Exceptions of `change` propagate, and then nothing changes."""
        with self._lock:
            self.history = change(self.history)
            self._sync()
        self.observers.notify()

    def partial_answer(self, exchange: Exchange) -> Turn | None:
        """Return the turn cut off when a kernel stopped, if the same cell asks the same again; None = none, or already offered."""
        with self._lock:
            place = self.history.place_of_cell(exchange.options.cell_id)
            turn = None if place is None or exchange.options.once else self.history.turns[place]
            if turn is None or turn.answer_id not in self.cut_off or turn.message != exchange.ask.message:
                return None
            self.cut_off.discard(turn.answer_id)
            self._newest = turn.answer_id
            return turn

    def is_asked_twice(self, exchange: Exchange) -> bool:
        """Whether the same message is already being answered."""
        with self._lock:
            others = [other for other in self._open if other is not exchange and other.alone and other.under_way]
        ask = exchange.ask
        return exchange.alone and any(
            (other.ask.message, other.ask.history, other.ask.params) == (ask.message, ask.history, ask.params)
            and other.ask.endpoint.base_url == ask.endpoint.base_url
            for other in others
        )

    def forget(self) -> int:
        """Delete all turns, in the journal too; return the number of deleted answers. Raises SessionError."""
        with self._lock:
            persistence = self.persistence
            count = sum(len(turn.versions) for turn in self.history)
            if persistence is not None:
                count = persistence.journal.forget(persistence.session_id)
            self._persistence, self.history = None, History()
            if (anew := self.persistence) is not None:
                anew.skip(len(self.ledger))
        self.observers.notify()
        return count

    def open(self, exchange: Exchange) -> Exchange:
        """Register an exchange so that `stop` ends it, until it is recorded; weakly, in case it is never run."""
        with self._lock:
            self._open.add(exchange)
        return exchange

    @property
    def reserved(self) -> tuple[float, int]:
        """Dollars and tokens that the open exchanges are expected to cost, while a budget counts them."""
        amounts = [exchange.reserved for exchange in self._open]
        return sum(cost for cost, _ in amounts), sum(tokens for _, tokens in amounts)

    def watch(self, run: Stoppable) -> None:
        """Have `stop` end a run of many requests too, for as long as it exists."""
        with self._lock:
            self._runs.add(run)

    def stop(self) -> None:
        """Stop the exchanges that are open, and the runs."""
        with self._lock:
            running: list[Stoppable] = [*self._runs, *self._open]
        for one in running:
            one.stop()

    def enter(self, entry: Entry, keys: Sequence[Key]) -> Operation | None:
        """Enter a ledger row that sums up many requests, in place of its earlier state. Return the operation that writes it.

        None = nothing is journalled. `keys` are masked.
        """
        with self._lock:
            known = [place for place, one in enumerate(self.ledger) if one.id == entry.id]
            place = known[0] if known else len(self.ledger)
            self.ledger = (*self.ledger[:place], entry, *self.ledger[place + 1 :])
            return None if self.persistence is None else self.persistence.growing(entry, keys)

    def keep(self, exchange: Exchange) -> None:
        """Record the requests in the ledger, and the answer, complete or partial, in the history. Idempotent."""
        try:
            joined = self._enter(exchange, join=True)
        except KeyboardInterrupt:  # an interrupt waits until the paid answer is safe
            self._enter(exchange, join=True)
            raise
        if joined:
            self.observers.notify()

    def charge(self, exchange: Exchange) -> None:
        """Record the requests in the ledger, and nothing in the history. Idempotent."""
        self._enter(exchange, join=False)

    def _enter(self, exchange: Exchange, *, join: bool) -> bool:
        """Record an exchange atomically, even under an interrupt; return whether the history changed."""
        options = exchange.options
        with self._lock:
            if exchange.kept:
                return False
            ledger, history = (*self.ledger, *exchange.entries), self.history
            turn = exchange.turn if join and not options.once else None
            if turn is not None and options.resumes is not None:
                history = history.continued(options.resumes, turn.reply)
            elif turn is not None:
                history = history.answered(turn, replaces=options.replaces)
            self._open.discard(exchange)
            self.ledger, self.history, exchange.kept = ledger, history, True
            if turn is not None:
                self._newest = options.resumes.answer_id if options.resumes is not None else turn.answer_id
            self._sync(exchange, joins=turn is not None and options.resumes is None)
        return turn is not None

    def _sync(self, ended: Exchange | None = None, *, joins: bool = False) -> None:
        """Write changes and the end of an exchange; `joins`: its answer is now part of a turn."""
        if (persistence := self.persistence) is not None:
            persistence.sync(self.history.turns, self.ledger, ended)
            if ended is not None:
                persistence.end(ended, joins=joins)
