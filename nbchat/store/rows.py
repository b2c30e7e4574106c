"""Rows of runs: the answer to each row's request, and a record of each run."""

from __future__ import annotations

import functools
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from nbchat.api.keys import Key
from nbchat.store.database import Database, Unusable
from nbchat.store.encoding import Encoder, decoded_object, encoded, plain, seconds
from nbchat.store.writer import Operation, Writer
from nbchat.values.errors import SessionError

__all__ = ["RowAnswer", "RunRow", "StoredRows"]


class RowAnswer(Struct, frozen=True):
    """The answer to the `number`th sending of a row's request (0 = the first), as JSON."""

    request: str
    number: int
    answer: Mapping[str, Any]


class RunRow(Struct, frozen=True):
    """A run over rows, in a listing. `about` has its template, settings and figures; `at` is in seconds since the epoch."""

    id: str
    at: float
    notebook: str | None
    about: Mapping[str, Any] = field(default_factory=dict)


class StoredRows:
    """The runs and their answered rows, in the journal's file."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def keep(
        self, run: str, rows: Sequence[RowAnswer], keys: Sequence[Key] = (), also: Operation | None = None
    ) -> Callable[[], bool]:
        """Store answers of a run, replacing older ones to the same requests; `also` is written with them, or not at all.

        Returns a function that tells whether they are written, or can't be written now.
        """

        def write(connection: sqlite3.Connection) -> None:
            now, encoder = time.time(), Encoder(keys)
            connection.executemany(
                "INSERT OR REPLACE INTO rows (request, number, run, at, answer) VALUES (?, ?, ?, ?, ?)",
                [(row.request, row.number, run, now, encoder.encoded(row.answer)) for row in rows],
            )
            if also is not None:
                also(connection)

        return functools.partial(self._writer.is_done, self._writer.put(write))

    def find(self, requests: Iterable[str]) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the stored answers to these requests, by request and number; none if the file or the row can't be read."""
        try:
            found = self._database.look_up(
                lambda connection: connection.execute(
                    "SELECT request, number, answer FROM rows WHERE request IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(requests)),),
                ).fetchall()
            )
        except Unusable:
            return {}
        return {(request, number): kept for request, number, answer in found if (kept := decoded_object(answer))}

    def note(self, run: RunRow, session: str | None, keys: Sequence[Key] = ()) -> None:
        """Enter a run, or what is known of it now."""
        values = (run.id, run.at, session, plain(run.notebook), encoded(dict(run.about), keys))

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO runs (id, at, session, notebook, about) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET about = excluded.about",
                values,
            )

        self._writer.put(write)

    def runs(self, session: str | None = None) -> list[RunRow]:
        """Return the runs of a session (None = all), oldest first. Raises SessionError."""
        self._writer.flush(0.25)
        try:
            rows = self._database.look_up(
                lambda connection: connection.execute(
                    "SELECT id, at, notebook, about FROM runs WHERE :session IS NULL OR session = :session ORDER BY at",
                    {"session": session},
                ).fetchall()
            )
        except Unusable as problem:
            raise SessionError(f"The journal can't be read: {problem}.") from None
        return [RunRow(run, seconds(at), notebook, decoded_object(about)) for run, at, notebook, about in rows]
