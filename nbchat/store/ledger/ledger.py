"""The ledger: one row for each call of any session or kernel, and for each hour of a run over rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from nbchat.api.keys import Key
from nbchat.store.database import Database, Unusable
from nbchat.store.encoding import decoded_object, encoded, plain, seconds
from nbchat.store.ledger.entries import Entry, Spent
from nbchat.store.records import OpenSession
from nbchat.store.writer import Operation, Writer
from nbchat.values.answer.reply import Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import SessionError
from nbchat.values.json_fields import readable

__all__ = ["Ledger"]

_PLAIN = ("endpoint", "model", "status", "cost_source", "finish", "tries", "request_id", "raw_usage")
"""Fields of an entry that are stored unchanged."""

_NOTHING = {name: getattr(Entry.empty(), name) for name in _PLAIN}


class Ledger:
    """The ledger in the journal's file."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def add(self, entry: Entry, *, session: OpenSession | None = None, keys: Sequence[Key] = ()) -> None:
        """Add a call of a session (None = none); `keys` are masked."""
        self._writer.put(_writing("INSERT OR IGNORE", entry, session, keys))

    def growing(self, entry: Entry, *, session: OpenSession | None = None, keys: Sequence[Key] = ()) -> Operation:
        """Return the operation that adds a row, or replaces its earlier state: for one that sums up many requests."""
        return _writing("INSERT OR REPLACE", entry, session, keys)

    def entries(self, since: float = 0.0) -> list[Entry]:
        """Return the calls since a time (seconds since the epoch), oldest first. Raises SessionError."""
        rows = self._read(
            "SELECT id, at, notebook, cell, request, cost, replayed, about, row FROM calls WHERE at >= ? ORDER BY at, number",
            (since,),
        )
        return [_entry(*row) for row in rows]

    def spent(self, since: float = 0.0, session: str | None = None) -> Spent:
        """Return the total of the calls since a time, of one session (None = all), replayed ones excluded. Raises SessionError."""
        where, values = ("at >= ?", since) if session is None else ("session = ?", session)
        (row,) = self._read(
            "SELECT count(*), coalesce(sum(cost), 0.0), coalesce(sum(tokens), 0), count(*) - count(cost),"  # noqa: S608  # names of our own
            f" count(*) - count(tokens) FROM calls WHERE replayed = 0 AND {where}",
            (values,),
        )
        return Spent(*row)

    def _read(self, query: str, values: Sequence[Any]) -> list[Any]:
        self._writer.flush(0.25)
        try:
            return self._database.look_up(lambda connection: connection.execute(query, values).fetchall())
        except Unusable as problem:
            raise SessionError(f"The ledger can't be read: {problem}.") from None


def _writing(statement: str, entry: Entry, session: OpenSession | None, keys: Sequence[Key]) -> Operation:
    row = {name: getattr(entry, name) for name in _PLAIN}
    row |= {"usage": entry.usage.to_dict(), "timing": entry.timing.to_dict()}
    if entry.requests > 1:
        row["requests"] = entry.requests
    values = (
        entry.id,
        entry.at,
        plain(entry.notebook),
        plain(entry.cell),
        entry.request,
        entry.cost,
        entry.usage.total_tokens,
        int(entry.replayed),
        encoded({"session": entry.session, "params": dict(entry.params)}, keys),
        encoded(row, keys),
    )

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(
            f"{statement} INTO calls (id, at, notebook, cell, request, cost, tokens, replayed, about, row, session)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, session and session.id),
        )

    return write


def _entry(
    call: str,
    at: float,
    notebook: str | None,
    cell: str | None,
    request: str | None,
    cost: float | None,
    replayed: int,
    about: bytes | None,
    row: bytes,
) -> Entry:
    figures = {"usage": {}, "timing": {}, **_NOTHING, **decoded_object(row)}
    known = decoded_object(about)
    return Entry(
        usage=Usage.from_dict(readable(Usage.from_dict, figures["usage"], {})),
        timing=Timing.from_dict(readable(Timing.from_dict, figures["timing"], {})),
        cost=cost if isinstance(cost, (int, float)) else None,
        at=seconds(at),
        id=call,
        replayed=bool(replayed),
        session=known.get("session"),
        notebook=notebook,
        cell=cell,
        request=request,
        params=known.get("params", {}),
        requests=int(figures.get("requests", 1)),
        **{name: figures[name] for name in _PLAIN},
    )
