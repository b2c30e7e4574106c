"""The history is fitted to the model's window: whole turns go, pinned ones and the system text stay, and it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.context import Context, room, shorter_after, window_of
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.conversation.turn import Turn
from nbchat.testing import Cut, Say, Status, Stream, chunk
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.answer.usage import estimate_tokens
from nbchat.values.errors import ContextTooLong, CutOff, ParameterError, SessionError
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import Params

LONG = "x" * 400  # 100 tokens


@pytest.fixture
def chat(server):
    process.capabilities._windows.clear()
    return Session(base_url=server.base_url, model="scripted-1", system="Be brief.")


def sent(server):
    return [message["content"][:6] for message in server.requests[-1].json["messages"]]


def talk(chat, server, count):
    for number in range(count):
        server.add(Say(f"answer {number}"))
        reply = chat.ask(f"turn {number} {LONG}")
    return reply


def test_the_oldest_turns_are_left_out_with_a_notice(chat, server):
    talk(chat, server, 4)
    chat.context = 300
    reply = talk(chat, server, 1)
    assert sent(server) == ["Be bri", "turn 3", "answer", "turn 0"]
    assert "the oldest 3 turns left out, to fit 300 tokens" in reply.notices
    assert len(chat.turns) == 5


def test_pinned_turns_stay(chat, server):
    talk(chat, server, 4)
    chat.pin(chat.turns[0])
    chat.context = 300
    talk(chat, server, 1)
    assert sent(server) == ["Be bri", "turn 0", "answer", "turn 0"]


def test_a_dropped_turn_is_not_sent_until_it_is_taken_back(chat, server):
    talk(chat, server, 3)
    chat.drop(chat.turns[1])
    server.add(Say("next"))
    chat.ask("next")
    without = ["Be bri", "turn 0", "answer", "turn 2", "answer"]
    assert sent(server) == [*without, "next"]
    assert [message["content"][:6] for message in chat.messages] == [*without, "next", "next"]
    assert [turn.dropped for turn in chat.turns] == [False, True, False, False]
    chat.drop(chat.turns[1], False)
    chat.pin(chat.turns[1])
    chat.pin(chat.turns[1], False)
    assert len(chat.messages) == 9
    assert not any(turn.pinned or turn.dropped for turn in chat.turns)
    [gone] = chat.undo()
    for mark in (chat.pin, chat.drop):
        with pytest.raises(SessionError, match="not in this session"):
            mark(gone)


def test_a_dropped_answer_can_be_continued(chat, server):
    talk(chat, server, 1)
    server.add(Stream([chunk("Half an "), Cut()]), Say("answer."))
    with pytest.raises(CutOff):
        chat.ask("next")
    chat.drop(chat.turns[0])
    chat.drop(chat.turns[1])
    chat.resume()
    assert sent(server)[:3] == ["Be bri", "next", "Half a"]
    assert chat.turns[1].reply.text == "Half an answer."
    assert chat.turns[1].dropped


def test_everything_is_sent_if_the_window_is_unknown(chat, server):
    talk(chat, server, 4)
    assert len(sent(server)) == 1 + 3 * 2 + 1


TOO_LONG = Status(
    400,
    {"error": {"message": "This model's maximum context length is 400 tokens.", "code": "context_length_exceeded"}},
)


def test_a_refusal_is_final_unless_the_user_allows_another_try(chat, server):
    talk(chat, server, 4)
    server.add(TOO_LONG)
    with pytest.raises(ContextTooLong):
        chat.ask("next")
    chat.context = "retry"
    server.add(TOO_LONG, Say("shorter"))
    reply = chat.ask("next")
    assert reply.text == "shorter"
    assert any("left out, to fit 400 tokens" in notice for notice in reply.notices)
    count = len(server.requests)
    server.add(Say("at once"))
    chat.context = "fit"
    chat.ask("and now")  # what the server said is remembered
    assert len(server.requests) == count + 1
    assert len(sent(server)) < 10


def test_a_refusal_of_a_short_request_is_final(chat, server):
    chat.context = "retry"
    server.add(TOO_LONG)
    with pytest.raises(ContextTooLong):
        chat.ask("alone")


def test_the_room_is_the_window_without_the_message_the_tools_and_the_answer():
    message = Message("user", "x" * 40)  # 10 tokens and 4 around it
    assert room(1000, [message], 0, 200) == 786
    assert room(1000, [message, message], 7, 200) == 765
    assert room(1000, [message], 0, None) == 861


@pytest.mark.parametrize(
    ("said", "sent", "window"),
    [
        ("This model's maximum context length is 8,192 tokens.", 9000, 8192),
        ("context window of 4096", 5000, 4096),
        ("n_ctx = 2048", 3000, 2048),
        ("too long", 1000, 750),
        ("maximum context length is 3999", 1000, 3999),
        ("maximum context length is 4000", 1000, 750),
    ],
)
def test_a_refusal_gives_the_window_or_it_is_guessed(server, said, sent, window):
    endpoint = Session(base_url=server.base_url).endpoint
    assert shorter_after(ContextTooLong(said), sent, endpoint, "m") == window
    assert window_of("fit", endpoint, "m") == window
    assert window_of("off", endpoint, "m") is None
    assert window_of(77, endpoint, "m") == 77


@pytest.mark.parametrize("policy", ["all", 0, -5, None, True, 1.5])
def test_an_unknown_policy_is_reported(chat, policy):
    with pytest.raises(ParameterError, match="context is fit, retry, off, or a number"):
        chat.context = policy


call = ToolCall("c", "f", "{}")
turns = st.builds(
    Turn,
    st.builds(Message, st.just("user"), st.text(min_size=1, max_size=60)),
    st.builds(lambda text: Reply((Choice(text=text),)), st.text(max_size=60)),
    st.just(Params()),
    st.sampled_from([(), (Message("assistant", "", (call,)), Message("tool", "r" * 50, tool_call_id="c"))]),
    pinned=st.booleans(),
    dropped=st.booleans(),
)


def size(messages):
    """The estimated tokens of messages."""
    return -room(0, messages, 0, 0)


@given(st.lists(turns, max_size=8), st.integers(0, 8), st.sampled_from([-50, -1, 0, 0, 1]))
def test_what_is_kept_is_whole_and_the_oldest_go_first(history, first, more):
    latest = [message for turn in history[first:] if not turn.dropped for message in turn.messages]
    tokens = size(latest) + estimate_tokens("system") + more
    fitted = Context(tuple(history), "system").fitted(tokens)
    kept = {id(turn) for turn in fitted.turns}
    assert [turn for turn in history if id(turn) in kept] == list(fitted.turns)
    assert all(id(turn) in kept for turn in history if turn.pinned or turn.dropped)
    assert fitted.left_out == len(history) - len(kept)
    free = [id(turn) in kept for turn in history if not turn.pinned and not turn.dropped]
    assert free == sorted(free)
    assert fitted.messages()[0].text == "system"
    used = size(fitted.messages()[1:]) + estimate_tokens("system")
    assert used <= tokens or not any(free)
    left_out = [turn for turn in history if id(turn) not in kept]
    assert not left_out or used + size(left_out[-1].messages) > tokens
    shorter = fitted.fitted(tokens - 20)
    assert shorter.left_out == len(history) - len(shorter.turns)
    calls = [message for message in fitted.messages() if message.role == "tool"]
    assert len(calls) == sum(len(message.tool_calls) for message in fitted.messages())
