"""What refusals say of the time to wait, in their words and in their limits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.pacing.rate_limits import delay_in_limits, delay_in_message, rate_limits
from nbchat.values.answer.usage import RateLimits


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached for gpt-4 on tokens per min. Limit: 10000 / min. Please try again in 6ms.", 0.006),
        ("Please try again in 20s. Contact us if you continue to have issues.", 20),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1h2m3.5s", 3723.5),
        ("Please retry after 20 seconds.", 20),
        ("Please retry in 36.123s.", 36.123),
        ("Too many requests, please wait 5 minutes before retrying", 300),
        ("Try again in 1 minute and 30 seconds", 90),
        ("Retry your request after 500 milliseconds", 0.5),
        ("try again in 2 days", 172_800),
        ("Limit 3 requests per 1 minute. Try again later.", None),
        ("Please try again later.", None),
        ("Please retry in 5 moments", None),
        ("You sent 20 seconds of audio.", None),
        ("", None),
    ],
)
def test_the_words_of_servers(words, seconds):
    assert delay_in_message(words) == (seconds if seconds is None else pytest.approx(seconds))


@given(st.text(st.sampled_from("try again in after 0123456789.smhd secondminute,and \n")))
def test_any_words_are_read_quickly_and_give_a_time_or_none(words):
    for text in (words, f"try again in {words}"):
        seconds = delay_in_message(text)
        assert seconds is None or (0 <= seconds < 1e16 and math.isfinite(seconds))


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, None),
        (RateLimits(remaining_requests=0, reset_requests=7.0, remaining_tokens=50, reset_tokens=1.0), 7.0),
        (RateLimits(remaining_requests=0, reset_requests=7.0, remaining_tokens=0, reset_tokens=9.0), 9.0),
        (RateLimits(reset_requests=7.0, reset_tokens=3.0), 3.0),
        (RateLimits(remaining_requests=5, reset_requests=7.0), None),
    ],
)
def test_the_limit_that_a_refusal_may_be_for(told, seconds):
    assert delay_in_limits(told) == seconds


def test_minus_one_means_no_limit():
    assert rate_limits({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "5"}) == RateLimits(
        reset_requests=5.0
    )
