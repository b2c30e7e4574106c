"""An interrupt ends what is asked as one, at whatever moment it strikes, and nothing that was paid for is lost."""

import re
import subprocess
import sys
import threading

import pytest

from nbchat.session import exchange as exchange_module
from nbchat.session import session as session_module
from nbchat.session.session import Session
from nbchat.testing import DONE, Hang, Stream, Until, chunk
from nbchat.values.errors import Interrupted, NbchatError, ParameterError
from tests.environment import ROOT


@pytest.fixture
def chat(server):
    return Session(base_url=server.base_url, model="scripted-1")


def test_an_interrupt_before_any_line_of_asking_ends_it_as_one_and_keeps_what_came():
    """It is never another failure, and never lost; the history and the ledger have what had come, once.

    In a process of its own: what a trace function raises at the end of an `except` leaves a thread's state as if that were
    still being handled (Python 3.11).
    """
    told = subprocess.run([sys.executable, "-m", "tests.session.strikes"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert re.fullmatch(r"struck \d{2,} times before and \d{2,} times after something had come\n", told.stdout)


def test_an_interrupt_before_anything_is_sent_is_told_as_one(server, chat, monkeypatch):
    def strike(_waits):
        raise KeyboardInterrupt

    monkeypatch.setattr(session_module, "drive", strike)
    with pytest.raises(Interrupted, match="Nothing had come yet"):
        chat.ask("Hi")
    assert server.requests == []
    assert chat.turns == ()


def test_an_interrupt_behind_the_last_step_keeps_the_whole_answer(server, chat, monkeypatch):
    drive = session_module.drive

    def strike(waits):
        drive(waits)
        raise KeyboardInterrupt

    monkeypatch.setattr(session_module, "drive", strike)
    with pytest.raises(Interrupted, match="The answer had come whole, and is kept") as caught:
        chat.ask("Hi")
    assert chat.turns[0].reply == caught.value.reply
    assert caught.value.reply.status == "complete"


def test_what_was_asked_in_a_with_is_kept_though_an_interrupt_strikes_meanwhile(server, chat, monkeypatch):
    """The first time that the turn is asked for, while it is entered."""
    turn, struck = exchange_module.Exchange.turn, []

    def strike(exchange):
        if not struck:
            struck.append(exchange)
            raise KeyboardInterrupt
        return turn.fget(exchange)

    monkeypatch.setattr(exchange_module.Exchange, "turn", property(strike))
    with pytest.raises(KeyboardInterrupt), chat.stream("Hi") as events:
        list(events)
    assert len(chat.turns) == len(chat.ledger()) == 1


def test_stop_ends_everything_that_is_asked_and_nothing_later(server, chat):
    """From another thread; what was over before is not held on to."""
    chat.ask("Done before")
    server.add(Stream([chunk("Half"), Hang()]))
    raised = []

    def ask():
        try:
            chat.ask("Long")
        except Interrupted as stopped:
            raised.append(stopped)

    thread = threading.Thread(target=ask)
    thread.start()
    server.wait_for_request()
    server.wait_for_request()
    chat.stop()
    thread.join(10)
    assert len(raised) == 1
    assert server.requests[-1].closed.wait(5)
    assert chat.ask("Later").status == "complete"


def test_the_turn_that_is_asked_anew_is_no_option_of_a_user_s(server, chat):
    chat.ask("Hi")
    for name in ("replaces", "resumes"):
        with pytest.raises(ParameterError, match=f"There is no option {name}"):
            chat.ask("Again", **{name: chat.turns[0]})
    chat.retry()
    assert len(chat.turns) == 1
    with pytest.raises(NbchatError):
        chat.retry(replaces=chat.turns[0])


def test_a_request_is_of_one_piece_while_another_thread_moves_the_session(server, chat, monkeypatch):
    """System text and server are those of one moment, though both are changed while it is settled."""
    end = threading.Event()
    server.default = Stream([Until(end), chunk("x", finish="stop"), DONE])
    message_of = session_module.user_message

    def move(message):
        thread = threading.Thread(target=lambda: (chat.connect("https://elsewhere.example.com/v1"), set_system()))
        thread.start()
        thread.join(10)
        return message_of(message)

    def set_system():
        chat.system = "Later."

    chat.system = "Now."
    monkeypatch.setattr(session_module, "user_message", move)
    end.set()
    chat.ask("Hi")
    assert server.requests[0].json["messages"][0]["content"] == "Now."
    assert (chat.base_url, chat.system) == ("https://elsewhere.example.com/v1", "Later.")
