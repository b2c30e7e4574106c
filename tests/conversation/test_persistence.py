"""A session that is opened again is the one that was left: turns, versions, marks, settings, and what a kill cut off."""

import subprocess
import sys
import textwrap
import threading

import pytest

from nbchat.conversation.session import Session
from nbchat.store.opening import journal
from nbchat.testing import Say
from nbchat.values.errors import Interrupted, NbchatError
from tests.environment import ROOT


@pytest.fixture
def chat(server):
    return Session(name="work", base_url=server.url, model="m", temperature=0.5, system="Be brief.")


def left():
    """The one session in the journal, opened as another kernel opens it."""
    assert journal().flush(10.0)
    (row,) = journal().sessions()
    return Session.reopen(row)


def shown(session):
    """All that a session holds of its turns, but for what no file keeps."""
    return [
        [(v.message, v.reply.text, v.reply.usage, v.params, v.steps, v.before_edit) for v in turn.versions]
        + [turn.cell_id, turn.pinned, turn.dropped, turn.reply.text]
        for turn in session.turns
    ]


def test_turns_and_settings_come_back(server, chat):
    server.script(Say("one"), Say("two"))
    chat.ask("first", cell_id="c1")
    chat.ask("second", cell_id="c2", top_p=0.25)
    again = left()
    assert shown(again) == shown(chat)
    assert again.messages == chat.messages
    assert (again.name, again.system, again.params) == ("work", "Be brief.", chat.params)


def test_every_version_comes_back_and_the_one_that_was_chosen(server, chat):
    server.script(*map(Say, ["one", "two", "three", "other", "last"]))
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
    server.script(*map(Say, ["one", "two", "three"]))
    chat.ask("first")
    chat.ask("second")
    again = left()
    again.connect(server.url)
    again.undo()
    again.ask("third")
    assert [turn.message.text for turn in left().turns] == ["first", "third"]
    assert len(journal().sessions()) == 1


def test_a_fork_shares_what_it_began_with_and_goes_its_own_way(server, chat):
    server.script(*map(Say, ["one", "two", "three"]))
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
    server.script(Say("one ", finish="length"), Say("two"))
    chat.ask("first")
    chat.resume()
    again = left()
    assert [turn.reply.text for turn in again.turns] == ["one two"]
    assert len(again.turns[0].versions) == 1


def test_what_joins_no_history_can_be_found_all_the_same(server, chat):
    server.script(Say("the needle"))
    chat.ask("hay", once=True)
    assert [stored.turn["message"]["content"] for _, stored in journal().find("needle")] == ["hay"]
    assert chat.turns == ()


def test_a_request_that_nothing_answers_leaves_nothing(chat, server):
    server.script(*[Say("", status=400)] if False else [])
    server.stop() if hasattr(server, "stop") else None
    with pytest.raises(NbchatError):
        chat.ask("first")
    journal().flush(10.0)
    assert journal().sessions() == []
    assert journal().find("first") == []


KILLED = """
    import os, signal, sys, threading
    from nbchat import Session
    from nbchat.store.opening import journal
    from nbchat.values.events import TextDelta
    chat = Session(name="work", base_url=sys.argv[1], model="m")
    options = eval(sys.argv[2])
    for number in range(options.pop("before", 1)):
        chat.ask(f"q{number}", cell_id=f"c{number}")
    came = 0
    asking = chat.stream("long", **options)
    with asking as events:
        for event in events:
            if isinstance(event, TextDelta):
                came += len(event.text)
                if came >= 12:
                    while len(journal().answers(journal().sessions()[0].id if journal().sessions() else "")) < 0:
                        pass
                    import time
                    time.sleep(1.2)
                    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(server, options):
    code = textwrap.dedent(KILLED)
    done = subprocess.run([sys.executable, "-c", code, server.url, repr(options)], cwd=ROOT, check=False)
    assert done.returncode == -9


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal")
class TestKilled:
    """What a killed kernel leaves."""

    def test_a_new_turn_is_kept_as_far_as_it_came(self, server):
        server.script(Say("whole"), Say(["partial ", "text"], hang=True))
        killed(server, {"cell_id": "new"})
        again = left()
        assert [(turn.reply.text, turn.reply.status) for turn in again.turns] == [
            ("whole", "complete"),
            ("partial text", "interrupted"),
        ]
        assert "the kernel ended" in again.turns[1].reply.notices[-1]
        server.script(Say(" and more"))
        again.connect(server.url)
        again.resume()
        assert left().turns[1].reply.text == "partial text and more"

    def test_a_turn_that_was_answered_again_has_the_part_as_its_newest_version(self, server):
        server.script(Say("whole"), Say(["partial ", "text"], hang=True))
        killed(server, {"cell_id": "c0"})
        (turn,) = left().turns
        assert [version.reply.text for version in turn.versions] == ["whole", "partial text"]
