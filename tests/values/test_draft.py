"""A draft: events fold into the same reply however they arrive."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import (
    Ended,
    Failed,
    Finished,
    FirstToken,
    Notice,
    Retrying,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from nbchat.values.answer.reply import Request
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import CutOff, ServerError, ServerSilent
from nbchat.values.messages import ToolCall
from tests import strategies

ASKED = Request("http://x/v1", {"model": "m", "messages": [{"role": "user", "content": "12345678"}]})


def folded(batches, asked=ASKED, **more):
    draft = Draft(asked, started=0.0)
    for batch in batches:
        draft.add(batch)
    return draft.reply(**more)


@given(
    st.lists(strategies.events, max_size=12).flatmap(lambda events: st.tuples(st.just(events), strategies.cut(events)))
)
def test_a_reply_does_not_depend_on_how_events_are_grouped(pair):
    events, batches = pair
    ended = [Ended(1.0)]
    assert folded([events, ended]) == folded([*batches, ended]) == folded([[event] for event in events] + [ended])


@given(st.lists(strategies.events, max_size=12))
def test_choices_come_in_the_order_of_their_index_with_all_their_text(events):
    reply = folded([events])
    assert [choice.index for choice in reply.choices] == sorted({choice.index for choice in reply.choices})
    for choice in reply.choices:
        assert choice.text == "".join(e.text for e in events if isinstance(e, TextDelta) and e.index == choice.index)


def test_pieces_of_a_call_are_joined_and_its_first_id_and_name_hold():
    """PROTOCOL 3.7"""
    pieces = [ToolCallDelta(0, "id", "f", '{"a"'), ToolCallDelta(0, "id", "f", ":1}"), ToolCallDelta(0, "other", "g")]
    assert folded([pieces]).tool_calls == (ToolCall("id", "f", '{"a":1}'),)


def test_a_call_without_an_id_gets_one_that_its_result_can_name():
    """PROTOCOL 3.7: ids have any form, none as well"""
    ids = [call.id for call in folded([[ToolCallDelta(0, name="f"), ToolCallDelta(1, name="f")]]).tool_calls]
    assert all(ids)
    assert len(set(ids)) == 2


def test_usage_is_measured_or_estimated_and_never_zero_for_unknown():
    """PROTOCOL 3.9"""
    measured = folded(
        [[TextDelta("abcd"), UsageReport(Usage(1, 1, 2, "measured")), UsageReport(Usage(3, 4, 7, "measured"))]]
    )
    assert measured.usage == Usage(3, 4, 7, "measured")
    assert folded([[TextDelta("abcdefgh")]]).usage == Usage(2, 2, 4, "estimated")
    image = Request(
        "u", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}
    )
    assert folded([[TextDelta("abcd")]], image).usage == Usage(None, 1, None, "estimated")
    assert folded([[]], image).usage == Usage()


def test_a_status_says_whether_the_answer_is_whole():
    """PROTOCOL 3.3"""
    assert folded([[TextDelta("x"), Finished("stop")]]).status == "complete"
    assert folded([[TextDelta("x"), Failed(CutOff("off"))]]).status == "cut_off"
    assert folded([[TextDelta("x"), Failed(ServerSilent("still"))]]).status == "cut_off"
    assert folded([[Failed(ServerError("no"))]]).status == "failed"
    assert folded([[TextDelta("x")]], interrupted=True).status == "interrupted"


def test_deviations_of_the_server_are_reported():
    """PROTOCOL 2.5"""
    asked = Request("u", {"model": "claude-3", "n": 3, "messages": []})
    notices = folded([[Started("gpt-4", "id"), TextDelta("x"), TextDelta("y", 1)]], asked).notices
    assert notices == ("only 2 of 3 choices arrived", "asked for claude-3")
    latest = Request("u", {"model": "claude-3-latest", "messages": []})
    assert folded([[Started("vendor/claude-3-20240307"), TextDelta("x")]], latest).notices == ()


def test_retries_and_notices_are_kept_and_a_countdown_is_reported_once():
    retries = [Retrying(1.0, "HTTP 429", 2), Retrying(2.0, "HTTP 503", 3)]
    assert folded([retries, [Notice("odd"), TextDelta("x")]]).notices == ("retried 2 times (HTTP 503)", "odd")


def test_times_count_from_the_sending():
    timing = folded([[FirstToken(0.5), TextDelta("x"), Ended(2.0)]]).timing
    assert (timing.first_token, timing.total) == (0.5, 2.0)
    assert timing.tokens_per_second(30) == 20.0
