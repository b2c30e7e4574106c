"""A history is a value: what is answered again stays in its place and keeps its old answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nbchat.conversation.history import History
from nbchat.conversation.turn import Turn
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import SessionError
from nbchat.values.messages import Message
from nbchat.values.params import Params


def turn(text, cell_id=None, answer=None, **params):
    reply = Reply((Choice(text=answer or f"{text}!"),))
    return Turn(Message("user", text), reply, Params(**params), cell_id=cell_id)


def said(history):
    return [(each.message.text, each.reply.text) for each in history]


def marked(history):
    return [each.before_edit for each in history]


@pytest.fixture
def three():
    return History().answered(turn("a", "cell a")).answered(turn("b")).answered(turn("c", "cell c"))


def test_a_cell_that_is_asked_again_is_answered_in_its_place(three):
    again = three.answered(turn("a2", "cell a", temperature=1))
    assert said(again) == [("a2", "a2!"), ("b", "b!"), ("c", "c!")]
    assert marked(again) == [False, True, True]
    assert [(each.message.text, each.params) for each in again.turns[0].versions] == [
        ("a", Params()),
        ("a2", Params(temperature=1)),
    ]
    assert again.turns[0].id == three.turns[0].id
    assert said(three) == [("a", "a!"), ("b", "b!"), ("c", "c!")]


def test_a_named_turn_is_replaced_whatever_its_cell(three):
    again = three.answered(turn("b2"), replaces=three.turns[1])
    assert said(again)[1] == ("b2", "b2!")
    assert again.turns[1].cell_id is None
    kept = three.answered(turn("c2", "another cell"), replaces=three.turns[2])
    assert kept.turns[2].cell_id == "cell c"


def test_a_turn_is_found_by_its_id_though_it_has_changed(three):
    """An old copy of a turn can still be answered again, and continued."""
    old = three.turns[1]
    once = three.answered(turn("a2", "cell a"))
    twice = once.answered(turn("b2"), replaces=old).answered(turn("b3"), replaces=old)
    assert said(twice)[1] == ("b3", "b3!")
    assert [each.reply.text for each in twice.turns[1].versions] == ["b!", "b2!", "b3!"]
    assert twice.find(old) is twice.turns[1]


def test_a_replacement_for_a_removed_turn_is_appended(three):
    """It was paid for while somebody undid the turn."""
    shorter, taken = three.undo(2)
    assert said(shorter.answered(turn("b2"), replaces=taken[0])) == [("a", "a!"), ("b2", "b2!")]
    with pytest.raises(SessionError, match="not in this session's history"):
        shorter.find(taken[0])


def test_a_continued_answer_is_one_answer_and_no_version(three):
    more = three.continued(three.turns[1], Reply((Choice(text=" and more"),)))
    assert more.turns[1].reply.text == "b! and more"
    assert len(more.turns[1].versions) == 1
    assert marked(more) == [False, False, True]


def test_what_continues_an_answer_that_was_replaced_meanwhile_is_a_version_of_its_own(three):
    old = three.turns[1]
    again = three.answered(turn("b2"), replaces=old).continued(old, Reply((Choice(text=" and more"),)))
    assert [each.reply.text for each in again.turns[1].versions] == ["b!", "b2!", "b! and more"]
    assert again.turns[1].message.text == "b"


def test_an_older_version_can_be_continued(three):
    again = three.answered(turn("b2", temperature=1), replaces=three.turns[1])
    chosen = again.choose(again.turns[1], 0)
    assert said(chosen)[1] == ("b", "b!")
    assert [each.reply.text for each in chosen.turns[1].versions] == ["b!", "b2!"]
    assert chosen.turns[1].messages == (Message("user", "b"), Message("assistant", "b!"))
    assert chosen.choose(chosen.turns[1], -1).turns[1].params == Params(temperature=1)
    third = chosen.answered(turn("b3"), replaces=chosen.turns[1])
    assert [each.reply.text for each in third.turns[1].versions] == ["b!", "b2!", "b3!"]


def test_choosing_the_current_version_changes_nothing(three):
    assert three.choose(three.turns[0], 0) is three


def test_a_version_that_is_not_there_is_one_sentence(three):
    with pytest.raises(SessionError, match="The turn has 1 version; there is no version 1"):
        three.choose(three.turns[0], 1)


def test_undo_takes_the_last_turns(three):
    rest, taken = three.undo(2)
    assert said(rest) == [("a", "a!")]
    assert taken == three.turns[1:]
    for count in (0, 4):
        with pytest.raises(SessionError, match="3 turns"):
            three.undo(count)


class Histories(RuleBasedStateMachine):
    """After any operations on a history: ids are unique, no answer is lost, and earlier copies are unchanged."""

    def __init__(self):
        super().__init__()
        self.history = History()
        self.answers = []
        self.copies = []
        self.count = 0

    def new(self, cell_id=None):
        self.count += 1
        made = turn(f"q{self.count}", cell_id, f"a{self.count}")
        self.answers.append(made.reply)
        return made

    @rule(cell_id=st.none() | st.sampled_from("xyz"))
    def ask(self, cell_id):
        self.history = self.history.answered(self.new(cell_id))

    @precondition(lambda self: len(self.history))
    @rule(data=st.data())
    def answer_again(self, data):
        old = data.draw(st.sampled_from(self.history.turns))
        before = len(self.history)
        self.history = self.history.answered(self.new(), replaces=old)
        assert len(self.history) == before

    @precondition(lambda self: len(self.history))
    @rule(data=st.data())
    def choose(self, data):
        one = data.draw(st.sampled_from(self.history.turns))
        index = data.draw(st.integers(0, len(one.versions) - 1))
        self.history = self.history.choose(one, index)
        assert self.history.find(one).version.reply is one.versions[index].reply

    @precondition(lambda self: len(self.history))
    @rule(data=st.data())
    def undo(self, data):
        self.history, taken = self.history.undo(data.draw(st.integers(1, len(self.history))))
        gone = {id(version.reply) for each in taken for version in each.versions}
        self.answers = [reply for reply in self.answers if id(reply) not in gone]

    @rule()
    def copy(self):
        self.copies.append((self.history, said(self.history)))

    @invariant()
    def no_answer_is_lost(self):
        kept = [version.reply for each in self.history for version in each.versions]
        assert sorted(map(id, kept)) == sorted(map(id, self.answers))

    @invariant()
    def ids_and_cells_are_unique(self):
        for names in ([each.id for each in self.history], [each.cell_id for each in self.history if each.cell_id]):
            assert len(names) == len(set(names))

    @invariant()
    def copies_stay(self):
        assert all(said(history) == before for history, before in self.copies)


TestHistories = Histories.TestCase


@given(st.integers(0, 3), st.integers(0, 3))
def test_turns_after_a_change_are_marked_and_those_before_are_not(size, place):
    history = History()
    for number in range(size + 1):
        history = history.answered(turn(str(number)))
    place = min(place, size)
    again = history.answered(turn("new"), replaces=history.turns[place])
    assert marked(again) == [False] * (place + 1) + [True] * (size - place)
    assert all(version.before_edit for each in again.turns[place + 1 :] for version in each.versions)
