"""How many run at once: halved by a refusal, regained with answers, never more than asked for or left."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.tuning.pace import Pace
from nbchat.values.events import Responded, Retrying
from nbchat.values.limits import RateLimits

REFUSED = [Retrying(0.1, "HTTP 429", 2)]
ANSWERED = [Responded(0.0)]


def test_a_refusal_halves_and_answers_bring_it_back_one_by_one():
    pace = Pace(16)
    pace.hear(REFUSED, 16)
    assert pace.allowed == 8
    for _ in range(9):
        pace.hear(ANSWERED, 8)
    assert pace.allowed == 9
    for _ in range(500):
        pace.hear(ANSWERED, 8)
    assert pace.allowed == 16


def test_refusals_of_requests_sent_together_count_once():
    pace = Pace(16)
    for _ in range(16):
        pace.hear(REFUSED, 16)
    assert pace.allowed == 8
    pace.hear(REFUSED, 8)
    assert pace.allowed == 4


def test_other_failures_do_not_slow_it():
    pace = Pace(16)
    pace.hear([Retrying(0.1, "HTTP 500", 2)], 16)
    assert pace.allowed == 16


def test_it_asks_for_no_more_than_the_server_has_left():
    pace = Pace(16)
    pace.hear([Responded(0.0, None, RateLimits(remaining_requests=3))], 16)
    assert pace.allowed == 3
    pace.hear(ANSWERED, 3)
    assert pace.allowed == 16


@given(st.integers(1, 64), st.lists(st.tuples(st.sampled_from([REFUSED, ANSWERED]), st.integers(1, 64))))
def test_it_is_always_between_one_and_what_was_asked_for(most, heard):
    pace = Pace(most)
    for events, running in heard:
        pace.hear(events, running)
        assert 1 <= pace.allowed <= most
