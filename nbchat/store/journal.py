"""The journal: sessions, their turns and all versions of their answers, in one file shared by several kernels."""

from __future__ import annotations

import functools
import itertools
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbchat.store import search_index, tape
from nbchat.store.database import Database, Unusable
from nbchat.store.encoding import decoded, decoded_object, encoded, plain, seconds
from nbchat.store.ledger.ledger import Ledger
from nbchat.store.records import STREAMING, Answer, OpenSession, Place, Recording, SessionRow, Stored
from nbchat.store.replay import Replays
from nbchat.store.writer import Operation, Writer
from nbchat.values.answer.events import Event
from nbchat.values.errors import SessionError

if TYPE_CHECKING:
    from nbchat.store.pacing import PaceTable
    from nbchat.store.rows import StoredRows

__all__ = ["Journal"]

FLUSH_SECONDS = 0.25
"""Seconds that the end of an answer waits to be written; a journal that is busy for longer catches up later."""

Whole = Callable[[], tuple[Sequence[Place], Sequence[Answer]]]
"""Returns all places and answers of a session; called if the session is not in the file yet."""


class Journal:
    """The journal in one file. One thread does all writing; reading is done by the caller.

    An unusable file never fails a request: `warning` reports the problem once, and writes are kept in memory meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self._writer = Writer(self._database)
        self._reported: set[str] = set()
        self._fork_free = True
        self.ledger = Ledger(self._database, self._writer)
        self.replays = Replays(self._database, self._writer)

    @functools.cached_property
    def rows(self) -> StoredRows:
        """The runs over rows."""
        from nbchat.store.rows import StoredRows  # a conversation has none

        return StoredRows(self._database, self._writer)

    @functools.cached_property
    def pacing(self) -> PaceTable:
        """What processes tell each other of rate limits."""
        from nbchat.store.pacing import PaceTable  # not needed before a request has to wait

        return PaceTable(self._database)

    @property
    def path(self) -> Path:
        """The journal's file."""
        return self._database.path

    def exists(self) -> bool:
        """Whether the file exists, so that there may be something to read."""
        return self._database.path.exists()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now; None = no problem."""
        return self._writer.trouble

    @property
    def generation(self) -> int:
        """Increases when a new file replaces the old one, which holds nothing that was written before."""
        return self._database.generation

    def warning(self) -> str | None:
        """Return a problem with the file that was not reported yet; None = none."""
        found = [*self._database.notices]
        if (trouble := self._writer.trouble) is not None:
            found.append(f"the journal can't be written, so the conversation is kept only in memory: {trouble}")
        fresh = [notice for notice in found if notice not in self._reported]
        self._reported.update(fresh)
        return "; ".join(fresh) or None

    # Writing

    def begin(self, session: OpenSession, answer: Answer, queue: deque[Sequence[Event]] | None = None) -> Recording:
        """Add an answer that is about to stream; its events are written about twice a second until `finish`.

        `queue` will hold them (None = a new one). Beginning the same answer again discards its earlier
        events.
        """
        recording = Recording(answer.id, answer.keys, deque() if queue is None else queue)
        entering = _entering(session, answer)

        def write(connection: sqlite3.Connection) -> None:
            session.enter(connection)
            entering(connection)

        self._writer.put(write)
        self._writer.add_feed(id(recording), recording.feed)
        return recording

    def pause(self, recording: Recording) -> None:
        """Stop writing events of this answer."""
        self._writer.remove_feed(id(recording))

    def finish(self, session: OpenSession, answer: Answer) -> None:
        """Store an answer that has ended, complete or not."""
        self._writer.put(_entering(session, answer))

    def rate(self, answer: str, rating: Mapping[str, Any]) -> None:
        """Store a reader's rating of a stored answer; empty removes it."""

        def write(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT turn FROM answers WHERE id = ?", (answer,)).fetchone()
            if row is not None and (turn := decoded_object(row[0])):
                turn = {**turn, "rating": dict(rating) or None}
                connection.execute("UPDATE answers SET turn = ? WHERE id = ?", (encoded(turn), answer))

        self._writer.put(write)

    def drop(self, answer: str) -> None:
        """Delete an answer that is empty, or stored elsewhere."""

        def write(connection: sqlite3.Connection) -> None:
            from nbchat.store.forgetting import delete_answers  # few sessions delete anything

            row = connection.execute("SELECT session FROM answers WHERE id = ?", (answer,)).fetchone()
            delete_answers(connection, [answer])
            if row is not None:
                connection.execute(
                    "DELETE FROM sessions WHERE id = :id AND NOT EXISTS (SELECT 1 FROM places WHERE session = :id)"
                    " AND NOT EXISTS (SELECT 1 FROM answers WHERE session = :id)",
                    {"id": row[0]},
                )

        self._writer.put(write)

    def arrange(self, session: OpenSession, first: int, places: Sequence[Place], whole: Whole) -> None:
        """Replace the turns of a session from number `first` (0 = the oldest) onwards."""

        def write(connection: sqlite3.Connection) -> None:
            start, kept = first, places
            new = session.enter(connection)
            if new or not connection.execute("SELECT 1 FROM places WHERE session = ?", (session.id,)).fetchone():
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
        """Wait up to `timeout` seconds until everything is written; return whether it is."""
        return self._writer.flush(timeout)

    # Reading

    def sessions(self, notebook: str | None = None) -> list[SessionRow]:
        """Return the sessions of one notebook (None = all), most recently used first. Raises SessionError.

        An answer that never ended is a turn too, once part of it has arrived.
        """
        rows = self._read(
            lambda connection: connection.execute(
                "WITH unended AS (SELECT session, count(DISTINCT id) AS count FROM pieces JOIN answers ON id = answer"
                " WHERE id NOT IN (SELECT answer FROM places) GROUP BY session)"
                " SELECT id, name, notebook, created, used,"
                " (SELECT count(DISTINCT place) FROM places WHERE places.session = sessions.id)"
                " + coalesce((SELECT count FROM unended WHERE unended.session = sessions.id), 0), settings"
                " FROM sessions WHERE :notebook IS NULL OR notebook = :notebook ORDER BY used DESC",
                {"notebook": plain(notebook)},
            ).fetchall()
        )
        return [_session(row) for row in rows]

    def places(self, session: str) -> list[Place]:
        """Return the turns of a session, oldest first. Raises SessionError."""
        return self.contents(session)[0]

    def answers(self, session: str) -> dict[str, Stored]:
        """Return a session's answers by id, with those of its own that never ended. Raises SessionError."""
        return self.contents(session)[1]

    def contents(self, session: str) -> tuple[list[Place], dict[str, Stored]]:
        """Return the places and the answers of a session as they are at one moment. Raises SessionError."""

        def read(connection: sqlite3.Connection) -> tuple[list[Place], dict[str, Stored]]:
            connection.execute("BEGIN")
            try:
                return _places(connection, session), _answers(connection, session)
            finally:
                connection.execute("COMMIT")

        found: tuple[list[Place], dict[str, Stored]] = self._read(read)
        return found

    def take(self, session: OpenSession, places: Sequence[Place]) -> None:
        """Make this process the owner of a session that it has read, unless the places are others by now.

        Then another process has gone on with it, and keeps it: this one continues in a copy.
        """

        def write(connection: sqlite3.Connection) -> None:
            if [place.versions for place in _places(connection, session.id)] == [place.versions for place in places]:
                session.take(connection)

        self._writer.put(write)

    def find(self, text: str, limit: int = 20) -> list[tuple[SessionRow, Stored]]:
        """Return the answers whose question or text contains all these words, newest first. Raises SessionError."""
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
        """Delete a session (None = all) permanently. Return the number of answers deleted.

        The ledger keeps its figures without notebook and cell. Raises SessionError if the file can't be written.
        """
        from nbchat.store.forgetting import forget_all, forget_session, scrub  # few sessions delete anything

        self.flush(5.0)
        try:
            count = self._database.write(
                forget_all if session is None else lambda connection: forget_session(connection, session)
            )
            self._database.read(scrub)
            return count
        except Unusable as problem:
            raise SessionError(f"Nothing was forgotten: {problem}. Try again.") from None

    # Process

    def close(self, timeout: float) -> None:
        """Write what is pending and close the file."""
        self._writer.close(timeout)

    def before_fork(self) -> None:
        """Close the file, so that no child inherits it."""
        self._writer.before_fork()
        self._fork_free = self._database.before_fork()

    def after_fork(self, *, child: bool) -> None:
        """Continue, in the parent or in the child."""
        self._database.after_fork(child=child, free=self._fork_free)
        self._writer.after_fork(child=child)


def _places(connection: sqlite3.Connection, session: str) -> list[Place]:
    rows = connection.execute(
        "SELECT place, answer, chosen, marks FROM places WHERE session = ? ORDER BY place, version", (session,)
    )
    places = []
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        versions = list(group)
        chosen = next((index for index, row in enumerate(versions) if row[2]), len(versions) - 1)
        places.append(Place(tuple(row[1] for row in versions), chosen, tuple(str(row[3]) for row in versions)))
    return places


def _answers(connection: sqlite3.Connection, session: str) -> dict[str, Stored]:
    found = connection.execute(
        "SELECT id, turn, status, at, cell FROM answers WHERE id IN"
        " (SELECT answer FROM places WHERE session = :session) OR (session = :session AND status = :status)"
        " ORDER BY number",
        {"session": session, "status": STREAMING},
    ).fetchall()
    pieces = connection.execute(
        "SELECT answer, events FROM pieces WHERE answer IN"
        " (SELECT id FROM answers WHERE session = ? AND status = ?) ORDER BY answer, number",
        (session, STREAMING),
    )
    streamed = {
        answer: _events(events for _, events in rows)
        for answer, rows in itertools.groupby(pieces, key=lambda row: row[0])
    }
    return {row[0]: _stored(row, streamed.get(row[0], ())) for row in found}


def _session(row: Sequence[Any]) -> SessionRow:
    session, name, notebook, created, used, turns, settings = row
    return SessionRow(session, str(name), notebook, seconds(created), seconds(used), turns, decoded_object(settings))


def _stored(row: Sequence[Any], events: Sequence[Event] = ()) -> Stored:
    answer, turn, status, at, cell = row
    return Stored(answer, decoded_object(turn), status, seconds(at), cell, tuple(events))


def _events(batches: Iterable[bytes]) -> list[Event]:
    """The events of an answer as far as they can be read: what follows a gap would read as if nothing were missing."""
    events: list[Event] = []
    for batch in batches:
        try:
            events += tape.read(decoded(batch))
        except ValueError:
            break
    return events


def _entering(session: OpenSession, answer: Answer) -> Operation:
    def write(connection: sqlite3.Connection) -> None:
        search_index.unindex(connection, answer.id)
        connection.execute(
            "INSERT INTO answers (id, session, cell, at, status, request, turn) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET status = excluded.status, turn = excluded.turn,"
            " request = coalesce(excluded.request, request)",
            (
                answer.id,
                session.id,
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
