"""The journal's tables, and the migrations that bring an older file up to date.

`STEPS[i]` migrates version i to version i + 1. A released step is never edited, since files exist that it created.
"""

from __future__ import annotations

import sqlite3

__all__ = ["APPLICATION_ID", "VERSION", "has_index", "migrate"]

APPLICATION_ID = 0x6E626368
"""Marks a SQLite file as nbchat's ("nbch"), so that another program's is never written to."""

_JOURNAL = (
    # `owner` is the process that opened the session last: any other that has it open continues in a copy.
    """CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        notebook TEXT,
        settings BLOB,
        owner TEXT NOT NULL,
        created REAL NOT NULL,
        used REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX sessions_by_notebook ON sessions (notebook, used)",
    # An answer with its question. `parent` is no longer used.
    """CREATE TABLE answers (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        parent TEXT,
        cell TEXT,
        at REAL NOT NULL,
        status TEXT NOT NULL,
        request TEXT,
        turn BLOB NOT NULL,
        indexed INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX answers_by_session ON answers (session)",
    "CREATE INDEX answers_not_indexed ON answers (number) WHERE indexed = 0",
    # The events of an answer that is still streaming, in batches.
    """CREATE TABLE pieces (
        answer TEXT NOT NULL,
        number INTEGER NOT NULL,
        events BLOB NOT NULL,
        PRIMARY KEY (answer, number)
    ) WITHOUT ROWID""",
    # The turns of a session in order; each has one or more versions, one of which is chosen.
    """CREATE TABLE places (
        session TEXT NOT NULL,
        place INTEGER NOT NULL,
        version INTEGER NOT NULL,
        answer TEXT NOT NULL,
        chosen INTEGER NOT NULL,
        marks TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (session, place, version)
    ) WITHOUT ROWID""",
    "CREATE INDEX places_by_answer ON places (answer)",
    # One row for each call: figures, and in `about` what is deleted with the session.
    """CREATE TABLE calls (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        at REAL NOT NULL,
        session TEXT,
        notebook TEXT,
        cell TEXT,
        request TEXT,
        cost REAL,
        tokens INTEGER,
        replayed INTEGER NOT NULL,
        about BLOB,
        row BLOB NOT NULL
    )""",
    "CREATE INDEX calls_by_time ON calls (at)",
    "CREATE INDEX calls_by_session ON calls (session)",
    "CREATE INDEX calls_by_notebook ON calls (notebook) WHERE notebook IS NOT NULL",
    # Answers to replay: the events of the `number`th identical request.
    """CREATE TABLE replays (
        request TEXT NOT NULL,
        number INTEGER NOT NULL,
        at REAL NOT NULL,
        tape BLOB NOT NULL,
        PRIMARY KEY (request, number)
    ) WITHOUT ROWID""",
)

_ROWS = (
    # One prompt over many rows: a run, and the answer to the `number`th asking of each row's request.
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        at REAL NOT NULL,
        session TEXT,
        notebook TEXT,
        about BLOB NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX runs_by_session ON runs (session)",
    """CREATE TABLE rows (
        request TEXT NOT NULL,
        number INTEGER NOT NULL,
        run TEXT NOT NULL,
        at REAL NOT NULL,
        answer BLOB NOT NULL,
        PRIMARY KEY (request, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX rows_by_run ON rows (run)",
)

_PACING = (
    # What processes know of a server that they use with the same key. `until` is the time to which nothing may be sent.
    """CREATE TABLE pacing (
        name BLOB NOT NULL,
        owner BLOB NOT NULL,
        at REAL NOT NULL,
        busy INTEGER NOT NULL,
        level INTEGER,
        until REAL NOT NULL,
        works INTEGER NOT NULL,
        PRIMARY KEY (name, owner)
    ) WITHOUT ROWID""",
    # Hashes of keys are made with it.
    "CREATE TABLE pacing_pepper (pepper BLOB NOT NULL)",
    "INSERT INTO pacing_pepper VALUES (randomblob(32))",
)

STEPS: tuple[tuple[str, ...], ...] = (_JOURNAL, _ROWS, _PACING)

VERSION = len(STEPS)

_INDEX = "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (asked, answered, content='')"


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate a file from `version` to `VERSION`, inside the caller's transaction."""
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    try:
        connection.execute(_INDEX)
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def has_index(connection: sqlite3.Connection) -> bool:
    """Whether the file has a full-text index that this SQLite can use."""
    try:
        connection.execute("SELECT rowid FROM words LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True
