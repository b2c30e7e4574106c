"""One damaged column costs what it held, and nothing else: no other answer, no session, no listing, no search."""

import itertools
import json
import math
import os
import shutil
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.session import Session
from nbchat.store.opening import journal, journal_path
from nbchat.store.records import new_id
from nbchat.testing import Say, ScriptedServer
from tests import strategies

JUNK = st.sampled_from(
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b'{"a": 1}',
        "text",
        0,
        -1,
        1.5,
        1e300,
        -1e300,
        math.inf,
        b"[" * 5000,
    ]
)
LEAVES = st.sampled_from([None, True, -1, 1e400, "x", [], {}, [None], [[]], {"a": {}}, [{"type": "x"}]])

COLUMNS = [
    ("answers", "turn"), ("answers", "status"), ("answers", "at"), ("answers", "cell"), ("answers", "parent"),
    ("answers", "request"), ("sessions", "settings"), ("sessions", "notebook"), ("sessions", "name"), ("sessions", "used"),
    ("sessions", "created"), ("places", "marks"), ("places", "chosen"), ("calls", "row"), ("calls", "about"),
    ("calls", "cost"), ("calls", "tokens"), ("calls", "at"), ("calls", "cell"), ("replays", "tape"),
]  # fmt: skip


@pytest.fixture(scope="module")
def talking():
    numbers = itertools.count()
    with ScriptedServer() as server:
        server.default = lambda _request: Say(f"answer {next(numbers)}", usage=(5, 3))
        yield server


@pytest.fixture(scope="module")
def made(talking, tmp_path_factory):
    """The file of a session of three turns, with versions, a rating, values and replays; and the texts of its answers."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("made") / "nbchat.sqlite"
        patch.setenv("NBCHAT_STORE", str(path))
        chat = Session(name="work", base_url=talking.base_url, model="scripted-1", system="Be brief.")
        chat.cache = True
        chat.ask("first", cell_id="c1", values={"df": "aa"}, temperature=0.5)
        chat.ask("second", cell_id="c2")
        chat.retry()
        chat.ask("third", cell_id="c3")
        chat.rate(chat.turns[1], thumb=True, score=3, note="fine")
        assert journal().flush(20.0)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return shutil.copy(path, path.with_name("whole")), texts(chat)


def lay(whole):
    """Make a copy of it this process's journal, after the previous example's was closed."""
    before = journal_path()
    os.environ["NBCHAT_STORE"] = str(shutil.copy(whole, whole.with_name(f"{new_id()}.sqlite")))
    journal()
    for file in before.parent.glob(f"{before.name}*"):
        file.unlink()


def texts(session):
    return [version.reply.text for turn in session.turns for version in turn.versions]


def damage(table, column, number, value):
    """Overwrite a column's value: in one answer or call, or in all rows of the other tables."""
    connection = sqlite3.connect(journal_path(), isolation_level=None)
    where = f" WHERE number = {number + 1}" if table in ("answers", "calls") else ""
    new = "CAST(? AS TEXT)" if value == b"\xff\xfe" else "?"  # text that is no UTF-8
    connection.execute(f"UPDATE {table} SET {column} = {new}{where}", (value,))
    connection.close()


def replaced(value, path, leaf):
    """Return the JSON with its `path`-th value, counted depth-first, replaced."""
    places = list(inside(value))
    holder, key = places[path % len(places)]
    holder[key] = leaf
    return value


def inside(value):
    for key, inner in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from inside(inner)


def looked_at():
    """Do everything that reads the journal, like another kernel."""
    [row] = journal().sessions()
    again = Session.reopen(row)
    assert len(journal().find("second")) <= 2
    again.ledger(everywhere=True).to_frame()
    again.ledger(everywhere=True).months()
    assert again.spent.calls >= 0
    return again


@strategies.scaled(0.4)
@given(st.sampled_from(COLUMNS), st.integers(0, 3), JUNK)
def test_a_damaged_column_costs_at_most_its_row(talking, made, column, number, junk):
    whole, before = made
    lay(whole)
    damage(*column, number, junk)
    again = looked_at()
    after = texts(again)
    kept = sum(text in after for text in before)
    assert kept >= (3 if column == ("answers", "turn") else 4)
    if kept < 4:
        assert any("could not be read" in notice for notice in again._record.notices)
    if column[0] in ("calls", "replays"):
        assert after == before
    again.connect(talking.base_url)
    again.set(model="scripted-1")
    again.cache = True
    assert again.ask("first", once=True).text
    text = again.ask("fourth").text
    assert journal().flush(20.0)
    assert texts(Session.reopen(journal().sessions()[0])) == [*after, text]


@strategies.scaled(1)
@given(st.integers(0, 3), st.integers(0, 200), LEAVES)
def test_a_damaged_field_costs_the_field(talking, made, number, path, leaf):
    whole, answers = made
    lay(whole)
    connection = sqlite3.connect(journal_path(), isolation_level=None)
    (turn,) = connection.execute("SELECT turn FROM answers WHERE number = ?", (number + 1,)).fetchone()
    connection.close()
    before = json.loads(turn)
    after = replaced(json.loads(turn), path, leaf)
    damage("answers", "turn", number, json.dumps(after).encode())
    again = looked_at()
    found = texts(again)
    lost = [text for text in answers if text not in found]
    if after.get("reply") != before["reply"]:
        assert len(lost) <= 1
    else:
        assert lost == []
    assert len(again.turns) == 3
    again.connect(talking.base_url)
    again.cache = False
    assert again.ask("fourth").text


def test_a_rating_that_can_not_be_read_is_lost_alone_and_said(made):
    whole, answers = made
    lay(whole)
    connection = sqlite3.connect(journal_path(), isolation_level=None)
    for number, turn in connection.execute("SELECT number, turn FROM answers").fetchall():
        if "rating" in (content := json.loads(turn)):
            content["rating"] = {"thumb": "up", "score": "high"}
            connection.execute("UPDATE answers SET turn = ? WHERE number = ?", (json.dumps(content).encode(), number))
    connection.close()
    again = Session.reopen(journal().sessions()[0])
    assert texts(again) == answers
    assert [turn.rating for turn in again.turns] == [None, None, None]
    assert again.turns[0].values == {"df": "aa"}
    assert again.turns[0].params.temperature == 0.5
    assert "1 answer of it could not be read in full" in again._record.notices[-1]
