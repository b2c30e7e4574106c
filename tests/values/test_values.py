"""Values round-trip through their file form and are immutable."""

import contextlib
import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.values.answer.reply import Choice, Reply, Request
from nbchat.values.answer.usage import UNKNOWN, Usage, estimate_tokens
from nbchat.values.errors import Interrupted, ParameterError, RateLimited
from nbchat.values.frozen import FrozenDict
from nbchat.values.messages import Message, TextPart, ToolCall
from nbchat.values.params import PARAMETERS, Params
from tests import strategies


@given(strategies.messages)
def test_a_message_is_the_same_after_a_file(message):
    assert Message.from_dict(json.loads(json.dumps(message.to_dict()))) == message


@given(strategies.json_values)
def test_an_invalid_message_is_a_value_error(body):
    with contextlib.suppress(ValueError):
        assert Message.from_dict(body).role


@given(strategies.json_values, strategies.json_values, strategies.json_values)
def test_a_message_of_odd_parts_is_a_value_error_or_a_message(content, calls, name):
    parts = {"role": "user", "content": content, "tool_calls": calls, "name": name}
    try:
        message = Message.from_dict(parts)
    except ValueError:
        pass
    else:
        assert Message.from_dict(message.to_dict()).to_dict() == message.to_dict()


def test_text_alone_is_written_as_a_string():
    """PROTOCOL 2.4"""
    assert Message("user", (TextPart("a"), TextPart("b"))).to_dict()["content"] == "ab"


def test_a_turn_that_only_calls_tools_has_empty_content_rather_than_null():
    """PROTOCOL 2.4: one server answers 500 to null"""
    assert Message("assistant", "", (ToolCall("1", "f"),)).to_dict()["content"] == ""


@given(strategies.usages)
def test_usage_is_the_same_after_a_file(usage):
    assert Usage.from_dict(json.loads(json.dumps(usage.to_dict()))) == usage


@given(strategies.error_bodies)
def test_usage_of_any_shape_is_read_or_unknown(body):
    """PROTOCOL 3.9"""
    usage = Usage.from_wire(body) if isinstance(body, dict) else UNKNOWN
    assert usage.state == "measured" or usage == UNKNOWN


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, Usage(3, 4, 7, "measured")),
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 9}, Usage(3, 4, 9, "measured")),
        ({"total_tokens": 9}, Usage(None, None, 9, "measured")),
        ({"prompt_tokens": None, "completion_tokens": "4"}, Usage(None, 4, None, "measured")),
        ({"prompt_tokens": "many", "completion_tokens": "-4"}, UNKNOWN),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4, 7, "measured")),
        ({"input_tokens": "3", "output_tokens": "4", "prompt_tokens": 0}, Usage(3, 4, 7, "measured")),
        (
            {
                "input_tokens": 9,
                "output_tokens": 4,
                "input_tokens_details": {"cached_tokens": 2},
                "reasoning_tokens": 1,
            },
            Usage(9, 4, 13, "measured", 2, 1),
        ),
        ({"prompt_tokens": 1, "completion_tokens": 2, "cost": 10**400}, Usage(1, 2, 3, "measured")),
        ({"prompt_tokens": True, "completion_tokens": -1}, UNKNOWN),
        ({"prompt_tokens": float("nan")}, UNKNOWN),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1},
                "cost": 0.25,
            },
            Usage(9, 4, 13, "measured", 2, 1, 0.25),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0, "prompt_tokens_details": None}, Usage(0, 0, 0, "measured")),
    ],
)
def test_usage_as_servers_write_it(wire, expected):
    """PROTOCOL 3.9"""
    assert Usage.from_wire(wire) == expected


@given(st.lists(strategies.usages, max_size=4))
def test_a_total_is_as_sure_as_its_least_sure_part(usages):
    """PROTOCOL 3.9"""
    order = ["measured", "estimated", "unknown"]
    total = Usage.total(usages)
    assert total.state == max((usage.state for usage in usages), key=order.index, default="measured")
    known = [usage.prompt_tokens for usage in usages if usage.prompt_tokens is not None]
    assert total.prompt_tokens == (sum(known) if known or not usages else None)


def test_an_estimate_counts_any_text_as_something():
    assert [estimate_tokens(text) for text in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]


@given(strategies.set_parameters)
def test_an_option_means_what_was_written(pair):
    """A value, written as options, is that value again: so a copied %%chat line sends the same body."""
    name, value = pair
    parameter = PARAMETERS[name]
    normal = parameter.check(value)
    texts = parameter.written(normal)
    parsed = [parameter.parse(text) for text in texts]
    if parameter.kind == "texts":
        assert tuple(item for one in parsed for item in one) == normal
    elif parameter.kind == "biases":
        assert {key: bias for one in parsed for key, bias in one.items()} == normal
    else:
        assert parsed == [normal]


@given(st.dictionaries(st.text(max_size=4), strategies.finite_json, max_size=4))
def test_a_frozen_dict_is_a_dict_that_stays(items):
    frozen = FrozenDict(items)
    assert frozen == items
    assert json.loads(json.dumps(frozen)) == items
    assert pickle.loads(pickle.dumps(frozen)) == copy.copy(frozen) == copy.deepcopy(frozen) == frozen
    assert hash(frozen) == hash(FrozenDict(dict(reversed(items.items()))))
    for change in (lambda: frozen.update(a=1), lambda: frozen.__setitem__("a", 1), frozen.clear, frozen.popitem):
        with pytest.raises(TypeError, match="frozen"):
            change()
    assert frozen == items


def test_equal_frozen_dicts_have_equal_hashes():
    assert FrozenDict({"1": 1}) == FrozenDict({"1": 1.0})
    assert hash(FrozenDict({"1": 1})) == hash(FrozenDict({"1": 1.0}))
    assert hash(Params(logit_bias={"5": 1})) == hash(Params(logit_bias={5: 1.0}))


def test_a_reply_and_an_error_that_carries_one_survive_pickling():
    """They travel between processes, and lose nothing on the way."""
    reply = Reply(model="m", request=Request("u", FrozenDict({"a": 1})))
    error = RateLimited("Slow down.", status=429, retry_after=2.0, reply=reply)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.status, again.retry_after, again.reply) == ("Slow down.", 429, 2.0, reply)
    assert pickle.loads(pickle.dumps(Interrupted("Stopped.", reply=reply))).reply == reply


@pytest.mark.parametrize("value", [{1, 2}, object(), float("nan"), b"x", {"deep": [complex(1)]}, {(1, 2): 3}])
def test_what_json_can_not_hold_is_refused_at_once(value):
    """Or every view of the parameters would fail later, each in its own way."""
    for name, held in (("extra", {"k": value}), ("response_format", {"type": value})):
        with pytest.raises(ParameterError, match=r"^(k must be a JSON value|response_format must be)"):
            Params(**{name: held})


def test_a_reply_shows_itself_in_marimo_and_nothing_of_it_is_live():
    kind, shown = Reply(
        choices=(Choice(text="<script>alert(1)</script>\n**a** & b"), Choice(1, refusal="No."))
    )._mime_()
    assert kind == "text/html"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\n**a** &amp; b" in shown
    assert "No." in shown
    assert "<script" not in shown
