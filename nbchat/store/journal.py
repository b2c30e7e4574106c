"""The journal: sessions, their turns and every answer these have had, in one file that several kernels share."""

from __future__ import annotations

import itertools
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbchat.api.keys import Key
from nbchat.store import search_index, tape
from nbchat.store.database import Database, Unusable
from nbchat.store.encoding import decoded, encoded, plain
from nbchat.store.forgetting import delete_answers, forget_all, forget_session, scrub
from nbchat.store.ledger import Ledger
from nbchat.store.replay import Replays
from nbchat.store.sessions import OpenSession
from nbchat.store.writer import Operation, Writer
from nbchat.values.errors import SessionError
from nbchat.values.events import Event

__all__ = ["STREAMING", "Answer", "Journal", "Place", "Recording", "SessionRow", "Stored"]

FLUSH_SECONDS = 0.25
"""How long the end of an answer waits until it is on the disk; a journal that is busy for longer catches up later."""

STREAMING = "streaming"
"""The status of an answer that has not ended. Where its process is gone, it never will."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it is listed. `used` is seconds since the epoch; `notebook` None = not from a notebook."""

    id: str
    name: str
    notebook: str | None
    created: float
    used: float
    turns: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to write: the turn as JSON (`message`, `params`, `steps`, …), without or with its `reply`.

    `parent` is the answer before it in its context, `cell` the notebook cell it was asked from, `request` makes the hash
    of what was sent; None = there is none. `keys` must not be written.
    """

    id: str
    turn: Mapping[str, Any]
    status: str
    at: float
    parent: str | None = None
    cell: str | None = None
    request: Callable[[], str] | None = None
    keys: Sequence[Key] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one turn in its session: the ids of the versions of its answer, oldest first, and the one in force.

    `marks` has for each version words such as "pinned", separated by spaces.
    """

    versions: tuple[str, ...]
    chosen: int
    marks: tuple[str, ...]


Whole = Callable[[], tuple[Sequence[Place], Sequence[Answer]]]
"""All places of a session, and all its answers: asked for where the file knows nothing of the session yet."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it is read: the turn as JSON; of one that never ended, the events that had come."""

    id: str
    turn: dict[str, Any]
    status: str
    at: float
    cell: str | None
    parent: str | None
    came: tuple[Event, ...] = ()


class Recording:
    """What comes of an answer, on its way into the journal. `add` is called by whoever receives it."""

    def __init__(self, answer: str, keys: Sequence[Key]) -> None:
        self._answer = answer
        self._keys = keys
        self._came: deque[Sequence[Event]] = deque()
        self._numbers = itertools.count()

    def add(self, events: Sequence[Event]) -> None:
        """Some events came. Costs next to nothing."""
        self._came.append(events)

    def feed(self) -> Operation | None:
        """What has come since the last time, to be written."""
        events: list[Event] = []
        while self._came:
            events += self._came.popleft()
        rows = tape.written(events, merge=True)
        if not rows:
            return None
        values = (next(self._numbers), encoded(rows, self._keys), self._answer, STREAMING)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO pieces (answer, number, events)"
                " SELECT id, ?, ? FROM answers WHERE id = ? AND status = ?",
                values,
            )

        return write


class Journal:
    """The journal in one file. What is written goes through one thread; what is read is read at once.

    A file that can't be used never fails a request: `warning` says once what is wrong, and what could not be written
    is kept in memory meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self._writer = Writer(self._database)
        self._said: set[str] = set()
        self._fork_free = True
        self.ledger = Ledger(self._database, self._writer)
        self.replays = Replays(self._database, self._writer)

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def exists(self) -> bool:
        """Whether there is a file, so that there may be something to read."""
        return self._database.path.exists()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now; None = all is well."""
        return self._writer.trouble

    @property
    def generation(self) -> int:
        """Grows when another file has taken the old one's place: what was written before is not in it."""
        return self._database.generation

    def warning(self) -> str | None:
        """What the user should know of the file and was not told yet; None = nothing."""
        found = [*self._database.notices]
        if (trouble := self._writer.trouble) is not None:
            found.append(f"the journal can't be written, so the conversation is only in memory: {trouble}")
        fresh = [notice for notice in found if notice not in self._said]
        self._said.update(fresh)
        return "; ".join(fresh) or None

    # Writing

    def begin(self, session: OpenSession, answer: Answer) -> Recording:
        """Enter an answer that is about to come; what comes of it is written about twice a second until `finish`.

        Begun again, it comes anew: what had come of it is struck off.
        """
        recording = Recording(answer.id, answer.keys)
        self._writer.put(_entering(session, answer))
        self._writer.add_feed(id(recording), recording.feed)
        return recording

    def pause(self, recording: Recording) -> None:
        """Write no more of what comes."""
        self._writer.remove_feed(id(recording))

    def finish(self, session: OpenSession, answer: Answer) -> None:
        """Enter an answer that has come to its end, whole or not."""
        self._writer.put(_entering(session, answer))

    def rate(self, answer: str, rating: Mapping[str, Any]) -> None:
        """Enter what a reader thinks of an answer that is there; empty = nothing any more."""

        def write(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT turn FROM answers WHERE id = ?", (answer,)).fetchone()
            if row is not None and isinstance(turn := decoded(row[0]), dict):
                turn = {**turn, "rating": dict(rating) or None}
                connection.execute("UPDATE answers SET turn = ? WHERE id = ?", (encoded(turn), answer))

        self._writer.put(write)

    def drop(self, answer: str) -> None:
        """Strike off an answer of which nothing came, or nothing that is not kept elsewhere."""
        self._writer.put(lambda connection: delete_answers(connection, [answer]))

    def arrange(self, session: OpenSession, first: int, places: Sequence[Place], whole: Whole) -> None:
        """The turns of a session from number `first` (0 = the oldest) on are these; there are none behind them."""

        def write(connection: sqlite3.Connection) -> None:
            start, kept = first, places
            if session.enter(connection):
                start, (kept, answers) = 0, whole()
                for answer in answers:
                    if not connection.execute("SELECT 1 FROM answers WHERE id = ?", (answer.id,)).fetchone():
                        _entering(session, answer)(connection)
            connection.execute("DELETE FROM places WHERE session = ? AND place >= ?", (session.id, start))
            connection.executemany(
                "INSERT INTO places (session, place, version, answer, chosen, marks) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (session.id, number, version, answer, int(version == place.chosen), place.marks[version])
                    for number, place in enumerate(kept, start)
                    for version, answer in enumerate(place.versions)
                ],
            )

        self._writer.put(write)

    def flush(self, timeout: float = FLUSH_SECONDS) -> bool:
        """Wait until what was entered is on the disk, so many seconds at the most; whether it is."""
        return self._writer.flush(timeout)

    # Reading

    def sessions(self, notebook: str | None = None) -> list[SessionRow]:
        """The sessions, the last used first; of one notebook, or all. Raises SessionError."""
        rows = self._read(
            lambda connection: connection.execute(
                "SELECT id, name, notebook, created, used,"
                " (SELECT count(DISTINCT place) FROM places WHERE places.session = sessions.id), settings"
                " FROM sessions WHERE ?1 IS NULL OR notebook = ?1 ORDER BY used DESC",
                (plain(notebook),),
            ).fetchall()
        )
        return [_session(row) for row in rows]

    def places(self, session: str) -> list[Place]:
        """The turns of a session, oldest first. Raises SessionError."""
        rows = self._read(
            lambda connection: connection.execute(
                "SELECT place, answer, chosen, marks FROM places WHERE session = ? ORDER BY place, version", (session,)
            ).fetchall()
        )
        places = []
        for _, group in itertools.groupby(rows, key=lambda row: row[0]):
            versions = list(group)
            chosen = next((index for index, row in enumerate(versions) if row[2]), len(versions) - 1)
            places.append(Place(tuple(row[1] for row in versions), chosen, tuple(row[3] for row in versions)))
        return places

    def take(self, session: OpenSession) -> None:
        """Make this process the one that writes a session that it has read."""
        self._writer.put(session.take)

    def answers(self, session: str) -> dict[str, Stored]:
        """Every answer in the places of a session, and those of its own that never ended. Raises SessionError."""

        def read(connection: sqlite3.Connection) -> tuple[list[Any], list[Any]]:
            found = connection.execute(
                "SELECT id, turn, status, at, cell, parent FROM answers WHERE id IN"
                " (SELECT answer FROM places WHERE session = ?1) OR (session = ?1 AND status = ?2) ORDER BY number",
                (session, STREAMING),
            ).fetchall()
            pieces = connection.execute(
                "SELECT answer, events FROM pieces WHERE answer IN"
                " (SELECT id FROM answers WHERE session = ? AND status = ?) ORDER BY answer, number",
                (session, STREAMING),
            ).fetchall()
            return found, pieces

        found, pieces = self._read(read)
        came: dict[str, list[Event]] = {}
        for answer, events in pieces:
            came.setdefault(answer, []).extend(tape.read(decoded(events)))
        return {row[0]: _stored(row, came.get(row[0], ())) for row in found}

    def find(self, text: str, limit: int = 20) -> list[tuple[SessionRow, Stored]]:
        """The answers that hold these words, in the question or the answer, the latest first. Raises SessionError."""
        rows = self._read(lambda connection: search_index.search(connection, text, limit))
        sessions = {row.id: row for row in self.sessions()}
        unknown = SessionRow("", "", None, 0.0, 0.0, 0)
        return [(sessions.get(row[0], unknown), _stored(row[1:])) for row in rows]

    def _read(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        self.flush()
        try:
            return self._database.look_up(work)
        except Unusable as problem:
            raise SessionError(f"The journal can't be read: {problem}.") from None

    # Forgetting

    def forget(self, session: str | None) -> int:
        """Delete a session, or all, so that nothing of it stays in the file; the number of answers deleted.

        Figures stay in the ledger, without their notebook and cell. Raises SessionError where it can't be done.
        """
        self.flush(5.0)
        try:
            count = self._database.write(
                forget_all if session is None else lambda connection: forget_session(connection, session)
            )
            self._database.read(scrub)
            return count
        except Unusable as problem:
            raise SessionError(f"Nothing was forgotten: {problem}. Try again.") from None

    # The process

    def close(self, timeout: float) -> None:
        """Write what is left and let go of the file."""
        self._writer.close(timeout)

    def before_fork(self) -> None:
        """Let go of the file, so that no child inherits it."""
        self._writer.before_fork()
        self._fork_free = self._database.before_fork()

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the parent or in the child."""
        self._database.after_fork(child=child, free=self._fork_free)
        self._writer.after_fork(child=child)


def _session(row: Sequence[Any]) -> SessionRow:
    session, name, notebook, created, used, turns, settings = row
    return SessionRow(session, name, notebook, created, used, turns, decoded(settings) if settings else {})


def _stored(row: Sequence[Any], came: Sequence[Event] = ()) -> Stored:
    answer, turn, status, at, cell, parent = row
    return Stored(answer, decoded(turn), status, at, cell, parent, tuple(came))


def _entering(session: OpenSession, answer: Answer) -> Operation:
    def write(connection: sqlite3.Connection) -> None:
        search_index.unindex(connection, answer.id)
        connection.execute(
            "INSERT INTO answers (id, session, parent, cell, at, status, request, turn) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET status = excluded.status, turn = excluded.turn,"
            " request = coalesce(excluded.request, request)",
            (
                answer.id,
                session.id,
                answer.parent,
                plain(answer.cell),
                answer.at,
                answer.status,
                answer.request and answer.request(),
                encoded(answer.turn, answer.keys),
            ),
        )
        connection.execute("DELETE FROM pieces WHERE answer = ?", (answer.id,))
        if answer.status != STREAMING:
            search_index.index(connection, answer.id)

    return write
