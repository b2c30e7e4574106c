"""What is sent for what was set."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api import wire
from nbchat.values.errors import ParameterError
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import Params
from tests import strategies

HELLO = (Message("user", "Hello"),)


def test_what_is_not_set_is_not_sent():
    """PROTOCOL 2.1"""
    assert wire.body(HELLO, Params()) == {
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@given(strategies.set_parameters)
def test_each_parameter_changes_only_its_own_key_of_the_body(pair):
    """PROTOCOL 2.1"""
    name, value = pair
    before, after = wire.body(HELLO, Params()), wire.body(HELLO, Params(**{name: value}))
    if name == "stream":
        assert after["stream"] is value
        assert ("stream_options" in after) is value
        return
    sent = after.pop(name)
    assert after == before
    assert json.loads(json.dumps(sent)) == json.loads(json.dumps(value))
    assert sent is not None


@given(st.lists(strategies.set_parameters, max_size=8))
def test_a_body_is_json_without_nulls(pairs):
    """PROTOCOL 2.1: some servers answer 500 to an explicit null"""
    body = wire.body(HELLO, Params(**dict(pairs)))
    again = json.loads(wire.encoded(body))
    assert again.keys() == body.keys()
    assert None not in again.values()


def test_what_only_the_server_knows_is_sent_as_given():
    extra = {"min_p": 0.1, "provider": {"order": ["a"]}, "nothing": None}
    assert wire.body(HELLO, Params(extra=extra)).items() >= {"min_p": 0.1, "provider": {"order": ["a"]}}.items()
    assert "nothing" not in wire.body(HELLO, Params(extra=extra))


def test_a_usage_count_is_requested_for_streams_only():
    """PROTOCOL 2.3"""
    assert "stream_options" not in wire.body(HELLO, Params(stream=False))
    assert "stream_options" not in wire.body(HELLO, Params(), include_usage=False)


def test_roles_and_content_stay_the_plainest():
    """PROTOCOL 2.4"""
    messages = (Message("system", "Be brief."), Message("assistant", "", (ToolCall("1", "f", "{}"),)))
    sent = wire.body(messages, Params())["messages"]
    assert [message["role"] for message in sent] == ["system", "assistant"]
    assert [message["content"] for message in sent] == ["Be brief.", ""]


def test_tools_are_offered_only_when_there_are_some():
    assert "tools" not in wire.body(HELLO, Params())
    assert wire.body(HELLO, Params(), tools=[{"type": "function"}])["tools"] == [{"type": "function"}]


@given(strategies.broken_texts)
def test_a_lone_surrogate_does_not_stop_a_request(text):
    assert json.loads(wire.encoded({"a": text}).decode()) is not None


@pytest.mark.parametrize("odd", [{1, 2}, float("nan"), b"x", object()], ids=lambda odd: type(odd).__name__)
def test_what_json_can_not_hold_is_one_sentence(odd):
    with pytest.raises(ParameterError, match=r"can't be written as JSON.*Nothing was sent"):
        wire.encoded({"extra": odd})
