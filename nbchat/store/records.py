"""What the journal holds: sessions, answers, their places, and answers that still stream."""

from __future__ import annotations

import itertools
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from nbchat.api.keys import Key
from nbchat.store import tape
from nbchat.store.encoding import encoded, plain
from nbchat.store.writer import Operation
from nbchat.values.answer.events import Event

__all__ = ["STREAMING", "Answer", "OpenSession", "Place", "Recording", "SessionRow", "Stored", "new_id"]

STREAMING = "streaming"
"""The status of an answer that has not ended. If its process is gone, it never will."""


def new_id() -> str:
    """Return a unique id; ids sort by creation time."""
    return f"{time.time_ns():016x}{uuid.uuid4().hex[:12]}"


class OpenSession:
    """A session that this process has open.

    If another process opens it later, this one continues in a copy, and `id` becomes the copy's.
    """

    def __init__(
        self,
        name: str,
        notebook: str | None,
        settings: Mapping[str, Any],
        *,
        keys: Sequence[Key] = (),
        id: str = "",  # noqa: A002  # the column's name
    ) -> None:
        self.id = id or new_id()
        self.name = name
        self.notebook = notebook
        self.settings = settings
        self.keys = keys
        self._owner = new_id()

    def enter(self, connection: sqlite3.Connection) -> bool:
        """Insert or update the session; return whether it was new to the file."""
        row = connection.execute("SELECT owner FROM sessions WHERE id = ?", (self.id,)).fetchone()
        now = time.time()
        values = (plain(self.name), plain(self.notebook), encoded(self.settings, self.keys), now)
        if row is not None and row[0] == self._owner:
            connection.execute(
                "UPDATE sessions SET name = ?, notebook = ?, settings = ?, used = ? WHERE id = ?", (*values, self.id)
            )
            return False
        if row is not None:
            self.id = new_id()
        connection.execute(
            "INSERT INTO sessions (name, notebook, settings, used, created, id, owner) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, now, self.id, self._owner),
        )
        return True

    def take(self, connection: sqlite3.Connection) -> None:
        """Make this process the session's owner."""
        connection.execute("UPDATE sessions SET owner = ?, used = ? WHERE id = ?", (self._owner, time.time(), self.id))


class SessionRow(Struct, frozen=True):
    """A session in a listing. `used` is in seconds since the epoch; `notebook` None = not from a notebook."""

    id: str
    name: str
    notebook: str | None
    created: float
    used: float
    turns: int
    settings: Mapping[str, Any] = field(default_factory=dict)


class Answer(Struct, frozen=True):
    """An answer to write: the turn as JSON (`message`, `params`, `steps`, …), with its `reply` once that exists.

    `cell` is the id of the notebook cell that asked, `request` returns the hash of what was sent; None = none. `keys` must
    never be written.
    """

    id: str
    turn: Mapping[str, Any]
    status: str
    at: float
    cell: str | None = None
    request: Callable[[], str] | None = None
    keys: Sequence[Key] = ()


class Place(Struct, frozen=True):
    """A turn's position in its session: the ids of its answer's versions, oldest first, and the chosen one.

    `marks` holds, for each version, words such as "pinned" separated by spaces.
    """

    versions: tuple[str, ...]
    chosen: int
    marks: tuple[str, ...]


class Stored(Struct, frozen=True):
    """An answer read back: the turn as JSON, and for one that never ended, the events stored so far."""

    id: str
    turn: dict[str, Any]
    status: str
    at: float
    cell: str | None
    events: tuple[Event, ...] = ()


class Recording:
    """Records the events of a streaming answer. The receiver appends them to `queue`, or calls `add`."""

    def __init__(self, answer: str, keys: Sequence[Key], queue: deque[Sequence[Event]]) -> None:
        self._answer = answer
        self._keys = keys
        self._queue = queue
        self._numbers = itertools.count()

    def add(self, events: Sequence[Event]) -> None:
        """Queue new events; cheap."""
        self._queue.append(events)

    def feed(self) -> Operation | None:
        """Return an operation that writes the events since the last call; None = none."""
        events: list[Event] = []
        while self._queue:
            events += self._queue.popleft()
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
