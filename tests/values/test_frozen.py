"""Fields that do not count in a comparison, and reprs without secrets."""

from typing import Any

import pytest

from nbchat.api.lookups import _Found
from nbchat.conversation.turn import Turn, Version
from nbchat.store.ledger.entries import Entry
from nbchat.values.answer.events import Finished, ReasoningDelta, TextDelta
from nbchat.values.answer.reply import Reply, Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.frozen import FrozenDict
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import Params

HELLO, REPLY = Message("user", "Hello"), Reply()


@pytest.mark.parametrize(
    ("kind", "same", "incidental", "other"),
    [
        (Message, {"role": "user", "content": "x"}, {"typed": "{x}"}, {"content": "y"}),
        (Reply, {"model": "m"}, {"data": [1]}, {"status": "failed"}),
        (Version, {"message": HELLO, "reply": REPLY, "params": Params()}, {"answer_id": "b"}, {"values": {"df": "1"}}),
        (Turn, {"message": HELLO, "reply": REPLY, "params": Params()}, {"id": "b", "answer_id": "c"}, {"pinned": True}),
        (Finished, {"reason": "stop"}, {"certain": True}, {"index": 1}),
    ],
)
def test_some_fields_do_not_count(kind: Any, same, incidental, other):
    one, alike, different = kind(**same), kind(**{**same, **incidental}), kind(**{**same, **other})
    assert one == alike
    assert hash(one) == hash(alike)
    assert one != different
    assert len({one, alike, different}) == 2


def test_an_entry_is_the_same_whatever_its_id():
    figures = ("server", "m", "complete", Usage(), None, Timing())
    assert Entry(*figures, at=1.0) == Entry(*figures, at=1.0)
    assert Entry(*figures, at=1.0) != Entry(*figures, at=2.0)


def test_kinds_are_never_equal():
    assert TextDelta("x") != ReasoningDelta("x")
    assert ToolCall("1", "f", extra=FrozenDict({"a": [1]})) != HELLO
    assert hash(ToolCall("1", "f", extra=FrozenDict({"a": [1]})))


def test_a_body_that_may_repeat_a_key_is_in_no_repr():
    assert repr(_Found(200, b"sk-secret")) == "_Found(status=200)"
