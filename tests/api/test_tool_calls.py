"""Tool calls, from the pieces in which they come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.testing import DONE, chunk, tool_call
from nbchat.values.draft import Draft
from nbchat.values.messages import ToolCall
from nbchat.values.reply import Request
from tests import strategies
from tests.api.decoding import decoded, replied


def calls(*payloads, **options):
    return replied(*payloads, **options).reply().tool_calls


def part(index=None, **fields):
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**({} if index is None else {"index": index}), **fields, "function": function}


@pytest.mark.parametrize(
    "parts",
    [
        [[part(0, id="i", name="f", arguments="")], [part(0, arguments='{"a"')], [part(0, arguments=":1}")]],
        [[part(0, id="i", name="f", arguments='{"a"')], [part(0, id="i", name="f", arguments=":1}")]],
        [[part(0, id="i", name="f", arguments='{"a"')], [part(0, id="", name="", arguments=":1}")]],
        [[part(0, id="i", name="f", arguments='{"a":1}')]],
        [[part(None, id="i", name="f", arguments='{"a":1}')]],
        [[part(None, id="i", name="f", arguments='{"a"')], [part(None, arguments=":1}")]],
        [[part("0", id="i", name="f", arguments='{"a":1}')]],
    ],
)
def test_a_call_comes_in_pieces_of_many_forms(parts):
    """PROTOCOL 3.7"""
    payloads = [chunk(tool_calls=pieces) for pieces in parts]
    assert calls(*payloads, chunk(finish="tool_calls")) == (ToolCall("i", "f", '{"a":1}'),)


def test_calls_are_told_apart_by_choice_and_index_or_id():
    """PROTOCOL 3.7"""
    by_index = [chunk(tool_calls=[part(1, id="b", name="g")]), chunk(tool_calls=[part(0, id="a", name="f")])]
    by_id = [chunk(tool_calls=[part(id="a", name="f")]), chunk(tool_calls=[part(id="b", name="g")])]
    at_once = [chunk(tool_calls=[part(id="a", name="f"), part(id="b", name="g")])]
    for payloads in (by_index, by_id, at_once):
        assert calls(*payloads) == (ToolCall("a", "f"), ToolCall("b", "g"))
    reply = replied(chunk("", 0, tool_calls=[part(0, name="f")]), chunk("", 1, tool_calls=[part(0, name="g")])).reply()
    assert [choice.tool_calls[0].name for choice in reply.choices] == ["f", "g"]


def test_calls_may_have_text_beside_them_and_finish_with_stop():
    """PROTOCOL 3.7"""
    reply = replied(chunk("Let me see.", tool_calls=[tool_call("f", {"a": 1}, id="i")], finish="stop")).reply()
    assert (reply.text, reply.finish_reason) == ("Let me see.", "stop")
    assert reply.tool_calls == (ToolCall("i", "f", '{"a": 1}'),)


@pytest.mark.parametrize(("arguments", "text"), [("", ""), ("{oops", "{oops"), (None, ""), ({"a": 1}, '{"a": 1}')])
def test_arguments_may_be_anything(arguments, text):
    """PROTOCOL 3.7"""
    assert (
        calls(chunk(tool_calls=[part(0, id="i", name="f", arguments=arguments)], finish="tool_calls"))[0].arguments
        == text
    )


def test_the_old_function_call_counts_only_where_there_is_no_tool_call():
    """PROTOCOL 3.7"""
    old = {"name": "f", "arguments": "{}"}
    assert [call.name for call in calls(chunk(function_call=old))] == ["f"]
    both = chunk(function_call=old, tool_calls=[part(0, id="i", name="f", arguments="{}")])
    assert calls(both, both) == (ToolCall("i", "f", "{}{}"),)


@given(strategies.broken_texts.flatmap(lambda text: st.tuples(st.just(text), strategies.cut(text))))
def test_arguments_hold_no_half_characters_either(pair):
    """PROTOCOL 3.10"""
    whole, pieces = pair
    payloads = [chunk(tool_calls=[part(0, id="i", name="f", arguments=piece)]) for piece in pieces]
    data = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in payloads) + DONE.encode()
    draft = Draft(Request("u", {"messages": []}))
    draft.add(decoded([data]))
    [call] = draft.reply().tool_calls
    assert call.arguments == whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
