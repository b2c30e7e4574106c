"""A stored answer is played as it came, only faster if it took long."""

import itertools

import pytest

from nbchat.api import player
from nbchat.values.answer.events import (
    Ended,
    FirstToken,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Sent,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from nbchat.values.answer.usage import UNKNOWN

FIRST = [TextDelta("a"), ReasoningDelta("a"), RefusalDelta("a"), ToolCallDelta(0, "i"), LogprobsDelta(())]


def played(engine, portions):
    channel = engine.channel()
    engine.play(portions, channel)
    return list(itertools.chain.from_iterable(iter(channel.take, None)))


@pytest.mark.parametrize("first", FIRST, ids=lambda event: type(event).__name__)
def test_events_are_those_that_were_stored_between_the_times_of_the_replay(own, first):
    stored = [(9.0, [Started("m")]), (9.001, [first]), (9.002, [TextDelta("b"), UsageReport(UNKNOWN)])]
    sent, started, begun, *rest, ended = played(own, stored)
    assert [type(one) for one in (sent, begun, ended)] == [Sent, FirstToken, Ended]
    assert [started, *rest] == [event for _, events in stored for event in events]
    assert sent.at <= begun.at <= ended.at


def test_nothing_stored_is_an_empty_answer(own):
    assert [type(event) for event in played(own, [])] == [Sent, Ended]


@pytest.mark.parametrize(("longest", "least"), [(9.0, 0.08), (0.04, 0.04)])
def test_it_takes_as_long_as_it_took_but_no_longer_than_the_longest_replay(own, monkeypatch, longest, least):
    monkeypatch.setattr(player, "LONGEST_SECONDS", longest)
    sent, *_, ended = played(own, [(5.0, [TextDelta("a")]), (5.08, [TextDelta("b")])])
    assert ended.at - sent.at >= least


def test_a_long_answer_is_played_in_moments(own, monkeypatch):
    monkeypatch.setattr(player, "LONGEST_SECONDS", 0.02)
    *_, ended = events = played(own, [(5.0, [TextDelta("a")]), (65.0, [TextDelta("b")])])
    assert 0.02 <= ended.at - events[0].at < 30.0
