"""The recorded side of a session: turns, usage, ledger and budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from nbchat.api.keys import Key
from nbchat.conversation.context import Context
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.history import History
from nbchat.conversation.settings import Configurable, Settings
from nbchat.conversation.storage.delivery import Limits, spent
from nbchat.conversation.storage.record import Record, Stoppable
from nbchat.conversation.turn import Turn
from nbchat.store.ledger.entries import Entries, Entry, Spent
from nbchat.store.opening import journal, notebook_path
from nbchat.values.answer.rating import Rating
from nbchat.values.answer.usage import Usage
from nbchat.values.arguments import checked_methods
from nbchat.values.key_shapes import without_keys

if TYPE_CHECKING:  # imported only with a journal, or a budget
    from nbchat.conversation.storage.persistence import Persistence, Reopened
    from nbchat.store.journal import Journal
    from nbchat.store.ledger.budget import Budget
    from nbchat.store.writer import Operation

__all__ = ["Recorded"]


@checked_methods
class Recorded(Configurable):
    """A session's history, ledger and spending limit. Thread-safe."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(settings)
        self.name = name
        self._record = Record(persist=self._persist)
        self._limits = Limits()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation so far, oldest first."""
        return self._record.history.turns

    @property
    def journal_id(self) -> str | None:
        """The session's id in the journal; None = not in it."""
        return self._record.journal_id

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages that the next request would send before its own: `{role, content}`, including the system text."""
        server = self._settings.destination.address()
        return [message.to_wire(server) for message in Context(self.turns, self.system).messages()]

    @property
    def usage(self) -> Usage:
        """Tokens of all requests of this session, including retried and undone ones, excluding replayed ones."""
        return Usage.total(entry.usage for entry in self._record.ledger if not entry.replayed)

    def ledger(self, *, everywhere: bool = False) -> Entries:
        """One row for each request that was answered, oldest first; `to_frame()` makes a data frame of them.

        `everywhere`: of all sessions and kernels. Raises SessionError if the journal can't be read.
        """
        file = journal() if everywhere else None
        return Entries(self._record.ledger if file is None else file.ledger.entries())

    @property
    def budget(self) -> Budget | None:
        """The spending limit; None = no limit. Assign "0.50", "20k tokens", "2.00 per day" or None.

        A request that would exceed it raises BudgetExceeded before it is sent. A limit per day is for all sessions and
        kernels together: of the others' requests it counts those that have ended, so that requests which several
        sessions have under way at the same time may exceed it by what these cost. Assigning raises ParameterError.
        """
        return self._limits.budget

    @budget.setter
    def budget(self, budget: Budget | str | float | None) -> None:
        from nbchat.store.ledger.budget import Budget

        if budget is not None and not isinstance(budget, Budget):
            budget = Budget.parse(str(budget))
        self._limits.budget = budget

    @property
    def spent(self) -> Spent:
        """What counts against the budget; without a budget, what this session's requests used."""
        return spent(self._record, self._limits)

    @property
    def cache(self) -> bool:
        """Whether identical requests are answered from the store. False unless set here or by NBCHAT_CACHE."""
        return self._limits.cache_is_on()

    @cache.setter
    def cache(self, cache: bool | None) -> None:
        self._limits.cache = cache

    def on_turns(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call `observer` after each change of the history; returns a function that removes it."""
        return self._record.observers.add(observer)

    def pin(self, turn: Turn, pinned: bool = True) -> None:
        """Keep a turn when the context must be shortened. Raises SessionError if it is not in the history."""
        self._record.change(lambda history: history.marked(turn, pinned=pinned))

    def drop(self, turn: Turn, dropped: bool = True) -> None:
        """Leave a turn out of requests; it stays in the history. Raises SessionError if it is not there."""
        self._record.change(lambda history: history.marked(turn, dropped=dropped))

    def rate(self, turn: Turn, *, thumb: bool | None = None, score: float | None = None, note: str = "") -> None:
        """Keep the user's rating of a turn's answer, replacing an earlier one; without arguments, remove it.

        Raises ParameterError, and SessionError if the turn is not in the history.
        """
        rating = Rating(thumb, score, without_keys(note))
        self._record.change(lambda history: history.rated(turn, rating or None))

    def keep_rating(self, answer: Turn, rating: Rating | None) -> None:
        """Journal the rating of an answer that this session got, whether or not it is in the history; None removes it."""
        kept = None if rating is None else replace(rating, note=without_keys(rating.note))
        mine = next((turn for turn in self.turns if turn.answer_id == answer.answer_id), None)
        if mine is not None:
            self._record.change(lambda history: history.rated(mine, kept))
        elif (persistence := self._record.persistence) is not None:
            persistence.rate(answer.answer_id, kept)

    def choose(self, turn: Turn, version: int) -> None:
        """Continue with `turn.versions[version]`. Raises SessionError."""
        self._record.change(lambda history: history.choose(turn, version))

    def undo(self, count: int = 1) -> tuple[Turn, ...]:
        """Remove the last `count` turns and return them. Raises SessionError if there are fewer."""
        taken: tuple[Turn, ...] = ()

        def undo(history: History) -> History:
            nonlocal taken
            rest, taken = history.undo(count)
            return rest

        self._record.change(undo)
        return taken

    def clear(self) -> None:
        """Forget all turns. Settings and the usage count stay."""
        self._record.change(lambda _history: History())

    def forget(self) -> int:
        """Delete all turns permanently, in the journal too; return the number of deleted answers.

        The ledger keeps figures without notebook and cell. Raises SessionError if the file can't be written.
        """
        return self._record.forget()

    def adopt(self, turn: Turn, *, replaces: Turn | None = None) -> None:
        """Add a turn that was answered elsewhere; see `History.answered` for its place."""
        self._record.change(lambda history: history.answered(turn, replaces=replaces))

    def charge(self, exchange: Exchange) -> None:
        """Record an exchange's usage in the ledger without adding a turn. The exchange is then closed."""
        self._record.charge(exchange)

    def watch(self, run: Stoppable) -> None:
        """Have `stop` end a run of many requests too, for as long as it exists."""
        self._record.watch(run)

    def journal_session(self) -> str | None:
        """Return the session's id in the journal, assigned now if it has none; None = nothing is journalled."""
        return None if self._record.persistence is None else self._record.persistence.session_id

    def enter(self, entry: Entry, keys: Sequence[Key] = ()) -> Operation | None:
        """Enter a ledger row that sums up many requests, in place of its earlier state. Return the operation that writes it.

        None = nothing is journalled. `keys` are masked in the journal.
        """
        return self._record.enter(replace(entry, session=self.name, notebook=notebook_path()), keys)

    def _persist(self, record: Record, known: Sequence[Turn] = ()) -> Persistence | None:
        """Create the session's persistence; None = journal turned off. `known`: turns already written."""
        if (file := journal()) is None:
            return None
        from nbchat.conversation.storage.persistence import Persistence

        return Persistence(file, self._described, known=known)

    def _take_from(self, parent: Recorded) -> None:
        """Become a copy of another session, which goes on by itself."""
        self._limits, self._settings = replace(parent._limits), parent._settings
        self._record = Record(parent._record.history, lambda record: self._persist(record, parent.turns))

    def _go_on(self, file: Journal, found: Reopened) -> None:
        """Go on with a session that was read from the journal."""
        from nbchat.conversation.storage.persistence import Persistence

        self._record = Record(History(found.turns), self._persist)
        self._record.resume(
            Persistence(file, self._described, session_id=found.row.id, written=found.written, absorbed=found.absorbed)
        )
        self._record.notices += found.notices()
        self._record.cut_off |= found.cut_off()
        if isinstance(budget := found.row.settings.get("budget"), str):
            self.budget = budget

    def _described(self) -> tuple[str, dict[str, Any]]:
        """The session's name and settings, for the journal."""
        settings = {"system": self.system, "params": self.params.to_dict()}
        return self.name, settings if self.budget is None else {**settings, "budget": str(self.budget)}
