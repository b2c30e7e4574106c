"""Why a server could not be reached, in one sentence, and how long a refusal asks to wait."""

import socket

import httpx
import pytest

from nbchat.api.call import Call
from nbchat.api.endpoints import Endpoint
from nbchat.api.keys import Key
from nbchat.api.refusal import unreachable, words_of
from nbchat.testing import Say, Status
from nbchat.testing.payloads import error
from nbchat.values.answer.events import Responded
from nbchat.values.answer.usage import RateLimits
from tests.api.asking import Asked

CALL = Call(Endpoint("http://gpu-box:8000/v1", Key("sk-secret-77")), {})


def unknown_name():
    try:
        try:
            raise socket.gaierror(-2, "Name or service not known")
        except OSError as cause:
            raise httpx.ConnectError("[Errno -2] Name or service not known") from cause
    except httpx.ConnectError as failure:
        return failure


@pytest.mark.parametrize(
    ("failure", "sentence", "again"),
    [
        (httpx.InvalidURL("bad"), "is not a valid address (bad). Give", False),
        (httpx.UnsupportedProtocol("bad"), "is not a valid address (bad). Give", False),
        (httpx.ProxyError("407"), "is behind a proxy that refused the connection (407). Is it right, or", False),
        (httpx.ConnectError("CERTIFICATE_VERIFY_FAILED"), "has a certificate that can't be verified", False),
        (httpx.ConnectError("WRONG_VERSION_NUMBER"), "does not speak TLS", False),
        (httpx.ConnectError("HTTP_REQUEST"), "does not speak TLS", False),
        (httpx.ConnectError("RECORD_LAYER_FAILURE"), "does not speak TLS", False),
        (httpx.ConnectError("SSL: odd"), "broke off the TLS handshake", False),
        (httpx.ConnectError("odd TLS"), "broke off the TLS handshake", False),
        (httpx.ConnectTimeout(""), "did not accept a connection within 10 s", True),
        (unknown_name(), "(Name or service not known). Is the network up, and is 'gpu-box' the right name?", True),
        (httpx.ConnectError("[Errno 111] Connection Refused"), "(Connection Refused). Is the server running", True),
        (httpx.ConnectError("No route."), "can't be reached (No route). Is the network up, and the address", True),
        (httpx.RemoteProtocolError("illegal request line"), "does not speak plain http", False),
        (httpx.RemoteProtocolError("illegal header: bytearray(b'x')"), "(illegal header: (b'x'))", False),
        (httpx.RemoteProtocolError("conflicting lengths"), "does not answer in HTTP/1.1", False),
        (httpx.RemoteProtocolError("too long"), "does not answer in HTTP/1.1", False),
        (httpx.RemoteProtocolError("Server disconnected."), "failed before its answer began (Server disconn", True),
        (httpx.ReadError(""), "failed before its answer began (ReadError). Run it again.", True),
    ],
)
def test_a_failure_of_the_transport_is_explained(failure, sentence, again):
    failed = unreachable(CALL, failure)
    assert str(failed.error).startswith("http://gpu-box:8000/v1 ")
    assert sentence in str(failed.error)
    assert (failed.again, failed.stale) == (again, False)


@pytest.mark.parametrize(
    ("kind", "stale"),
    [
        *((kind, True) for kind in (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)),
        *((kind, False) for kind in (httpx.ConnectError, httpx.ReadTimeout, httpx.DecodingError)),
    ],
)
def test_only_a_connection_that_was_used_before_may_be_stale(kind, stale):
    """PROTOCOL 4.3"""
    assert unreachable(CALL, kind("x"), reused=True).stale is stale
    assert unreachable(CALL, kind("x")).stale is False


def test_words_are_one_short_line_without_secrets():
    assert words_of(httpx.ReadError("a\n b " + "c" * 300), None) == "a b " + "c" * 196
    assert words_of(httpx.ReadError("no sk-secret-77."), Key("sk-secret-77")) == "no [key]"


RESET = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "0.03"}


@pytest.mark.parametrize(
    ("status", "said", "headers", "least"),
    [
        (429, "Try again in 0.2s.", {"retry-after": "0.03", "x-ratelimit-reset-requests": "0.2"}, 0.03),
        (429, "Try again in 0.03s.", {"x-ratelimit-reset-requests": "0.2"}, 0.03),
        (429, "No.", {"x-ratelimit-reset-requests": "0.03"}, 0.03),
        (503, "No.", {"x-ratelimit-reset-requests": "0.2"}, 0.001),
        (503, "Try again in 0.03s.", {}, 0.03),
        (529, "Try again in 0.03s.", {}, 0.03),
        (500, "Try again in 0.2s.", {}, 0.001),
        (429, "No.", {"retry-after": "0"}, 0.0),
        (429, "No.", {}, 0.001),
        (502, "No.", {"retry-after": "0.03"}, 0.03),
    ],
)
def test_the_delay_is_the_one_that_the_server_asks_for_most_clearly(server, own, status, said, headers, least):
    """PROTOCOL 4.2: its header, else its words, else the reset of a spent limit"""
    server.add(Status(status, error(said), headers), Say("fine"))
    [wait] = Asked(server.base_url, using=own).waits
    assert least <= wait <= 1.25 * least


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-generation-id"])
@pytest.mark.parametrize(("given", "told"), [("r-1", "r-1"), ("r" * 257, "r" * 255 + "…"), ("sk-secret-77", "[key]")])
def test_a_request_id_is_kept_for_the_server_s_support(server, name, given, told):
    server.add(Say("fine", headers={name: given}), Status(400, error("No."), {name: given}))
    [responded] = Asked(server.base_url, key="sk-secret-77").of(Responded)
    assert responded.request_id == told
    assert Asked(server.base_url, key="sk-secret-77").error.request_id == told


def test_the_limits_of_an_answer_are_told_and_obeyed(server, own):
    """PROTOCOL 4.6"""
    server.add(Say("fine", headers=RESET), Say("fine"))
    first, second = Asked(server.base_url, using=own), Asked(server.base_url, using=own)
    assert first.of(Responded)[0].limits == RateLimits(remaining_requests=0, reset_requests=0.03)
    assert first.waits == []
    assert second.reply.text == "fine"
    assert own.client._paces.of(Endpoint(server.base_url))._requests.known


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("/v2/chat/completions?key=secret", "moved to {}/v2."),
        ("/v2/", "moved to {}/v2."),
    ],
)
def test_a_redirect_that_is_not_followed_names_its_target(server, location, told):
    server.add(Status(302, "", {"location": location}))
    assert told.format(server.base_url.removesuffix("/v1")) in str(Asked(server.base_url).error)


@pytest.mark.parametrize("size", [65_536, 65_537])
def test_an_error_body_is_read_to_its_limit(server, size):
    server.add(Status(400, "{" + " " * (size - 15) + '"error": "No"}'))
    said = str(Asked(server.base_url).error)
    assert ("HTTP 400: No" in said) == (size == 65_536)
