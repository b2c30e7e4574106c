"""The journal returns what was written, to the character, and nothing that was forgotten."""

import os
import sqlite3
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.keys import Key
from nbchat.store import migrations, search_index
from nbchat.store.database import Database
from nbchat.store.journal import Journal
from nbchat.store.records import OpenSession, new_id
from nbchat.values.answer.events import Finished, Started, TextDelta
from tests import strategies
from tests.environment import PATIENCE
from tests.store.turns import answer, arrange, place, text_of, turn, write_turn
from tests.store.turns import opened as session_of


def test_a_turn_comes_back_from_another_journal_of_the_same_file(journal, opened, path):
    write_turn(journal, "s", 0, "What is 2+2?", "4", cell="c1", request=lambda: "r")
    assert journal.flush(PATIENCE)
    again = opened(path)
    (row,) = again.sessions()
    assert (row.id, row.turns) == ("s", 1)
    (place,) = again.places("s")
    stored = again.answers("s")[place.versions[0]]
    assert stored.turn == turn("What is 2+2?", "4")
    assert (stored.cell, stored.status, stored.events) == ("c1", "complete", ())


def test_text_that_arrives_while_the_journal_still_writes_is_kept_when_it_closes(journal, opened, path):
    recording = journal.begin(session_of(journal, "s"), streaming := answer("x"))
    assert journal.flush(PATIENCE)
    writing, going_on = threading.Event(), threading.Event()
    journal._writer.put(lambda _connection: (writing.set(), going_on.wait(PATIENCE)))
    assert writing.wait(PATIENCE)
    recording.add([TextDelta("the last words")])
    closing = threading.Thread(target=journal.close, args=(PATIENCE,))
    closing.start()
    while not journal._writer._closing:
        pass
    going_on.set()
    closing.join()
    assert [event.text for event in opened(path).answers("s")[streaming.id].events] == ["the last words"]


@strategies.scaled(0.25)
@given(texts=st.lists(strategies.texts | strategies.broken_texts | st.text(), min_size=1, max_size=4))
def test_any_text_comes_back_to_the_character(tmp_path_factory, texts):
    journal = Journal(tmp_path_factory.mktemp("journal") / "j.sqlite")
    try:
        ids = [write_turn(journal, "s", number, text, text[::-1], cell=text) for number, text in enumerate(texts)]
        recording = journal.begin(session_of(journal, "s"), streaming := answer("x"))
        for text in texts:
            recording.add([TextDelta(text), TextDelta(text, 1)])
        journal.close(PATIENCE)
        stored = journal.answers("s")
        assert [stored[one].turn for one in ids] == [turn(text, text[::-1]) for text in texts]
        came = stored[streaming.id].events
        for index in (0, 1):
            assert "".join(e.text for e in came if e.index == index) == "".join(texts)
    finally:
        journal.close(PATIENCE)


def test_versions_keep_their_order_and_the_chosen_one(journal):
    middle = place(*(new_id() for _ in range(3)), chosen=1, marks=("", "pinned edited", "edited"))
    arrange(journal, "s", 0, places := [place("a"), middle, place("b")])
    assert journal.places("s") == places
    arrange(journal, "s", 1, [place("c")])
    assert journal.places("s") == [place("a"), place("c")]


def test_an_answer_that_is_coming_is_on_the_disk_before_it_ends(journal, opened, path):
    recording = journal.begin(session_of(journal, "s"), one := answer("Why?"))
    recording.add([Started("m", "id-1"), TextDelta("Be"), TextDelta("cause")])
    other = opened(path)
    seen = threading.Event()

    def look():
        while not seen.is_set():
            stored = other.answers("s").get(one.id)
            if stored is not None and stored.events:
                seen.set()

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    assert seen.wait(PATIENCE)
    looking.join()
    stored = other.answers("s")[one.id]
    assert stored.events == (Started("m", "id-1"), TextDelta("Because"))
    recording.add([TextDelta("."), Finished("stop")])
    journal.pause(recording)
    journal.finish(session_of(journal, "s"), answer("Why?", "Because.", id=one.id))
    assert journal.flush(PATIENCE)
    stored = other.answers("s").get(one.id)
    assert stored is None  # it is in no place of the session
    assert other.find("because")[0][1].turn == turn("Why?", "Because.")


def test_an_empty_answer_is_not_stored(journal, path):
    recording = journal.begin(session_of(journal, "s"), one := answer("Why?"))
    recording.add([TextDelta("x")])
    journal.pause(recording)
    journal.drop(one.id)
    assert journal.flush(PATIENCE)
    assert journal.answers("s") == {}


def test_the_file_is_its_owners_alone(journal, path):
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        write_turn(journal, "s", 0, "a", "b")
        assert journal.flush(PATIENCE)
    finally:
        os.umask(before)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@strategies.scaled(0.25)
@given(secret=strategies.secrets, around=st.lists(strategies.texts, min_size=4, max_size=4))
def test_no_key_is_stored(tmp_path_factory, secret, around):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder / "j.sqlite")
    keys = [Key(secret)]
    said = secret.join(around)
    one = answer(said, said, keys=keys)
    arguments = f'{{"key": "{secret}"}}'
    one.turn["steps"] = [{"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}], secret: 1}]
    recording = journal.begin(session_of(journal, "s"), answer(said, keys=keys, id=one.id))
    recording.add([TextDelta(said)])
    settings = {"system": said, "params": {"extra": {"x": secret}}}
    session = OpenSession("s", None, settings, keys=keys)
    journal.finish(session, one)
    journal.arrange(session, 0, [place(one.id)], lambda: ([place(one.id)], [one]))
    journal.close(PATIENCE)
    assert [file for file in folder.iterdir() if secret.encode() in file.read_bytes()] == []


WORDS = ["hello", "straße", "北京", "数据分析", "東京タワー", "한국어", "naïve", "x_1"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("indexed", [True, False])
def test_find_finds_words_of_any_script(journal, monkeypatch, word, indexed):
    if not indexed:  # as where SQLite has no FTS5
        monkeypatch.setattr(search_index, "has_index", lambda connection: False)
    for number, other in enumerate(WORDS):
        write_turn(journal, "s", number, f"before{other}x {other} after", "nothing")
    write_turn(journal, "t", 0, "nothing", f"the answer is {word}.")
    found = journal.find(word)
    assert [row.id for row, _ in found] == ["t", "s"]
    assert journal.find(f"{word} answer")[0][0].id == "t"
    assert journal.find("absent") == journal.find("--") == []


def test_an_answer_written_again_is_found_by_its_new_words_alone(journal):
    first = write_turn(journal, "s", 0, "q", "old words")
    journal.finish(session_of(journal, "s"), answer("q", "new words", id=first))
    assert journal.find("old") == []
    assert [stored.id for _, stored in journal.find("new words")] == [first]


@pytest.mark.parametrize("text", ['"', "a OR", "NEAR(", "x*", "col:", "'; DROP TABLE answers", "-", "\0", "\ud83d"])
def test_search_words_are_never_query_syntax(journal, text):
    write_turn(journal, "s", 0, text, "y")
    journal.find(text)


def test_forgetting_a_session_leaves_nothing_of_it_in_any_file(journal, opened, path):
    secrets = [f"Zebra{number:04}Quagga" for number in range(200)]
    for number, secret in enumerate(secrets):
        write_turn(
            journal, "gone", number, f"about {secret}", secret * 40, cell=secret, request=lambda secret=secret: secret
        )
        write_turn(journal, "stays", number, f"kept {number}", "fine")
    recording = journal.begin(session_of(journal, "gone"), answer("partial Zebra9999Quagga"))
    recording.add([TextDelta("Zebra9999Quagga")])
    journal.flush(PATIENCE)
    other = opened(path)  # a second kernel has the file open
    assert len(other.sessions()) == 2
    assert journal.forget("gone") == 201
    for file in path.parent.iterdir():
        content = file.read_bytes().lower()
        assert b"zebra" not in content, file
        assert b"quagga" not in content, file
    assert [row.id for row in other.sessions()] == ["stays"]
    assert len(other.places("stays")) == 200
    assert other.find("kept")
    assert journal.find("Zebra0001Quagga") == []


def test_what_a_fork_shares_is_not_forgotten_with_the_session_it_came_from(journal):
    first = write_turn(journal, "s", 0, "a", "b")
    write_turn(journal, "s", 1, "c", "d")
    arrange(journal, "fork", 0, [place(first)])
    assert journal.forget("s") == 1
    assert [text_of(stored) for stored in journal.answers("fork").values()] == ["b"]
    assert journal.forget(None) == 1
    assert journal.sessions() == []


def test_many_journals_write_one_file_at_once(opened, path):
    journals = [opened(path) for _ in range(4)]
    for number in range(50):
        for index, journal in enumerate(journals):
            write_turn(journal, f"s{index}", number, f"q{number}", f"a{number}")
    for journal in journals:
        assert journal.flush(PATIENCE)
    reader = opened(path)
    assert [(row.id, row.turns) for row in sorted(reader.sessions(), key=lambda row: row.id)] == [
        (f"s{index}", 50) for index in range(4)
    ]


def test_a_session_that_another_process_opens_is_copied_by_the_first_when_it_goes_on(opened, path):
    first, second = opened(path), opened(path)
    write_turn(first, "s", 0, "a", "b")
    write_turn(first, "s", 1, "c", "d")
    first.flush(PATIENCE)
    theirs = session_of(second, "s")
    second.take(theirs, second.places("s"))
    write_turn(second, "s", 2, "theirs", "x")
    assert second.flush(PATIENCE)
    one = answer("mine", "y")
    kept = [*second.places("s")[:2], place(one.id)]
    first.finish(session_of(first, "s"), one)
    first.arrange(session_of(first, "s"), 2, kept[2:], lambda: (kept, []))
    assert first.flush(PATIENCE)
    copy = session_of(first, "s").id
    assert copy != "s"
    assert [text_of(stored) for stored in first.answers("s").values()] == ["b", "d", "x"]
    assert [text_of(stored) for stored in first.answers(copy).values()] == ["b", "d", "y"]


def test_a_session_that_goes_on_while_another_process_opens_it_stays_as_it_is(opened, path):
    first, second = opened(path), opened(path)
    write_turn(first, "s", 0, "a", "b")
    first.flush(PATIENCE)
    read = second.places("s")
    write_turn(first, "s", 1, "c", "d")  # after the other has read it, and before it takes it
    assert first.flush(PATIENCE)
    second.take(theirs := session_of(second, "s"), read)
    one = answer("theirs", "x")
    kept = [*read, place(one.id)]
    second.finish(theirs, one)
    second.arrange(theirs, 1, kept[1:], lambda: (kept, []))
    assert second.flush(PATIENCE)
    assert theirs.id != "s"
    assert [text_of(stored) for stored in first.answers("s").values()] == ["b", "d"]
    assert [text_of(stored) for stored in first.answers(theirs.id).values()] == ["b", "x"]


def test_a_failing_operation_fails_no_other(journal, caplog):
    def wrong(connection):
        raise ZeroDivisionError

    journal._writer.put(wrong)
    write_turn(journal, "s", 0, "a", "b")
    assert journal.flush(PATIENCE)
    assert len(journal.places("s")) == 1


def test_a_file_without_an_index_is_searched_all_the_same(journal, path, monkeypatch):
    monkeypatch.setattr(migrations, "_INDEX", "CREATE VIRTUAL TABLE words USING no_such_module_5 (x)")
    write_turn(journal, "s", 0, "needle", "b")
    assert len(journal.find("needle")) == 1
    journal.close(PATIENCE)
    tables = Database(path)
    names = tables.read(lambda c: [row[0] for row in c.execute("SELECT name FROM sqlite_master")])
    tables.close()
    assert "words" not in names


def test_the_whole_file_is_sound_after_all_of_it(journal, path):
    for number in range(30):
        write_turn(journal, "s", number, "q" * number, "a" * 5000)
    journal.forget("s")
    journal.close(PATIENCE)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
