"""What a server attached to its answers goes back to it unchanged, and to nobody else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.session import Session
from nbchat.testing import Cut, Plain, Say, ScriptedServer, Stream, chunk, completion, tool_call
from nbchat.values.answer.carried import attached, attached_to_call, with_more
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.reply import Request
from nbchat.values.errors import CutOff
from nbchat.values.messages import Message, ToolCall
from tests.api.decoding import decoded, stream
from tests.strategies import cut, json_values

SIGNED = {"google": {"thought_signature": "AY89/+=é"}}
DETAILS = [
    {"type": "reasoning.text", "text": "Let me see.", "signature": "sig=", "id": "r1", "format": "x", "index": 0},
    {"type": "reasoning.encrypted", "data": "abc/+=", "id": "r2", "format": "x", "index": 1},
]


def double(n: int) -> int:
    """Twice a number."""
    return 2 * n


@pytest.fixture
def chat(chat):
    chat.tool(double, safe=True)
    return chat


def answers(request):
    """The messages of the model's that a request carries."""
    return [message for message in request.json["messages"] if message["role"] == "assistant"]


def calling(how, message):
    """An answer that is one message with a call, in one of the ways in which servers send it."""
    call = {**tool_call("double", {"n": 21}, id="c1"), "extra_content": SIGNED}
    said = {"role": "assistant", "content": "", "tool_calls": [call], **message}
    if how == "whole":
        body = completion("", "tool_calls")
        body["choices"][0]["message"] = said
        return Plain(body)
    first, rest = {**said}, {}
    for name in message:
        if isinstance(message[name], list):  # a piece of the first item's text, then the rest of it, then the others
            begun = {key: value for key, value in message[name][0].items() if key != "signature"}
            first[name] = [{**begun, "text": begun["text"][:4]}]
            rest[name] = [{**message[name][0], "text": begun["text"][4:]}, *message[name][1:]]
    pieces = [chunk(), chunk(finish="tool_calls")]
    pieces[0]["choices"][0]["delta"], pieces[1]["choices"][0]["delta"] = first, rest
    return Stream([json_event(piece) for piece in pieces] + [b"data: [DONE]\n\n"])


def json_event(payload):
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize(
    "message",
    [
        {},
        {"reasoning_content": "Let me think."},
        {"reasoning_content": ""},
        {"reasoning_details": DETAILS, "reasoning": "Let me see."},
        {"extra_content": SIGNED},
        {"reasoning_content": "So.", "thinking_blocks": [{"type": "thinking", "text": "So and so", "signature": "s"}]},
    ],
)
def test_carried_fields_go_back_unchanged_within_the_tool_loop_and_later(server, chat, how, message, tmp_path):
    server.add(calling(how, message), Say("42."), Say("Next."), Say("Loaded."))
    assert chat.ask("Double 21", stream=how == "streamed").text == "42."
    expected = {name: value for name, value in message.items() if name != "reasoning"}
    [back] = answers(server.requests[1])
    assert back["tool_calls"][0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "double", "arguments": '{"n": 21}'},
        "extra_content": SIGNED,
    }
    assert {name: back.get(name) for name in expected} == expected
    assert set(back) == {"role", "content", "tool_calls", *expected}
    chat.ask("And now?")
    assert answers(server.requests[2])[0] == back
    chat.export(tmp_path / "chat.json")
    loaded = Session.load(tmp_path / "chat.json").connect(server.base_url)
    loaded.ask("Once more")
    assert answers(server.requests[3])[0] == back
    assert chat.messages[1] == back


def test_nothing_goes_to_another_server(server, chat, tmp_path):
    server.add(calling("streamed", {"reasoning_content": "Hm.", "reasoning_details": DETAILS}), Say("42."))
    chat.ask("Double 21")
    with ScriptedServer(Say("Here.")) as other:
        chat.connect(other.base_url)
        assert set(chat.messages[1]) == {"role", "content", "tool_calls"}
        chat.ask("And here?")
        [call, said] = answers(other.requests[0])
        assert set(call) == {"role", "content", "tool_calls"}
        assert set(call["tool_calls"][0]) == {"id", "type", "function"}
        assert set(said) == {"role", "content"}


def test_reasoning_goes_back_only_where_tools_are_called(server, chat):
    """DeepSeek: also that of the answer after the tools; R1 answers 400 to the reasoning of an answer without calls."""
    plain = chunk("Fine.", finish="stop")
    plain["choices"][0]["delta"]["reasoning_content"] = "Hm."
    ending = [json_event(plain), b"data: [DONE]\n\n"]
    server.add(Stream(ending), calling("whole", {"reasoning_content": "So."}), Stream(ending), Say("Bye."))
    chat.ask("Hello")
    chat.ask("Double 21")
    chat.ask("Bye")
    assert [message.get("reasoning_content") for message in answers(server.requests[-1])] == [None, "So.", "Hm."]


def test_signatures_of_a_complete_answer_without_calls_go_back(server, chat):
    signed = chunk("Fine.", finish="stop")
    signed["choices"][0]["delta"] |= {"extra_content": SIGNED, "reasoning_details": DETAILS, "reasoning": "x"}
    server.add(
        Stream([json_event(signed), b"data: [DONE]\n\n"]),
        Stream([json_event(signed).replace(b'"stop"', b"null"), Cut()]),
    )
    chat.ask("Hello")
    with pytest.raises(CutOff):
        chat.ask("Hello again")
    server.add(Say("Bye."))
    chat.ask("Bye")
    first, second = answers(server.requests[-1])
    assert first == {"role": "assistant", "content": "Fine.", "extra_content": SIGNED, "reasoning_details": DETAILS}
    assert second == {"role": "assistant", "content": "Fine."}


def test_a_whole_message_behind_its_pieces_changes_nothing():
    pieces = [chunk(finish="stop"), completion("")]
    pieces[0]["choices"][0]["delta"] = {"reasoning_details": DETAILS}
    pieces[1]["choices"][0]["message"]["reasoning_details"] = DETAILS
    draft = Draft(Request("u", {"messages": []}))
    draft.add(decoded([stream(*pieces)]))
    assert draft.reply().choices[0].carried.fields == {"reasoning_details": DETAILS}


@given(st.dictionaries(st.text(max_size=6) | st.sampled_from(["extra_content", "signature", "function"]), json_values))
def test_any_attachment_can_be_sent_again(fields):
    """Servers' JSON may contain NaN and lone surrogates; no request may fail because of it."""
    for kept in (attached(fields), attached_to_call({"id": "a", **fields})):
        json.dumps(with_more(kept, kept), allow_nan=False, ensure_ascii=False).encode()
    message = Message("assistant", "", (ToolCall("a", "f", "{}", attached_to_call(fields)),))
    assert Message.from_dict(message.to_dict()) == message


@given(st.text("ab", max_size=9).flatmap(lambda text: st.tuples(st.just(text), cut(text))))
def test_pieces_of_an_item_become_one(pair):
    whole, texts = pair
    fields: dict[str, object] = {}
    for text in texts:
        fields = with_more(fields, {"d": [{"type": "t", "index": 0, "text": text}]})
    fields = with_more(fields, {"d": [{"type": "t", "index": 0, "signature": "s", "text": None}]})
    assert fields == {"d": [{"type": "t", "index": 0, "text": whole, "signature": "s"}]}


def test_a_key_that_comes_back_in_pieces_is_not_carried(server):
    """It would reach the exported file, and whatever reads that."""
    key = "sk-abcdef0123456789"
    pieces = [chunk() for _ in range(3)]
    for piece, text in zip(pieces, ("My key is ", key[:8], key[8:]), strict=True):
        piece["choices"][0]["delta"] = {"reasoning_content": text}
    pieces[2]["choices"][0]["delta"]["tool_calls"] = [tool_call("double", {"n": 1}, id="c")]
    server.add(Stream([*map(json_event, pieces), b"data: [DONE]\n\n"]), Say("2."))
    chat = Session(base_url=server.base_url, model="scripted-1", api_key=key)
    chat.tool(double, safe=True)
    chat.ask("Double 1")
    [back] = answers(server.requests[1])
    assert back["reasoning_content"].startswith("My key is ")
    assert key not in json.dumps(back)
