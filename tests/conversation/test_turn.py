"""A turn: an answer that was taken up again is one answer."""

from nbchat.conversation.turn import joined
from nbchat.values.answer.reply import Choice, Reply, Timing
from nbchat.values.answer.usage import Usage


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
