"""Requests are sent again while nothing of a reply has come, and never after that."""

import datetime
import email.utils

import pytest

from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.testing import DONE, Cut, Plain, Raw, Refuse, Say, StaleKeepAlive, Status, Stream, chunk, completion, error
from nbchat.values.answer.events import Responded, Retrying
from nbchat.values.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    CutOff,
    ParameterRefused,
    QuotaExceeded,
    RateLimited,
    ServerError,
)
from tests.api.asking import MODEL, QUICK, Asked


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, *range(520, 531), 599])
def test_a_temporary_status_is_retried(server, status):
    """PROTOCOL 4.2"""
    server.add(Status(status, error("busy")), Status(status), Say("fine"))
    asked = Asked(server.base_url)
    assert (asked.reply.text, asked.error, len(server.requests)) == ("fine", None, 3)
    assert [(event.reason, event.attempt) for event in asked.of(Retrying)] == [
        (f"HTTP {status}", 2),
        (f"HTTP {status}", 3),
    ]
    assert asked.reply.notices == (f"retried 2 times (HTTP {status})",)


@pytest.mark.parametrize("status", [301, *range(400, 408), 410, 413, 418, 422, 428, 430, 499, 501, 505, 519, 531, 598])
def test_a_permanent_status_is_final(server, status):
    """PROTOCOL 4.2"""
    server.add(Status(status, error("The words.")))
    asked = Asked(server.base_url)
    assert isinstance(asked.error, ServerError)
    assert (len(server.requests), asked.error.status, asked.reply.status) == (1, status, "failed")


def test_tries_end_and_the_error_says_how_many(server):
    """PROTOCOL 4.2"""
    server.default = lambda request: Status(503, error("busy"))
    asked = Asked(server.base_url)
    assert str(asked.error).endswith("busy. Try again later. (Tried 4 times.)")
    assert len(server.requests) == QUICK.tries


def test_a_delay_requested_by_the_server_is_respected(server):
    """PROTOCOL 4.2: seconds, a date, milliseconds"""
    soon = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=5)
    server.add(
        Status(429, headers={"Retry-After": "0.02"}),
        Status(429, headers={"Retry-After": email.utils.format_datetime(soon, usegmt=True)}),
        Status(429, headers={"retry-after-ms": "30"}),
        Say("fine"),
    )
    seconds, date, milliseconds = Asked(server.base_url).waits
    assert 0.02 <= seconds <= 0.025
    assert date == 0.0
    assert 0.03 <= milliseconds <= 0.0375


def test_a_requested_delay_beyond_patience_fails_and_is_named(server):
    """PROTOCOL 4.2: with a cap"""
    server.add(Status(429, headers={"Retry-After": "3600"}))
    asked = Asked(server.base_url)
    assert isinstance(asked.error, RateLimited)
    assert (asked.error.retry_after, len(server.requests)) == (3600.0, 1)
    assert "Wait 3600 s" in str(asked.error)


def test_the_server_may_say_whether_another_try_helps(server):
    """PROTOCOL 4.2: x-should-retry"""
    server.add(Status(503, headers={"x-should-retry": "false"}))
    assert Asked(server.base_url).error.status == 503
    server.add(Status(418, headers={"x-should-retry": "true"}), Say("fine"))
    assert Asked(server.base_url).reply.text == "fine"
    assert len(server.requests) == 3


def test_an_exhausted_quota_is_final(server):
    """PROTOCOL 4.2"""
    quota = error("You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota")
    server.add(Status(429, quota, headers={"x-should-retry": "true", "Retry-After": "0.01"}))
    assert isinstance(Asked(server.base_url).error, QuotaExceeded)
    assert len(server.requests) == 1


@pytest.mark.parametrize("accident", [Cut(), Cut(reset=True), error("over")], ids=["end", "reset", "error"])
def test_nothing_is_retried_once_a_token_has_arrived(server, accident):
    """PROTOCOL 4.2"""
    server.add(Stream([chunk("half"), accident]))
    asked = Asked(server.base_url)
    assert (asked.reply.text, len(server.requests)) == ("half", 1)
    assert asked.reply.status == ("failed" if isinstance(accident, dict) else "cut_off")


def test_a_truncated_json_body_is_not_retried(server):
    """PROTOCOL 4.2: it has been generated, and billed"""

    class Half:
        def steps(self, request):
            *steps, body = Plain(completion("whole")).steps(request)
            return [*steps, body[: len(body) // 2], Cut()]

    server.add(Half())
    asked = Asked(server.base_url, stream=False, stream_options=None)
    assert isinstance(asked.error, CutOff)
    assert len(server.requests) == 1


def test_a_connection_that_breaks_before_the_answer_is_retried(server):
    """PROTOCOL 4.2"""
    server.add(Refuse(), Refuse(reset=True), Say("fine"))
    asked = Asked(server.base_url)
    assert (asked.reply.text, [event.reason for event in asked.of(Retrying)]) == ("fine", ["no connection"] * 2)


def test_a_stream_that_breaks_after_its_headers_is_retried(server):
    """PROTOCOL 4.2: comments are no part of a reply"""
    server.add(Stream([": ping\n\n", Cut(reset=True)]), Say("fine"))
    asked = Asked(server.base_url)
    assert asked.reply.text == "fine"
    assert len(asked.of(Responded)) == 2


@pytest.mark.parametrize("reset", [False, True])
def test_a_stale_connection_is_replaced_at_once_without_notice(server, own, reset):
    """PROTOCOL 4.3"""
    server.add(StaleKeepAlive(Say("one"), reset=reset), Say("two"))
    assert Asked(server.base_url, using=own).reply.text == "one"
    again = Asked(server.base_url, using=own, retries=RetryPolicy(tries=1))
    assert (again.reply.text, again.of(Retrying), again.reply.notices) == ("two", [], ())
    assert server.connections == 2


def test_a_new_connection_that_breaks_is_not_taken_for_a_stale_one(server, own):
    """PROTOCOL 4.3"""
    server.add(Refuse())
    assert isinstance(Asked(server.base_url, using=own, retries=RetryPolicy(tries=1)).error, ConnectionFailed)
    assert len(server.requests) == 1


def test_a_failed_request_leaves_its_connection_for_the_next(server, own):
    server.add(Status(400, error("The words.")), Status(401, error("Wrong key.")), Say("fine"))
    for _ in range(3):
        last = Asked(server.base_url, using=own)
    assert (last.reply.text, server.connections) == ("fine", 1)


# The request for a usage count

REFUSED = Status(400, error("Unknown field: stream_options"))


def test_a_refused_request_for_usage_is_dropped_with_one_retry_and_remembered(server, own):
    """PROTOCOL 2.3"""
    server.add(REFUSED, Say("one"), Say("two"))
    first, second = Asked(server.base_url, using=own), Asked(server.base_url, using=own)
    assert [first.reply.text, second.reply.text] == ["one", "two"]
    assert ["stream_options" in request.json for request in server.requests] == [True, False, False]
    assert first.of(Retrying) == []
    assert first.reply.usage.state == "estimated"
    assert "stream_options" in own.client.capabilities.refused(server.base_url, "")["stream_options"]


def test_another_endpoint_is_still_asked_for_usage(server, own):
    """PROTOCOL 2.3"""
    server.add(REFUSED, Say("one"), Say("two"))
    Asked(server.base_url, using=own)
    assert Asked(server.base_url + "/", using=own).reply.usage.state == "measured"


def test_nothing_is_learned_if_the_second_try_fails_too(server, own):
    """PROTOCOL 2.3"""
    server.add(REFUSED, Status(400, error("The prompt is empty.")), Say("two"))
    assert "The prompt is empty." in str(Asked(server.base_url, using=own).error)
    assert Asked(server.base_url, using=own).reply.usage.state == "measured"


def test_the_second_try_is_retried_like_any_other(server, own):
    """PROTOCOL 2.3, 4.2"""
    server.add(REFUSED, Status(503), Refuse(), Say("fine"))
    assert Asked(server.base_url, using=own).reply.text == "fine"


def test_a_refusal_of_something_else_is_final(server, own):
    """PROTOCOL 2.3"""
    server.add(Status(400, error("The prompt is empty.")))
    assert isinstance(Asked(server.base_url, using=own).error, ServerError)
    assert len(server.requests) == 1


# What a model refuses


def test_a_refused_parameter_is_learnt_for_that_model_at_that_endpoint(server, own):
    """PROTOCOL 2.2"""
    server.add(Status(400, error("temperature is not supported with this model.", param="temperature")))
    asked = Asked(server.base_url, using=own, temperature=0.5)
    assert isinstance(asked.error, ParameterRefused)
    assert asked.error.param == "temperature"
    capabilities = own.client.capabilities
    assert capabilities.refused(server.base_url, MODEL) == {"temperature": str(asked.error)}
    assert capabilities.refused(server.base_url, "other") == capabilities.refused("http://other", MODEL) == {}


def test_a_value_out_of_range_teaches_nothing(server, own):
    """PROTOCOL 2.2"""
    server.add(Status(400, error("temperature must be at most 1.", param="temperature")))
    asked = Asked(server.base_url, using=own, temperature=1.5)
    assert isinstance(asked.error, ParameterRefused)
    assert "Give another value" in str(asked.error)
    assert own.client.capabilities.refused(server.base_url, MODEL) == {}


def test_a_parameter_that_is_taken_after_all_is_offered_again(server, own):
    """PROTOCOL 2.2"""
    own.client.capabilities.learn(server.base_url, MODEL, "temperature", "words")
    own.client.capabilities.learn(server.base_url, MODEL, "top_p", "words")
    Asked(server.base_url, using=own, temperature=0.5)
    assert own.client.capabilities.refused(server.base_url, MODEL) == {"top_p": "words"}


def test_a_wrong_key_teaches_nothing(server, own):
    server.add(Status(401, error("Incorrect API key provided.", param="temperature")))
    assert isinstance(Asked(server.base_url, using=own, temperature=0.5).error, AuthenticationFailed)
    assert own.client.capabilities.refused(server.base_url, MODEL) == {}


# Empty streams


@pytest.mark.parametrize(
    "stream",
    [
        Stream([]),
        Stream([DONE]),
        Stream([": ping\n\n", "event: error\n\n"]),
        Stream([": ping\n\n", Cut()]),
        Stream([": ping\n\n", Cut(reset=True)]),
        Raw(b"", content_type="text/event-stream"),
    ],
    ids=["empty", "done", "comments", "end", "reset", "nothing"],
)
def test_a_stream_that_hides_its_reason_is_asked_for_once_without_streaming(server, own, stream):
    """PROTOCOL 4.1"""
    server.add(stream, Status(400, error("The tool's schema has no type.")))
    asked = Asked(server.base_url, using=own)
    assert "The tool's schema has no type." in str(asked.error)
    assert [request.json["stream"] for request in server.requests] == [True, False]
    assert "stream_options" not in server.requests[1].json
    assert [(event.seconds, event.attempt) for event in asked.of(Retrying)] == [(0.0, 2)]
    assert str(asked.error).endswith("(Tried 2 times.)")


def test_the_answer_without_streaming_counts(server, own):
    server.add(Stream([]), Say("Here it is."))
    asked = Asked(server.base_url, using=own)
    assert (asked.reply.text, asked.error) == ("Here it is.", None)


def test_a_base_url_that_has_served_is_not_blamed(server, own):
    server.add(Raw(b""), Raw(b""), Say("fine"), Raw(b""), Raw(b""), Status(404, error("Not Found")))
    blame = "Is the base URL"
    assert blame in str(Asked(server.base_url, using=own).error)
    assert len(server.requests) == 2
    assert Asked(server.base_url, using=own).reply.text == "fine"
    assert blame not in str(Asked(server.base_url, using=own).error)
    last = str(Asked(server.base_url, using=own).error)
    assert "one of %chat models?" in last
    assert "base URL" not in last


# Retry delays in the body


def test_a_delay_in_the_body_counts_like_one_in_the_headers(server):
    """PROTOCOL 4.2: Gemini's retryDelay"""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.03s"}
    body = [{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": [info]}}]
    server.add(Status(429, body), Status(429, body, {"Retry-After": "0.01"}), Say("fine"))
    first, second = Asked(server.base_url).waits
    assert 0.03 <= first <= 0.0375
    assert 0.01 <= second <= 0.0125


def test_a_delay_in_the_body_beyond_patience_fails(server):
    info = {"retryDelay": {"seconds": 7200}}
    server.add(Status(429, {"error": {"code": 429, "message": "Quota.", "details": [info]}}))
    asked = Asked(server.base_url)
    assert isinstance(asked.error, RateLimited)
    assert (asked.error.retry_after, len(server.requests)) == (7200.0, 1)
