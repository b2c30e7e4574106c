"""The rows of runs in the journal's file."""

import sqlite3
from contextlib import closing

import pytest

from nbchat.store.rows import RowAnswer, RunRow
from tests.environment import PATIENCE


def damage(path, statement, *values):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, values)


@pytest.mark.parametrize("junk", [b"\x00\xff", b"", b"[1]", 7, "text"])
def test_a_damaged_row_is_as_if_it_had_never_been_answered(journal, path, junk):
    journal.rows.keep("run", [RowAnswer(request, 0, {"text": request}) for request in ("a", "b")])
    assert journal.flush(PATIENCE)
    damage(path, "UPDATE rows SET answer = ? WHERE request = 'a'", junk)
    assert journal.rows.find(["a", "b"]) == {("b", 0): {"text": "b"}}


@pytest.mark.parametrize("junk", [b"\x00\xff", b"", b"[1]", 7, "text"])
def test_a_damaged_run_is_listed_without_what_is_known_of_it(journal, path, junk):
    journal.rows.note(RunRow("run", 1.0, None, {"template": "t"}), None)
    assert journal.flush(PATIENCE)
    damage(path, "UPDATE runs SET about = ?", junk)
    assert journal.rows.runs() == [RunRow("run", 1.0, None, {})]
