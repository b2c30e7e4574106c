"""Rate headers and waiting."""

import datetime
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.pacing.rate_limits import RetryPolicy, rate_limits, retry_after
from nbchat.values.answer.usage import RateLimits

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def http_date(seconds):
    return email.utils.format_datetime(NOW + datetime.timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": http_date(90)}, 90.0),
        ({"retry-after": http_date(-90)}, 0.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:01:00"}, 60.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_delays_as_servers_write_them(headers, seconds):
    """PROTOCOL 4.2"""
    assert retry_after(headers, NOW) == seconds


@given(st.text())
def test_any_text_is_a_retry_delay_or_none(text):
    """PROTOCOL 4.2"""
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after({name: text})
        assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-limit-tokens": "150000",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-reset-tokens": "20ms",
            },
            RateLimits(60, 59, 360.0, 150_000, 149_984, 0.02),
        ),
        (
            {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-reset": "2000-01-01T00:00:00Z"},
            RateLimits(limit_requests=50, reset_requests=0.0),
        ),
        (
            {"ratelimit-limit": "10, 10;w=60", "ratelimit-remaining": "9", "ratelimit-reset": "12"},
            RateLimits(10, 9, 12.0),
        ),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, RateLimits(reset_tokens=3723.5)),
        ({"x-ratelimit-reset-tokens": "1.5s"}, RateLimits(reset_tokens=1.5)),
        ({"x-ratelimit-reset-requests": "1000000001"}, RateLimits(reset_requests=0.0)),
        ({"x-ratelimit-reset-requests": http_date(-(10**9))}, RateLimits(reset_requests=0.0)),
        ({"x-ratelimit-reset-requests": "1.2.3s"}, None),
        ({"x-ratelimit-reset-requests": "1000000000"}, RateLimits(reset_requests=1e9)),
        (
            {"x-ratelimit-reset-requests": "1d2h3m4s5ms6us7µs8ns"},
            RateLimits(reset_requests=pytest.approx(93_784.005013008)),
        ),
        ({"x-ratelimit-reset-requests": "-5"}, RateLimits(reset_requests=0.0)),
        ({"x-ratelimit-limit-requests": "999999999999.5"}, RateLimits(999_999_999_999)),
        ({"x-ratelimit-limit-requests": "1e12"}, None),
        ({"x-ratelimit-limit-requests": "-1e12"}, None),
        ({"x-ratelimit-limit-requests": "-5", "x-ratelimit-remaining-tokens": " -1"}, RateLimits(0)),
        ({"ratelimit-limit-tokens": "5", "ratelimit-limit": "7"}, RateLimits(7, limit_tokens=5)),
        ({"x-ratelimit-limit": "7", "x-ratelimit-limit-requests": "5"}, RateLimits(5)),
        ({"x-ratelimit-limit-requests": "5;w=60"}, RateLimits(5)),
        ({"x-other-limit-requests": "5", "limit": "5"}, None),
        ({"x-ratelimit-limit-requests": "many"}, None),
        ({"content-type": "text/plain"}, None),
    ],
)
def test_limits_as_servers_write_them(headers, expected):
    """PROTOCOL 4.6"""
    assert rate_limits(headers) == expected


@given(st.text() | st.from_regex(r"[0-9.]{1,4}(ms|s|m|h|d|us|ns)[0-9.]{0,3}[smh]?"))
def test_any_text_in_a_rate_header_is_a_limit_or_none(text):
    """PROTOCOL 4.6"""
    names = [f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")]
    found = rate_limits(dict.fromkeys(names, text))
    assert found is None or (found.reset_tokens or 0.0) >= 0


@given(st.integers(1, 4), st.none() | st.floats(0, 60))
def test_a_wait_is_never_shorter_than_planned_or_requested(attempt, asked_delay):
    """PROTOCOL 4.2: exponential, with jitter that only lengthens"""
    wait = RetryPolicy().wait(attempt, asked_delay)
    planned = 0.5 * 2 ** (attempt - 1) if asked_delay is None else asked_delay
    assert planned <= wait <= planned * 1.25


def test_patience_ends():
    """PROTOCOL 4.2: with a cap"""
    assert RetryPolicy(tries=3).wait(3) is None
    assert RetryPolicy(patience=10).wait(1, asked_delay=11) is None
    assert RetryPolicy(longest=2).wait(4) <= 2.5
    assert 8.0 <= RetryPolicy(tries=9).wait(8) <= 10.0
    assert RetryPolicy().wait(4) is not None
    assert RetryPolicy().wait(5) is None
    assert 60.0 <= RetryPolicy().wait(1, 60.0) <= 75.0
    assert RetryPolicy().wait(1, 60.1) is None


def test_a_reset_may_be_a_time_to_come():
    now = datetime.datetime.now(datetime.UTC)
    later = now + datetime.timedelta(seconds=1000)
    for written in (str(later.timestamp()), later.isoformat(), later.replace(tzinfo=None).isoformat()):
        found = rate_limits({"x-ratelimit-reset-requests": written})
        assert found.reset_requests == pytest.approx(1000, abs=100)
