"""IPython in a plain terminal: the same magics, plain streaming text."""

import re

import pytest

from nbchat.testing import Hang, Say, Stream, chunk


@pytest.fixture
def shell(terminal, server):
    """A terminal whose IPython talks to the server."""
    terminal.run("%load_ext nbchat")
    terminal.run(f"import os; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='scripted-1')")
    return terminal


def test_the_answer_streams_as_plain_text_with_its_footer(shell, server):
    server.add(Say("Plain *text* it is.", chunks=6, usage=(9, 7)))
    shown = shell.run("%%chat\nHello\n")
    assert "Plain *text* it is." in shown
    assert re.search(r"\[.*scripted-1 · 9 → 7 tokens.*\]", shown)


def test_control_sequences_of_the_model_do_nothing(shell, server):
    """It can't clear the screen, move the cursor, or set the window's title."""
    server.add(Say(["safe\x1b[2", "J\x1b]0;evil\x07 and\x9b31m sound"]))
    shown = shell.run("%chat ask Hello")
    assert "safe and sound" in shown
    assert "\x1b[2J" not in shown
    assert "evil" not in shown


def test_an_interrupt_keeps_the_partial_answer(shell, server):
    server.add(Stream([chunk("Once upon"), Hang()]))
    shell.start("%chat ask Tell me")
    assert server.wait_for_request()
    shell.interrupt()
    shown = shell.rest()
    assert "Interrupted: Stopped." in shown
    assert "x = 2" not in shown
    assert "4" in shell.run("2 + 2")


def test_a_bad_option_is_one_line(shell):
    assert "UsageError: There is no option --hot." in shell.run("%%chat --hot\nHello\n")
