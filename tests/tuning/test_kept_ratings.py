"""Ratings of a sweep's answers are in the journal as soon as they are given."""

import pytest

from nbchat.conversation.session import Session
from nbchat.store.opening import journal
from nbchat.testing import Say
from nbchat.tuning.sweep import sweep


@pytest.fixture
def chat(server):
    return Session(name="work", base_url=server.base_url, model="scripted-1")


def stored():
    """The ratings in the journal, by the answers' top_p."""
    assert journal().flush(10.0)
    found = journal().find("Hello")
    return {answer.turn["params"]["top_p"]: answer.turn.get("rating") for _, answer in found}


def test_a_rating_is_journalled_at_once(server, chat):
    server.default = Say("Hello to you")
    runs = sweep(chat, "Hello", top_p=[0.25, 0.5])
    runs.rate(0, thumb=True, note="not sk-abcdefghijklmnopqrstuvwxyz")
    runs.rate(1, score=3)
    assert stored() == {0.25: {"thumb": True, "note": "not [key]"}, 0.5: {"score": 3}}
    runs.set_rating(1, None)
    assert stored()[0.5] is None


def test_a_rating_after_apply_is_the_turns(chat):
    runs = sweep(chat, "Hello", top_p=[0.25, 0.5])
    runs.apply(1)
    runs.rate(1, score=4)
    assert chat.turns[0].rating.score == 4
    assert stored()[0.5] == {"score": 4}
    runs.rate(0, score=1)
    assert chat.turns[0].rating.score == 4
