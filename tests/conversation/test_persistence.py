"""A session that is opened again is the one that was left: turns, versions, marks, settings, and what a kill cut off."""

import contextlib
import gc
import sqlite3
import subprocess
import sys
import textwrap
import tracemalloc
from collections import deque

import pytest

from nbchat.conversation.options import RequestOptions
from nbchat.conversation.session import Session
from nbchat.store import database
from nbchat.store.journal import Journal
from nbchat.store.opening import journal, journal_path
from nbchat.testing import DONE, Hang, Say, Status, Stream
from nbchat.testing.payloads import chunk
from nbchat.values.answer.events import TextDelta
from nbchat.values.errors import NbchatError, SessionError
from nbchat.values.messages import Message, ToolCall
from tests.environment import ROOT
from tests.store.turns import texts, until


@pytest.fixture
def chat(server):
    return Session(name="work", base_url=server.base_url, model="scripted-1", temperature=0.5, system="Be brief.")


def left():
    """The one session in the journal, opened as another kernel opens it."""
    assert journal().flush(10.0)
    (row,) = journal().sessions()
    return Session.reopen(row)


def shown(session):
    """Return everything that a session knows of its turns, except what no file keeps."""
    return [
        [(v.message, v.reply.text, v.reply.usage, v.params, v.steps, v.before_edit, v.values) for v in turn.versions]
        + [turn.cell_id, turn.pinned, turn.dropped, turn.reply.text]
        for turn in session.turns
    ]


def test_turns_and_settings_come_back(server, chat):
    server.add(Say("one"), Say("two"))
    chat.ask("first", cell_id="c1")
    chat.ask("second", cell_id="c2", top_p=0.25, values={"df": "f1"})
    again = left()
    assert again.turns[1].values == {"df": "f1"}
    assert shown(again) == shown(chat)
    assert again.messages == chat.messages
    assert (again.name, again.system, again.params) == ("work", "Be brief.", chat.params)


@pytest.mark.parametrize(("notebook", "where"), [("a.ipynb", " of this notebook"), ("b.ipynb", ""), ("", "")])
def test_a_session_that_goes_on_says_where_it_is_from(server, chat, monkeypatch, notebook, where):
    monkeypatch.setenv("NBCHAT_NOTEBOOK", "a.ipynb")
    chat.ask("first")
    monkeypatch.setenv("NBCHAT_NOTEBOOK", notebook)
    again = left()
    again.connect(server.base_url)
    [notice] = again.ask("second").notices
    assert notice == f"continues session work{where}: 1 turn, last used a moment ago; %chat clear starts afresh"


def test_every_version_comes_back_and_the_one_that_was_chosen(server, chat):
    server.add(*map(Say, ["one", "two", "three", "other", "last"]))
    chat.ask("first", cell_id="c1")
    chat.ask("second", cell_id="c2")
    chat.ask("changed", cell_id="c1")
    chat.retry(turn=chat.turns[0])
    chat.choose(chat.turns[0], 1)
    again = left()
    assert shown(again) == shown(chat)
    assert [version.reply.text for version in again.turns[0].versions] == ["one", "three", "other"]
    assert again.turns[0].reply.text == "three"
    assert again.turns[1].before_edit


def test_what_is_done_after_it_was_opened_again_is_kept_too(server, chat):
    server.add(*map(Say, ["one", "two", "three"]))
    chat.ask("first")
    chat.ask("second")
    again = left()
    again.connect(server.base_url)
    again.undo()
    again.ask("third")
    assert [turn.message.text for turn in left().turns] == ["first", "third"]
    assert len(journal().sessions()) == 1


def test_a_fork_shares_its_parents_answers_and_is_independent(server, chat):
    server.add(*map(Say, ["one", "two", "three"]))
    chat.ask("first")
    branch = chat.fork("branch")
    branch.ask("second")
    chat.ask("other")
    journal().flush(10.0)
    rows = {row.name: row for row in journal().sessions()}
    assert [turn.message.text for turn in Session.reopen(rows["branch"]).turns] == ["first", "second"]
    assert [turn.message.text for turn in Session.reopen(rows["work"]).turns] == ["first", "other"]
    branch.clear()
    journal().flush(10.0)
    assert [turn.message.text for turn in Session.reopen(rows["work"]).turns] == ["first", "other"]


def test_an_answer_that_is_continued_stays_one(server, chat):
    server.add(Say("one ", finish="length"), Say("two"))
    chat.ask("first")
    chat.resume()
    again = left()
    assert [turn.reply.text for turn in again.turns] == ["one two"]
    assert len(again.turns[0].versions) == 1


def test_an_answer_outside_the_history_can_be_found(server, chat):
    server.add(Say("the needle"))
    chat.ask("hay", once=True)
    assert [stored.turn["message"]["content"] for _, stored in journal().find("needle")] == ["hay"]
    assert chat.turns == ()


def test_a_request_that_nothing_answers_leaves_nothing(server, chat):
    server.add(Status(401, {"error": {"message": "no"}}))
    with pytest.raises(NbchatError):
        chat.ask("first")
    assert journal().flush(10.0)
    assert journal().sessions() == []
    assert journal().find("first") == []


def test_a_stopped_answer_keeps_its_text(server, chat):
    server.add(Stream([chunk("half"), Hang()]))
    with chat.stream("first") as events:
        for event in events:
            if isinstance(event, TextDelta):
                break
    again = left()
    assert [(turn.reply.text, turn.reply.status) for turn in again.turns] == [("half", "interrupted")]


def test_a_journal_that_is_off_costs_nothing(server, chat, monkeypatch):
    monkeypatch.setenv("NBCHAT_STORE", "off")
    server.add(Say("one"))
    assert chat.ask("first").notices == ()
    assert journal() is None


def test_a_journal_that_can_not_be_written_is_said_once_and_no_answer_is_lost(server, chat, monkeypatch, tmp_path):
    (tmp_path / "in-the-way").write_text("")
    monkeypatch.setenv("NBCHAT_STORE", str(tmp_path / "in-the-way" / "nbchat.sqlite"))
    server.add(Say("one"), Say("two"))
    first, second = chat.ask("first"), chat.ask("second")
    assert "only in memory" in first.notices[-1]
    assert second.notices == ()
    assert [turn.reply.text for turn in chat.turns] == ["one", "two"]


def test_a_session_that_can_not_be_read_says_that_it_starts_without_its_turns(server, chat, monkeypatch):
    server.add(Say("one"), Say("two"))
    chat.ask("first")
    assert journal().flush(10.0)
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.0)
    with contextlib.closing(sqlite3.connect(journal_path(), isolation_level=None)) as holder:
        journal().close(10.0)
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        again = Session.named("work")
    again.connect(server.base_url)
    again.set(model="scripted-1")
    said = " ".join(again.ask("second").notices)
    assert "earlier turns of session work, if there are any, are not known: The journal can't be read" in said


ASK_UNTIL_KILLED = """
    import sys
    from nbchat import Session
    chat = Session(name="work", base_url=sys.argv[1], model="scripted-1")
    chat.ask("first", cell_id="c0")
    with chat.stream("long", cell_id=sys.argv[2] or None) as events:
        for event in events:
            pass
"""


def killed(server, cell_id):
    """A kernel that is killed once all that came of its second answer is in the journal."""
    server.add(Say("whole "), Stream([chunk("partial "), chunk("text"), Hang()]))
    code = textwrap.dedent(ASK_UNTIL_KILLED)
    kernel = subprocess.Popen([sys.executable, "-c", code, server.base_url, cell_id], cwd=ROOT)
    reader = Journal(journal_path())
    try:
        while kernel.poll() is None:
            if reader.exists() and "partial text" in texts(reader):
                break
    finally:
        reader.close(1.0)
        kernel.kill()
        kernel.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal")
def test_a_killed_kernel_keeps_the_partial_answer(server):
    killed(server, "c1")
    again = left()
    assert [(turn.reply.text, turn.reply.status, turn.cell_id) for turn in again.turns] == [
        ("whole ", "complete", "c0"),
        ("partial text", "interrupted", "c1"),
    ]
    assert "the kernel stopped" in again.turns[1].reply.notices[-1]
    assert again.turns[1].reply.usage.state == "estimated"
    server.add(Say(" and more"))
    again.connect(server.base_url)
    again.resume()
    assert [turn.reply.text for turn in left().turns] == ["whole ", "partial text and more"]


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal")
def test_an_answer_cut_off_by_a_kill_is_offered_once_before_asking_again(server):
    killed(server, "c1")
    again = left()
    again.connect(server.base_url)
    count = len(server.requests)
    with pytest.raises(SessionError, match="sent") as offered:
        again.ask("long", cell_id="c1")
    assert offered.value.reply.text == "partial text"
    assert len(server.requests) == count
    server.add(Say("anew"))
    assert again.ask("long", cell_id="c1").text == "anew"
    assert [version.reply.text for version in again.turns[1].versions] == ["partial text", "anew"]


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal")
def test_after_a_kill_the_partial_answer_is_the_newest_version_of_its_cells_turn(server):
    killed(server, "c0")
    (turn,) = left().turns
    assert [version.reply.text for version in turn.versions] == ["whole ", "partial text"]


def test_a_sessions_size_is_linear_in_its_turns(server, chat):
    def grown(turns):
        before = tracemalloc.get_traced_memory()[0]
        for number in range(turns):
            server.add(Say("answer"))
            chat.ask(f"{number} " * 50)
            server._requests.clear()  # it remembers each, in this process
        chat._record.settled()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    grown(10)
    tracemalloc.start()
    try:
        early, _, late = grown(30), grown(30), grown(30)
    finally:
        tracemalloc.stop()
    assert late < 1.5 * early
    assert len(chat.turns[-1].reply.request.body["messages"]) == 2 + 2 * 99


def test_a_continuation_that_a_kernels_end_cut_off_is_joined_once(server, chat):
    server.add(Say("one ", finish="length"), Say("and more"))
    chat.ask("first")
    exchange = chat._begin("go on", RequestOptions.of({}, resumes=chat.turns[0]))
    came = deque([[TextDelta("two ")]])
    chat._record.persistence.begin(exchange, exchange.ask.request(), came)
    (row,) = journal().sessions()
    until(lambda: any(stored.events for stored in journal().answers(row.id).values()))
    for _ in range(2):  # opened by one kernel after another
        again = Session.reopen(row)
        assert [turn.reply.text for turn in again.turns] == ["one two "]
    again.connect(server.base_url)
    again.ask("second")
    journal().flush(10.0)
    assert [turn.reply.text for turn in Session.reopen(row).turns] == ["one two ", "and more"]
    assert len(Session.reopen(row).turns[0].versions) == 1


def test_an_answer_that_a_kernels_end_cut_off_has_all_that_was_asked(server, chat):
    server.add(Say("one"))
    chat.ask("first")
    exchange = chat._begin("second", RequestOptions.of({"values": {"df": "f1"}, "cell_id": "c2", "top_p": 0.5}))
    exchange.steps = [Message("assistant", "", (ToolCall("c", "f"),)), Message("tool", "r", tool_call_id="c")]
    chat._record.persistence.begin(exchange, exchange.ask.request(), deque([[TextDelta("two")]]))
    (row,) = journal().sessions()
    until(lambda: any(stored.events for stored in journal().answers(row.id).values()))
    turn = Session.reopen(row).turns[1]
    assert (turn.message, list(turn.steps), turn.reply.text) == (exchange.ask.message, exchange.steps, "two")
    assert (turn.params, turn.values, turn.cell_id) == (exchange.ask.params, {"df": "f1"}, "c2")


def test_ratings_come_back_with_the_version_they_are_of(server, chat):
    """Thumb, score and note; a key in a note is masked; a removed rating is gone."""
    server.add(*map(Say, ["one", "two", "three"]))
    chat.ask("first", cell_id="c1")
    chat.rate(chat.turns[0], thumb=True, score=7, note="good, not sk-proj-abcdefghijklmnopqrstuvwxyz123456")
    chat.retry()
    chat.rate(chat.turns[0], thumb=False)
    chat.ask("second")
    chat.rate(chat.turns[1], score=3)
    chat.rate(chat.turns[1])
    again = left()
    first, second = again.turns[0].versions
    assert (first.rating.thumb, first.rating.score) == (True, 7)
    assert "good, not " in first.rating.note
    assert "abcdefghijklmnop" not in first.rating.note
    assert second.rating.thumb is False
    assert again.turns[1].rating is None


def test_the_servers_own_usage_object_is_in_the_journal(server, chat, tmp_path):
    """With the answer, in the ledger, in a replay and in an export."""
    own = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "queue_time": 0.5}
    server.add(Stream([chunk("one", finish="stop"), {"choices": [], "usage": own}, DONE]))
    chat.cache = True
    assert chat.ask("first").raw_usage == own
    assert left().turns[0].reply.raw_usage == own
    assert [entry.raw_usage for entry in chat.ledger(everywhere=True)] == [own]
    chat.clear()
    assert chat.ask("first").raw_usage == own
    assert Session.load(chat.export(tmp_path / "a.json")).turns[0].reply.raw_usage == own
    assert len(server.requests) == 1
