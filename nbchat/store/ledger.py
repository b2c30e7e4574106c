"""The ledger: one row for each call of any session or kernel."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from nbchat.api.endpoints import Endpoint
from nbchat.api.keys import Key
from nbchat.api.prices import CostSource, priced
from nbchat.store.database import Database, Unusable
from nbchat.store.encoding import decoded, encoded, plain
from nbchat.store.sessions import OpenSession
from nbchat.store.writer import Writer
from nbchat.values.errors import SessionError
from nbchat.values.reply import Reply, Status, Timing
from nbchat.values.usage import UNKNOWN, Usage

__all__ = ["Entry", "Ledger", "Spent"]


@dataclass(frozen=True, slots=True)
class Entry:
    """The figures of one call.

    `endpoint` is the server's display name, `model` the model that answered (None = unknown); `cost` is in US dollars,
    None = unknown; `at` is when the row was made, in seconds since the epoch. `finish` is the finish reason, None = never
    sent; `tries` counts the first attempt too. `session` is the session's name, `notebook` a path, `cell` the front end's
    cell id; None = none, or deleted. A `replayed` answer came from the cache, under the hash `request` (None = the cache
    was not used).
    """

    endpoint: str
    model: str | None
    status: Status
    usage: Usage
    cost: float | None
    timing: Timing
    at: float = field(default_factory=time.time)
    cost_source: CostSource = "none"
    finish: str | None = None
    tries: int = 1
    request_id: str | None = None
    replayed: bool = False
    session: str | None = None
    notebook: str | None = None
    cell: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    request: str | None = None
    id: str = field(default_factory=lambda: os.urandom(8).hex(), compare=False)

    @classmethod
    def of(cls, reply: Reply, endpoint: Endpoint, **more: Any) -> Self:
        """Return the row of a reply that `endpoint` just gave; `more` are further fields."""
        return cls(
            endpoint.title,
            reply.model,
            reply.status,
            reply.usage,
            reply.cost,
            reply.timing,
            cost_source="none" if reply.cost is None else priced(endpoint, reply.model, reply.usage)[1],
            finish=reply.finish_reason,
            tries=reply.tries,
            request_id=reply.request_id,
            replayed=reply.replayed,
            **more,
        )

    @classmethod
    def empty(cls) -> Self:
        """Return a row in which every figure is unknown."""
        return cls("", None, "complete", UNKNOWN, None, Timing())

    def row(self) -> dict[str, Any]:
        """Return the table row: a plain value for each column name; None = unknown."""
        usage, timing = self.usage, self.timing
        return {
            "time": self.at,
            "session": self.session,
            "notebook": self.notebook,
            "cell": self.cell,
            "endpoint": self.endpoint,
            "model": self.model,
            "params": dict(self.params),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "usage": usage.state,
            "cost": self.cost,
            "cost_source": self.cost_source,
            "first_token": timing.first_token,
            "seconds": timing.total,
            "tokens_per_second": timing.tokens_per_second(usage.completion_tokens),
            "status": self.status,
            "finish": self.finish,
            "tries": self.tries,
            "replayed": self.replayed,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """The total of calls: US dollars and tokens as far as known, and the numbers of calls for which they are not."""

    calls: int = 0
    cost: float = 0.0
    tokens: int = 0
    cost_unknown: int = 0
    tokens_unknown: int = 0

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Return the total of these calls."""
        paid = [entry for entry in entries if not entry.replayed]
        costs = [entry.cost for entry in paid if entry.cost is not None]
        tokens = [entry.usage.total_tokens for entry in paid if entry.usage.total_tokens is not None]
        return cls(len(paid), sum(costs), sum(tokens), len(paid) - len(costs), len(paid) - len(tokens))


_PLAIN = ("endpoint", "model", "status", "cost_source", "finish", "tries", "request_id")
"""Fields of an entry that are stored unchanged."""


class Ledger:
    """The ledger in the journal's file."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def add(
        self,
        entry: Entry,
        *,
        session: OpenSession | None = None,
        keys: Sequence[Key] = (),
    ) -> None:
        """Add a call of a session (None = none); `keys` are masked."""
        row = {name: getattr(entry, name) for name in _PLAIN}
        row |= {"usage": entry.usage.to_dict(), "timing": entry.timing.to_dict()}
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
                "INSERT OR IGNORE INTO calls"
                " (id, at, notebook, cell, request, cost, tokens, replayed, about, row, session)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, session and session.id),
            )

        self._writer.put(write)

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
            "SELECT count(*), coalesce(sum(cost), 0.0), coalesce(sum(tokens), 0), count(*) - count(cost),"  # noqa: S608
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
    figures = decoded(row)
    known = decoded(about) if about else {}
    return Entry(
        usage=Usage.from_dict(figures["usage"]),
        timing=Timing.from_dict(figures["timing"]),
        cost=cost,
        at=at,
        id=call,
        replayed=bool(replayed),
        session=known.get("session"),
        notebook=notebook,
        cell=cell,
        request=request,
        params=known.get("params", {}),
        **{name: figures[name] for name in _PLAIN},
    )
