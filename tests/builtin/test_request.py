"""A request is checked field by field; every refusal names the field and says what was expected."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.http.request import parse_json, read_request

SIZE = 5000
HELLO = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def read(**fields):
    return read_request({"model": "nbchat-demo", "messages": [HELLO], **fields}, SIZE)


def refusal(**fields):
    with pytest.raises(Refusal) as refused:
        read(**fields)
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("temperature", [0, 2, 0.5, 1], [-0.01, 2.01, "1", True, [], math.inf]),
        ("top_p", [0, 1, 0.5], [-0.1, 1.1, "x", {}]),
        ("presence_penalty", [-2, 2, 0.5], [-2.1, 2.1, "x", False]),
        ("frequency_penalty", [-2, 2, 0.5], [-2.1, 2.1, "x"]),
        ("n", [1, 3, 128, 2.0], [0, -1, 129, 1.5, "2", True]),
        ("max_tokens", [1, 10**9], [0, -1, 0.5, "9"]),
        ("max_completion_tokens", [1, 7], [0, "9"]),
        ("seed", [0, -5, 2**63 - 1], [2**63, 1.5, "x"]),
        ("stream", [True, False], ["true", 1, 0]),
        ("stop", ["a", ["a"], ["a", "b", "c", "d"], []], [["a"] * 5, "", [""], 3, [3], {}]),
        ("user", ["someone", ""], [3, ["x"], {}]),
        ("logprobs", [True, False], [1, "yes", 5]),
        ("logit_bias", [{}, {"7": 100}, {"4999": -100, "0": 0.5}], [{"7": 101}, {"x": 1}, {"5000": 1}, {"7": "1"}, []]),
        ("parallel_tool_calls", [True, False], ["no", 0]),
        ("tools", [[], [TOOL]], [{}, [{}], [{"type": "function"}], [TOOL, TOOL], [{**TOOL, "type": "x"}], ["f"]]),
        ("response_format", [{"type": "text"}, {"type": "json_object"}], [{"type": "x"}, {}, {"type": "json_schema"}]),
        ("stream_options", [{}], [[], "x", {"include_usage": True}]),
    ],
)  # fmt: skip
def test_each_parameter_is_taken_in_its_range_and_refused_outside(field, good, bad):
    read(**{field: None})
    for value in good:
        read(**{field: value})
    for value in bad:
        refused = refusal(**{field: value})
        assert refused.status == 400
        assert refused.param.split(".")[0].split("[")[0] == field


@pytest.mark.parametrize("top", [-1, 21, 1.5, "3", True])
def test_top_logprobs_is_0_to_20(top):
    assert refusal(logprobs=True, top_logprobs=top).param == "top_logprobs"
    assert read(logprobs=True, top_logprobs=20).sampling.top_logprobs == 20


def test_top_logprobs_needs_logprobs():
    assert refusal(top_logprobs=3).param == "top_logprobs"


@pytest.mark.parametrize("choice", ["auto", "none", "required", {"type": "function", "function": {"name": "f"}}])
def test_tool_choice_is_a_word_or_one_of_the_tools(choice):
    read(tools=[TOOL], tool_choice=choice)
    assert refusal(tool_choice=choice).param == "tool_choice"


@pytest.mark.parametrize("choice", ["always", 3, {"type": "function", "function": {"name": "g"}}, {"function": "f"}])
def test_any_other_tool_choice_is_refused(choice):
    assert refusal(tools=[TOOL], tool_choice=choice).param == "tool_choice"


@pytest.mark.parametrize("name", ["", "a b", "é", "x" * 65, None, 3])
def test_a_tools_name_is_plain(name):
    assert "name" in refusal(tools=[{"type": "function", "function": {"name": name}}]).param


CALLING = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hello", "messages"),
        (["hello"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([HELLO, {"role": "robot", "content": "x"}], "messages[1].role"),
        ([{"role": ["user"], "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "assistant", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": [3]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "video"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0]"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([HELLO, RESULT], "messages[1].tool_call_id"),
        ([HELLO, CALLING], "messages"),
        ([HELLO, CALLING, HELLO], "messages"),
        ([HELLO, CALLING, {**RESULT, "tool_call_id": "c2"}], "messages[2].tool_call_id"),
        ([HELLO, {**CALLING, "tool_calls": {}}], "messages[1].tool_calls"),
        ([HELLO, {**CALLING, "tool_calls": [{}]}], "messages[1].tool_calls[0]"),
        ([HELLO, {**CALLING, "tool_calls": ["x"]}], "messages[1].tool_calls[0]"),
    ],
)
def test_messages_that_make_no_conversation_are_refused(messages, param):
    assert refusal(messages=messages).param == param


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_all_roles_may_speak(role):
    assert read(messages=[{"role": role, "content": "x"}, HELLO]).messages[0].text == "x"


@pytest.mark.parametrize("content", ["", None])
def test_a_conversation_with_tools_is_read(content):
    """An assistant that only calls has no content: servers and clients write it either way."""
    messages = read(messages=[HELLO, {**CALLING, "content": content}, RESULT]).messages
    assert messages[1].calls == (("c1", "f", "{}"),)
    assert messages[2].answers == "c1"


def test_text_parts_are_joined_and_an_image_is_refused_in_plain_words():
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert read(messages=[{"role": "user", "content": parts}]).messages[0].text == "one\n\ntwo"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    refused = refusal(messages=[{"role": "user", "content": [*parts, image]}])
    assert "can't see images" in str(refused)
    assert refused.param == "messages[0].content[2]"


def test_unknown_fields_are_ignored_and_nulls_are_unset():
    assert read(frobnicate=3, metadata={}, n=None, stop=None, tools=None) == read()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"temperature": NaN}', b"[" * 100_000, b"null"])
def test_a_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(Refusal) as refused:
        parse_json(body)
    assert refused.value.status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)
FIELDS = """
    messages temperature top_p n stop max_tokens logit_bias tools tool_choice response_format stream seed user
    stream_options logprobs top_logprobs parallel_tool_calls model
"""


@given(st.dictionaries(st.sampled_from(FIELDS.split()), JSON, max_size=4))
def test_nonsense_in_any_field_is_read_or_refused_but_never_breaks(fields):
    body = {"model": "m", "messages": [HELLO], **fields}
    try:
        read_request(body, SIZE)
    except Refusal as refused:
        json.dumps(refused.body()).encode()
