"""Deleting for good: no page of the file, of its index or of its write-ahead log keeps what was deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from nbchat.store import search_index
from nbchat.store.migrations import has_index

__all__ = ["delete_answers", "forget_all", "forget_session", "scrub"]


def delete_answers(connection: sqlite3.Connection, answers: Sequence[str]) -> None:
    """Delete these answers, what had come of them, and what would replay them."""
    for answer in answers:
        search_index.unindex(connection, answer)
        connection.execute("DELETE FROM replays WHERE request = (SELECT request FROM answers WHERE id = ?)", (answer,))
        for statement in ("DELETE FROM pieces WHERE answer = ?", "DELETE FROM answers WHERE id = ?"):
            connection.execute(statement, (answer,))


def forget_session(connection: sqlite3.Connection, session: str) -> int:
    """Delete a session and the answers that no fork of it has; the number of those."""
    # an answer that another session holds too becomes that session's
    connection.execute(
        "UPDATE answers SET session = (SELECT session FROM places WHERE answer = answers.id AND session != ?1 LIMIT 1)"
        " WHERE session = ?1 AND EXISTS (SELECT 1 FROM places WHERE answer = answers.id AND session != ?1)",
        (session,),
    )
    answers = [row[0] for row in connection.execute("SELECT id FROM answers WHERE session = ?", (session,))]
    delete_answers(connection, answers)
    connection.execute("DELETE FROM places WHERE session = ?", (session,))
    connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
    _bare_calls(connection, "WHERE session = ?", (session,))
    return len(answers)


def forget_all(connection: sqlite3.Connection) -> int:
    """Delete every session; the number of answers deleted."""
    (count,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    for table in ("sessions", "answers", "pieces", "places", "replays"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    if has_index(connection):
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    _bare_calls(connection, "", ())
    return int(count)


def _bare_calls(connection: sqlite3.Connection, where: str, values: Sequence[str]) -> None:
    """Leave the figures of calls, and nothing that says what they were about."""
    columns = ("session", "notebook", "cell", "request", "about")
    connection.execute(f"UPDATE calls SET {', '.join(f'{name} = NULL' for name in columns)} {where}", values)  # noqa: S608


def scrub(connection: sqlite3.Connection) -> None:
    """Rewrite the file without what was deleted from it. Takes as long as the file is large."""
    if has_index(connection):
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
