"""A turn: what the next request carries of it, and that an answer that was taken up again is one answer."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.turn import NO_ANSWER, Turn, joined
from nbchat.values.answer.reply import Choice, Reply, Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.messages import Message
from nbchat.values.params import Params

rounds = st.lists(
    st.sampled_from([Message("tool", "r", tool_call_id="a"), Message("assistant", "Hi"), Message("assistant", "")])
)


@given(rounds, st.sampled_from(["complete", "interrupted", "cut_off", "failed"]), st.sampled_from(["", "Hi", "Hi all"]))
def test_a_turn_adds_its_answer_once_and_invents_one_only_after_a_tool(steps, status, text):
    turn = Turn(Message("user", "q"), Reply((Choice(text=text),), status), Params(), tuple(steps))
    asked, added = (turn.message, *steps), turn.messages
    said = next((step.text for step in reversed(steps) if step.role == "assistant"), None)
    if text and (status == "complete" or text != said):
        assert added == (*asked, Message("assistant", text))
    elif asked[-1].role == "tool":
        assert added == (*asked, Message("assistant", NO_ANSWER))
    else:
        assert added == asked


def test_an_answer_and_its_continuation_are_one_that_took_what_both_took():
    first = Reply((Choice(text="one "),), "cut_off", "m", Usage(1, 2, 3, "measured"), 0.25, Timing(0.5, 2.0))
    second = Reply((Choice(text="two", finish_reason="stop"),), "complete", "m", Usage(4, 1, 5, "measured"), 0.5)
    both = joined(first, second)
    assert (both.text, both.status, both.finish_reason) == ("one two", "complete", "stop")
    assert (both.usage, both.cost) == (Usage(5, 3, 8, "measured"), 0.75)
    assert both.timing == Timing(0.5, None)
    timed = joined(first, Reply(timing=Timing(0.25, 1.0)))
    assert timed.timing == Timing(0.5, 3.0)
    assert timed.cost is None
