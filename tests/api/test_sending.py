"""When a call is tried again: after which failures, how often, and how long it waits; in simulated time."""

import asyncio

import pytest

from nbchat.api.call import AttemptFailed
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.pace import Pace
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.api.pacing.sharing import Shared
from nbchat.api.sending import Sending
from nbchat.values.answer.events import Retrying, Sent
from nbchat.values.errors import ConnectionFailed, QuotaExceeded, RateLimited, ServerError
from tests.api.asking import call_to
from tests.api.pacing.simulation import Simulation

URL = "http://127.0.0.1:9/v1"
BROKEN = AttemptFailed(ConnectionFailed("x"), again=True)
STALE = AttemptFailed(ConnectionFailed("x"), again=True, stale=True)
USAGE = AttemptFailed(ServerError("x", status=400), usage=True)
HOLLOW = AttemptFailed(ConnectionFailed("x"), again=True, hollow=True)
FINAL = AttemptFailed(ServerError("x", status=400))
QUOTA = AttemptFailed(QuotaExceeded("x", status=429))


def busy(status=429, asked=None):
    kind = RateLimited if status == 429 else ServerError
    return AttemptFailed(kind("x", status=status), again=True, asked_delay=asked)


def waits(failures, *, limiter=None, forbidden=0.0, **body):
    """What is waited after each failure (None = it is given up), the events, and the last body."""

    async def play():
        pace, events = Pace("S"), []
        retries = RetryPolicy(tries=5, first=0.5, longest=8.0)
        call = call_to(URL, retries=retries, limiter=limiter, **body)
        sending = Sending(call, pace, None, events.extend, lambda: None)
        pace.hear(Shared(forbidden=forbidden))
        return [sending.again(failure) for failure in failures], events, sending.body

    return Simulation.play(play())


@pytest.mark.parametrize(
    ("failures", "planned"),
    [
        ([BROKEN] * 5, [0.5, 1, 2, 4, None]),
        ([busy(503)] * 5, [0.5, 1, 2, 4, None]),
        ([busy(asked=7.0)] * 5, [7, 7, 7, 7, None]),
        ([busy(asked=61.0)], [None]),
        ([busy(asked=60.0)], [60]),
        ([FINAL], [None]),
        ([QUOTA], [None]),
        ([STALE] * 13, [0] * 8 + [0.5, 1, 2, 4, None]),
        ([USAGE, USAGE], [0, None]),
        ([HOLLOW, BROKEN], [0, 1]),
        ([USAGE, BROKEN], [0, 0.5]),
    ],
)
def test_a_call_of_its_own_is_tried_again_with_growing_waits(failures, planned):
    """PROTOCOL 4.2, 4.3"""
    found, events, _ = waits(failures)
    assert [wait and pytest.approx(wait * 1.125, rel=0.12) for wait in planned] == found
    assert [event.seconds for event in events if event.seconds] == [wait for wait in found if wait]
    assert [event.attempt for event in events] == list(range(2, 2 + len(events)))


@pytest.mark.parametrize(
    ("failures", "forbidden", "planned"),
    [
        ([busy()] * 20, 0.0, [0.5, 1, 2, *[4] * 16, None]),
        ([busy(529)] * 3, 0.0, [0.5, 1, 2]),
        ([busy(asked=7.0)] * 20, 0.0, [*[0] * 19, None]),
        ([busy(asked=7.0)], 50.0, [0]),
        ([busy(asked=7.0)], 50.1, [None]),
        ([busy(500)] * 5, 0.0, [0.5, 1, 2, 4, None]),
        ([busy(), busy(), *[busy(500)] * 5], 0.0, [0.5, 1, 0.5, 1, 2, 4, None]),
        ([BROKEN], 20.0, [17.8]),
    ],
)
def test_a_call_of_a_batch_is_refused_more_often_and_waits_in_the_pace(failures, forbidden, planned):
    """PROTOCOL 4.2: that there are too many is no fault of the call"""
    found, _, _ = waits(failures, limiter=ConcurrencyLimiter(patience=50.0), forbidden=forbidden)
    assert [wait and pytest.approx(wait * 1.125, rel=0.12) for wait in planned] == found


def test_what_a_server_refused_is_left_out_of_the_next_attempt():
    """PROTOCOL 2.3, 4.1"""
    asked = waits([])[2]
    assert (asked["stream"], "stream_options" in asked) == (True, True)
    assert waits([USAGE])[2] == {name: value for name, value in asked.items() if name != "stream_options"}
    assert waits([HOLLOW])[2] == {**waits([USAGE])[2], "stream": False}
    assert waits([HOLLOW], stream_options=None)[2] == {**waits([USAGE])[2], "stream": False}


@pytest.mark.parametrize(
    ("failure", "reason"), [(busy(503), "HTTP 503"), (BROKEN, "no connection"), (HOLLOW, "empty stream")]
)
def test_the_reason_of_another_try_is_told(failure, reason):
    assert [event.reason for event in waits([failure])[1]] == [reason]


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 0),
        ({"max_tokens": 100}, 100),
        ({"max_tokens": 9, "max_completion_tokens": 100}, 100),
        ({"max_tokens": "9"}, 0),
    ],
)
def test_a_request_weighs_its_prompt_and_the_limit_of_its_answer(body, tokens):
    bare = Sending(call_to(URL), None, None, None, None)._weigh()
    assert bare > 0
    assert Sending(call_to(URL, **body), None, None, None, None)._weigh() == bare + tokens
    assert Sending(call_to(URL, messages=None, **body), None, None, None, None)._weigh() == tokens


def test_it_is_sent_for_the_first_time_once():
    class Failing:
        async def run(self):
            raise BROKEN

    async def play():
        events = []
        sending = Sending(call_to(URL), Pace("S"), lambda *_: Failing(), events.extend, lambda: None)
        for _ in range(3):
            with pytest.raises(AttemptFailed):
                await sending.run()
            await asyncio.sleep(0)
        return events

    assert [type(event) for event in Simulation.play(play())] == [Sent]


def test_a_wait_for_a_rate_limit_is_told_and_one_beyond_patience_fails():
    class Fine:
        async def run(self):
            pass

    async def play():
        events, pace = [], Pace("S")
        sending = Sending(call_to(URL), pace, lambda *_: Fine(), events.extend, lambda: None)
        pace.hear(Shared(forbidden=60.0))
        await sending.run()
        pace.hear(Shared(forbidden=60.1))
        with pytest.raises(AttemptFailed) as caught:
            await sending.run()
        assert isinstance(caught.value.error, RateLimited)
        return events

    waiting, sent = Simulation.play(play())
    assert (waiting, type(sent)) == (Retrying(60.0, "rate limit", 1), Sent)
