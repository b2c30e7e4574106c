"""Whatever a server sends, whatever a tool does, wherever it is stopped: the history is one that any server takes."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from nbchat.conversation.session import Session
from nbchat.conversation.tools.repair import valid_calls, with_unique_ids
from nbchat.testing import Cut, Hang, Plain, Say, ScriptedServer, Status, Stream, chunk, completion, tool_call
from nbchat.values.answer.events import Responded, Sent
from nbchat.values.errors import Interrupted, NbchatError
from nbchat.values.messages import ToolCall
from tests.conversation.test_tools import assert_valid
from tests.strategies import scaled, texts, tool_calls


def work(how: str) -> str:
    """Do as told."""
    match how:
        case "fail":
            raise RuntimeError("it failed")
        case "stop":
            raise KeyboardInterrupt
    return how


async def wait(how: str) -> str:
    """Do as told, later."""
    return work(how)


arguments = st.one_of(
    st.sampled_from(['{"how": "ok"}', '{"how": "fail"}', '{"how": "stop"}', "", "{}", "[]", "null", '{"how": ', "NaN"]),
    texts,
)
called = st.builds(
    lambda name, arguments, ident, index: tool_call(name, arguments, id=ident, index=index),
    st.sampled_from(["work", "wait", "nobody", "a b", "wörk"]),
    arguments,
    st.sampled_from(["", "same", "a", "b"]),
    st.integers(0, 3),
)
said = st.sampled_from(["", "Let me see.", "Well, "])
calling = st.builds(
    lambda text, calls: Say(text, tool_calls=[{**call, "index": n} for n, call in enumerate(calls)]),
    said,
    st.lists(called, min_size=1, max_size=3),
)
cut_calling = st.builds(lambda call: Stream([chunk("Par"), chunk(tool_calls=[call]), Cut()]), called)
whole_calling = st.builds(lambda call: Plain(completion("", "tool_calls", tool_calls=[call])), called)
ending = st.sampled_from(
    [Say("Done."), Say(""), Say("Cut", finish="length"), Status(400, {"error": "no"}), Stream([chunk("Par"), Cut()])]
)


@given(
    st.lists(st.lists(calling | cut_calling | whole_calling | ending, max_size=4), min_size=1, max_size=3),
    st.booleans(),
)
@scaled(0.6, suppress_health_check=[HealthCheck.too_slow])
def test_the_history_is_valid_after_any_script(scripts, streamed):
    with ScriptedServer() as server:
        chat = Session(base_url=server.base_url, model="scripted-1")
        chat.tool(work, safe=True)
        chat.tool(wait, safe=True)
        for script in scripts:
            server.add(*script, Say("The end."))
            try:
                if streamed:
                    with chat.stream("Go") as events:
                        for _ in events:
                            pass
                else:
                    chat.ask("Go")
            except (NbchatError, Interrupted, KeyboardInterrupt):
                pass
            assert_valid(chat.messages)
        for request in server.requests:
            assert_valid(request.json["messages"])


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_stream_left_early_leaves_a_valid_history(server, rounds):
    """Leaving in the middle of a round stops the request; no call stays without its result."""
    chat = Session(base_url=server.base_url, model="scripted-1")
    left = []

    def work(how: str) -> str:
        left.append(how)
        return how

    chat.tool(work, safe=True)
    server.add(*[Say("", tool_calls=[tool_call("work", {"how": "ok"})])] * rounds, Stream([chunk("Par"), Hang()]))
    with chat.stream("Go") as events:
        for event in events:
            if len(left) == rounds and not isinstance(event, (Sent, Responded)):
                break
    assert_valid(chat.messages)
    server.add(Say("Done."))
    assert chat.ask("And now?").text == "Done."
    assert_valid(server.requests[-1].json["messages"])


@given(st.lists(tool_calls, max_size=5))
def test_calls_go_back_as_any_server_takes_them(calls):
    """Ids of their own, names of plain letters, arguments that are a JSON object; what was valid stays as it was."""
    back = valid_calls(with_unique_ids(calls))
    assert len({call.id for call in back}) == len(back) == len(calls)
    for call in back:
        assert call.id
        assert call.name.isascii()
        assert 1 <= len(call.name) <= 64
        assert isinstance(ToolCall("", "", call.arguments).parsed(), dict)
    assert valid_calls(with_unique_ids(back)) == back


def test_repeated_ids_are_numbered():
    ids = ["a", "a", "", "a", "", "b"]
    made = with_unique_ids(ToolCall(name, "work", "{}") for name in ids)
    assert [call.id for call in made] == ["a", "a_2", "call_2", "a_3", "call_3", "b"]


def test_valid_calls_stay_as_they_are():
    call = ToolCall("1", "work", '{"how": "ok"}')
    assert valid_calls([call]) == (call,)
    spoiled = valid_calls([ToolCall("1", "wörk!", '["how"]'), ToolCall("2", "", "")])
    assert [(each.name, each.arguments) for each in spoiled] == [("w_rk_", "{}"), ("unnamed", "{}")]
