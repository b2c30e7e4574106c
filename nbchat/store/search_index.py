"""Full-text search over questions and answers.

The index is a contentless FTS5 table. Each character of Chinese, Japanese and Korean text is indexed as a word, since
these scripts put no spaces between words. Without FTS5, the texts themselves are searched.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from nbchat.store.encoding import decoded_object
from nbchat.store.migrations import has_index

__all__ = ["index", "search", "texts", "unindex"]

_UNSPACED = "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff])"

LONGEST = 1_000_000
"""Characters of a question or an answer that are indexed."""

COLUMNS = "answers.session, answers.id, answers.turn, answers.status, answers.at, answers.cell"


def texts(turn: Any) -> tuple[str, str]:
    """Return the question and the answer of a turn given as JSON; empty = damaged."""
    try:
        reply = turn.get("reply") or {}
        answered = [choice.get("text") or choice.get("refusal") or "" for choice in reply.get("choices") or ()]
        return _text_of(turn.get("message") or {}), "\n".join(answered)
    except (AttributeError, TypeError):
        return "", ""


def _text_of(message: Any) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content if part.get("type") == "text")


def index(connection: sqlite3.Connection, answer: str) -> None:
    """Add an answer to the index, if there is one. It must not be indexed yet."""
    if not has_index(connection):
        return
    number, turn = connection.execute("SELECT number, turn FROM answers WHERE id = ?", (answer,)).fetchone()
    connection.execute("INSERT INTO words (rowid, asked, answered) VALUES (?, ?, ?)", (number, *_spaced(turn)))
    connection.execute("UPDATE answers SET indexed = 1 WHERE number = ?", (number,))


def unindex(connection: sqlite3.Connection, answer: str) -> None:
    """Remove an answer from the index, if it is indexed."""
    if not has_index(connection):
        return
    row = connection.execute("SELECT number, turn FROM answers WHERE id = ? AND indexed = 1", (answer,)).fetchone()
    if row is not None:
        values = (row[0], *_spaced(row[1]))
        connection.execute("INSERT INTO words (words, rowid, asked, answered) VALUES ('delete', ?, ?, ?)", values)
        connection.execute("UPDATE answers SET indexed = 0 WHERE number = ?", (row[0],))


def search(connection: sqlite3.Connection, text: str, limit: int) -> list[Any]:
    """Return the rows (`COLUMNS`) of the answers that contain all these words, newest first."""
    sought = re.findall(r"\w+", text)
    if not sought:
        return []
    found: list[Any] = []
    unindexed = ""
    if has_index(connection):
        phrases = [_words_apart(word).strip() for word in sought]
        query = " ".join(f'"{phrase}"' for phrase in phrases) + "*"
        found = connection.execute(
            f"SELECT {COLUMNS}, answers.number FROM words JOIN answers ON answers.number = words.rowid"  # noqa: S608  # names of our own
            " WHERE words MATCH ? ORDER BY words.rowid DESC LIMIT ?",
            (query, limit),
        ).fetchall()
        unindexed = "WHERE indexed = 0"
    for row in connection.execute(f"SELECT {COLUMNS}, number FROM answers {unindexed} ORDER BY number DESC"):  # noqa: S608  # names of our own
        content = "\n".join(texts(decoded_object(row[2]))).casefold()
        if all(word.casefold() in content for word in sought):
            found.append(row)
            if len(found) >= 2 * limit:
                break
    return [row[:-1] for row in sorted(found, key=lambda row: -row[-1])[:limit]]


def _spaced(turn: bytes) -> tuple[str, str]:
    """The texts as indexed: deterministic, since removal needs the same texts."""
    asked, answered = (_words_apart(text[:LONGEST]) for text in texts(decoded_object(turn)))
    return _whole(asked), _whole(answered)


def _words_apart(text: str) -> str:
    return text if text.isascii() else re.sub(_UNSPACED, r" \1 ", text)


def _whole(text: str) -> str:
    """Replace lone surrogates, so that the text encodes."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
