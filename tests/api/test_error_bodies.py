"""Real error bodies: their class, whether they are tried again, and the words that reach the user."""

import json

import pytest

from nbchat.api.error_body import describe
from nbchat.api.failure import error_from, may_pass
from nbchat.api.keys import Key
from nbchat.testing import Say, Status
from nbchat.values.errors import QuotaExceeded
from tests.api.asking import Asked
from tests.api.error_bodies import CASES, SENT


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_real_error_is_told_as_what_it_is(case):
    """PROTOCOL 4.1, 4.2"""
    error = error_from(case.status, case.body, server="S", sent=SENT, key=Key("sk-test-1234"))
    assert type(error) is case.kind
    assert case.words in str(error)
    if case.not_said != "no credit" or case.kind is not QuotaExceeded:
        assert case.not_said not in str(error).removeprefix("S answered")
    assert may_pass(case.status, describe(case.body), error) is case.again
    written = case.body if isinstance(case.body, str) else json.dumps(case.body)
    assert str(error_from(case.status, written.encode(), server="S", sent=SENT, key=Key("sk-test-1234"))) == str(error)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.status in (429, 500, 503, 524, 599)], ids=lambda case: case.name
)
def test_it_is_asked_again_exactly_where_that_may_help(server, case):
    """PROTOCOL 4.2, over real sockets"""
    server.add(Status(case.status, case.body), Say("fine"))
    sent = {name: value for name, value in SENT.items() if name not in ("messages", "stream")}
    asked = Asked(server.base_url, **sent)
    assert (asked.reply.text, len(server.requests)) == (("fine", 2) if case.again else ("", 1))
    assert case.again or type(asked.error) is case.kind
