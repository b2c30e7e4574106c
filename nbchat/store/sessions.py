"""Sessions in the journal."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.api.keys import Key
from nbchat.store.encoding import encoded, plain

__all__ = ["OpenSession", "new_id"]


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
