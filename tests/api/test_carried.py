"""What is read of an answer for the server that sent it: fields that it expects back, and for each call its own."""

import json

import pytest

from nbchat.testing import chunk, tool_call
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.reply import Request
from tests.api.decoding import decoded, stream

OFFERED = {"tools": [{"type": "function", "function": {"name": "f"}}]}
SIGNED = {"google": {"thought_signature": "A"}}
CALL = {**tool_call("f", {"a": 1}, id="i"), "extra_content": SIGNED}


def choice(key, **said):
    return {"choices": [{"index": 0, key: said}]}


def carried(*payloads, sent=OFFERED):
    """The fields to send back with the first choice, and with its calls."""
    draft = Draft(Request("u", {"messages": []}))
    draft.add(decoded([stream(*payloads, chunk(finish="stop"))], sent=sent))
    found = draft.reply().choices[0]
    return dict(found.carried.fields) if found.carried else {}, [dict(call.extra) for call in found.tool_calls]


@pytest.mark.parametrize(
    "payloads",
    [
        [choice("message", content="a", extra_content=SIGNED, tool_calls=[CALL])],
        [choice("delta", content="a", extra_content=SIGNED), choice("delta", tool_calls=[CALL])],
        [choice("delta", content="a", tool_calls=[CALL]), choice("message", content="a", extra_content=SIGNED)],
        [
            choice("delta", content="a", extra_content=SIGNED, tool_calls=[CALL]),
            choice("message", content="a", extra_content=SIGNED, tool_calls=[CALL]),
        ],
    ],
    ids=["message", "deltas", "summary", "both"],
)
def test_what_a_server_attached_is_kept_once(payloads):
    assert carried(*payloads) == ({"extra_content": SIGNED}, [{"extra_content": SIGNED}])


@pytest.mark.parametrize(
    ("payloads", "reasoning"),
    [
        ([choice("delta", reasoning_content="wh"), choice("delta", reasoning_content="y")], "why"),
        ([choice("message", reasoning_content="why")], "why"),
        ([choice("delta", reasoning_content="why"), choice("message", reasoning_content="why")], "why"),
        ([choice("delta", content="so"), choice("message", content="so", reasoning_content="why")], "why"),
        ([choice("delta", reasoning_content="")], ""),
        ([choice("delta", reasoning_content="why\ud83d")], "why\ufffd"),
        ([choice("delta", reasoning_content="why\ud83d"), choice("delta", reasoning_content="\ude42")], "why🙂"),
        ([choice("delta", reasoning_content=None)], None),
        ([choice("delta", reasoning="why")], None),
    ],
    ids=ascii,
)
def test_reasoning_goes_back_with_calls_as_it_came(payloads, reasoning):
    """Even if it is empty; DeepSeek answers 400 without it."""
    written = [json.dumps(payload).encode() for payload in [*payloads, choice("delta", tool_calls=[CALL])]]
    fields, _ = carried(*written)
    assert fields.get("reasoning_content") == reasoning
    assert "reasoning_content" not in carried(*written, sent={})[0]
