"""Permanent deletion: nothing stays in the file's pages, its search index or its write-ahead log."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from nbchat.store import search_index
from nbchat.store.migrations import has_index

__all__ = ["delete_answers", "forget_all", "forget_session", "scrub"]


def delete_answers(connection: sqlite3.Connection, answers: Sequence[str]) -> None:
    """Delete answers with their stored pieces and replays."""
    for answer in answers:
        search_index.unindex(connection, answer)
        connection.execute("DELETE FROM replays WHERE request = (SELECT request FROM answers WHERE id = ?)", (answer,))
        for statement in ("DELETE FROM pieces WHERE answer = ?", "DELETE FROM answers WHERE id = ?"):
            connection.execute(statement, (answer,))


def forget_session(connection: sqlite3.Connection, session: str) -> int:
    """Delete a session and its answers, except those that a fork shares. Return the number of answers deleted."""
    # an answer that another session shares becomes that session's
    connection.execute(
        "UPDATE answers SET session = (SELECT session FROM places WHERE answer = answers.id AND session != :session LIMIT 1)"
        " WHERE session = :session AND EXISTS (SELECT 1 FROM places WHERE answer = answers.id AND session != :session)",
        {"session": session},
    )
    answers = [row[0] for row in connection.execute("SELECT id FROM answers WHERE session = ?", (session,))]
    delete_answers(connection, answers)
    connection.execute("DELETE FROM places WHERE session = ?", (session,))
    connection.execute("DELETE FROM rows WHERE run IN (SELECT id FROM runs WHERE session = ?)", (session,))
    for table, column in (("runs", "session"), ("sessions", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session,))  # noqa: S608  # names of our own
    _anonymize_calls(connection, "WHERE session = ?", (session,))
    return len(answers)


def forget_all(connection: sqlite3.Connection) -> int:
    """Delete every session. Return the number of answers deleted."""
    (count,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    for table in ("sessions", "answers", "pieces", "places", "replays", "runs", "rows"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  # names of our own
    if has_index(connection):
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    _anonymize_calls(connection, "", ())
    return int(count)


def _anonymize_calls(connection: sqlite3.Connection, where: str, values: Sequence[str]) -> None:
    """Keep the figures of calls, and clear everything that says what they were about."""
    columns = ("session", "notebook", "cell", "request", "about")
    connection.execute(f"UPDATE calls SET {', '.join(f'{name} = NULL' for name in columns)} {where}", values)  # noqa: S608  # names of our own


def scrub(connection: sqlite3.Connection) -> None:
    """Rewrite the file without the deleted data. Takes time in proportion to the file's size."""
    if has_index(connection):
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
