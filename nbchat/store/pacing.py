"""Share the pacing of a server between processes that use it with the same key, through the journal's file."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable

from nbchat.api.keys import Key
from nbchat.api.pacing.sharing import Shared
from nbchat.store.database import Database, Unusable
from nbchat.store.writer import TROUBLED_SECONDS

__all__ = ["PaceTable"]

ALIVE_SECONDS = 5.0
"""Age in seconds from which a process's row no longer counts: it was killed, or is suspended."""

BEAT_SECONDS = 1.0
"""Seconds after which an unchanged row is written again."""

KEPT_SECONDS = 3600.0
"""Age in seconds from which a row is deleted, and the longest time that a row can forbid requests."""


class PaceTable:
    """A row for each process, server and key, in the journal's file.

    Address and key are stored as a hash with a secret of the file. An unusable file is not tried again for some
    seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._random = os.urandom(8)
        self._clock = clock
        self._written: dict[bytes, tuple[Shared, float]] = {}
        self._troubled_until = 0.0

    def exchange(self, base_url: str, key: Key, own: Shared) -> Shared | None:
        """Publish this process's state for a server and key, and return that of all others; None = not available."""
        now = self._clock()
        if now < self._troubled_until:
            return None
        try:
            name = self._database.read(lambda connection: _name(connection, base_url, key))
            if self._is_news(name, own, now):
                self._database.write(lambda connection: self._write(connection, name, own, now))
                self._written[name] = own, now
            return self._database.read(lambda connection: self._read(connection, name, now))
        except Unusable as problem:
            self._troubled_until = now if problem.busy else now + TROUBLED_SECONDS
        except (sqlite3.Error, OSError, TypeError, ValueError):  # a damaged table may hold anything
            self._troubled_until = now + TROUBLED_SECONDS
        return None

    @property
    def _owner(self) -> bytes:
        """Return the name of this process; a forked child has another."""
        return self._random + os.getpid().to_bytes(8, "big")

    def _is_news(self, name: bytes, own: Shared, now: float) -> bool:
        """Whether the row must be written: it has changed, or is getting old."""
        written, at = self._written.get(name, (Shared(), 0.0))
        if not 0 <= now - at < BEAT_SECONDS:
            return written != Shared() or own.busy > 0 or own.forbidden > 0
        is_longer = own.forbidden > 0 and now + own.forbidden > at + written.forbidden + 0.05
        return is_longer or (own.busy > 0, own.processes) != (written.busy > 0, written.processes)

    def _write(self, connection: sqlite3.Connection, name: bytes, own: Shared, now: float) -> None:
        until = now + own.forbidden if own.forbidden > 0 else 0.0
        connection.execute(
            "INSERT OR REPLACE INTO pacing (name, owner, at, busy, level, until, works) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, self._owner, now, own.busy, own.level, until, own.processes),
        )
        connection.execute("DELETE FROM pacing WHERE at < ?", (now - KEPT_SECONDS,))

    def _read(self, connection: sqlite3.Connection, name: bytes, now: float) -> Shared:
        rows = connection.execute(
            "SELECT at, busy, level, until, works FROM pacing WHERE name = ? AND owner != ? ORDER BY at",
            (name, self._owner),
        ).fetchall()
        alive = [row for row in rows if abs(now - row[0]) < ALIVE_SECONDS]
        until = max((row[3] for row in rows), default=0.0)
        return Shared(
            busy=sum(row[1] for row in alive),
            level=int(alive[-1][2]) if alive and alive[-1][2] is not None else None,
            forbidden=min(max(0.0, until - now), KEPT_SECONDS),
            processes=sum(row[4] for row in alive),
        )


def _name(connection: sqlite3.Connection, base_url: str, key: Key) -> bytes:
    (pepper,) = connection.execute("SELECT pepper FROM pacing_pepper").fetchone()
    return Key(f"{base_url} {key.digest(pepper).hex()}").digest(pepper)
