"""Real error bodies: their class, whether they are tried again, and the words that reach the user."""

import json

import pytest

from nbchat.api.error_body import MOST_NESTED, describe, text_of
from nbchat.api.failure import error_from, is_temporary
from nbchat.api.keys import Key
from nbchat.testing import Say, Status
from nbchat.values.errors import QuotaExceeded
from tests.api.asking import Asked
from tests.api.error_bodies import CASES, SENT


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_real_error_is_classified(case):
    """PROTOCOL 4.1, 4.2"""
    error = error_from(case.status, case.body, server="S", sent=SENT, key=Key("sk-test-1234"))
    assert type(error) is case.kind
    assert case.words in str(error)
    if case.not_said != "no credit" or case.kind is not QuotaExceeded:
        assert case.not_said not in str(error).removeprefix("S answered")
    assert is_temporary(case.status, describe(case.body), error) is case.again
    written = case.body if isinstance(case.body, str) else json.dumps(case.body)
    assert str(error_from(case.status, written.encode(), server="S", sent=SENT, key=Key("sk-test-1234"))) == str(error)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.status in (429, 500, 503, 524, 599)], ids=lambda case: case.name
)
def test_it_is_retried_exactly_if_that_may_help(server, case):
    """PROTOCOL 4.2, over real sockets"""
    server.add(Status(case.status, case.body), Say("fine"))
    sent = {name: value for name, value in SENT.items() if name not in ("messages", "stream")}
    asked = Asked(server.base_url, **sent)
    assert (asked.reply.text, len(server.requests)) == (("fine", 2) if case.again else ("", 1))
    assert case.again or type(asked.error) is case.kind


def test_a_detail_is_all_that_a_body_says():
    """PROTOCOL 4.1: the innermost message, codes and types from the outside in, and the retry delay."""
    body = {
        "type": "error",
        "code": "bad",
        "error": {
            "type": "throttled",
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Slow down.",
            "details": [
                {"@type": "x.RetryInfo", "retryDelay": "7s"},
                "no object",
                {"reason": "RATE_LIMIT"},
            ],
        },
    }
    detail = describe(json.dumps(body))
    assert (detail.message, detail.retry_after, detail.status) == ("Slow down.", 7, 429)
    assert (detail.type, detail.code) == ("throttled", "429")
    assert detail.kinds[-1] == "RATE_LIMIT"
    assert describe(detail) is detail
    assert not detail.is_page


def test_an_html_page_is_recognized():
    for page in ("<!DOCTYPE html><title>Sign in</title>", "<head></head><HTML><h1>Sign in</h1>"):
        detail = describe(page)
        assert (detail.message, detail.is_page) == ("Sign in", True)
    for part in (
        "<h1>401 Authorization Required</h1>",
        "<p>401 Authorization Required",
        "<center>401 Authorization Required</center>",
    ):
        assert (describe(part).message, describe(part).is_page) == ("401 Authorization Required", True)
    assert describe("<unk> is no token").message == "<unk> is no token"
    assert not describe("<message>No &amp; no</message>").is_page
    assert describe("<message>No &amp; no</message>").message == "No & no"


@pytest.mark.parametrize("between", [" ", ": ", " - ", " = b'", '\n"', ""])
def test_a_gateways_message_includes_the_json_it_quotes(between):
    assert describe(f'Upstream failed{between}{{"error": {{"message": "No."}}}}').message == "Upstream failed: No."
    assert describe(f'Upstream failed{between}{{"other": 1}}').message.startswith("Upstream failed")


@pytest.mark.parametrize("body", ["No.", {"message": "No."}, [{"error": "No."}]], ids=json.dumps)
def test_a_body_may_be_json_in_a_string(body):
    assert describe(json.dumps(json.dumps(body))).message == "No."


def test_an_object_of_unknown_shape_is_quoted_and_bounded():
    assert describe({"a": {"b": "word"}}).message == '{"a": {"b": "word"}}'
    assert describe({}).message == ""
    assert 100 < len(describe({"a": "word " * 100_000}).message) <= 20 * 300


@pytest.mark.parametrize(
    ("wrapped", "levels"),
    [
        (lambda body: {"error": body}, 1),
        (lambda body: [body], 1),
        (lambda body: {"details": body}, 1),
        (lambda body: {"message": json.dumps(body)}, 2),
        (lambda body: {"metadata": {"raw": json.dumps(body)}}, 2),
        (lambda body: {"metadata": {"raw": body}}, 1),
        (lambda body: f"Upstream: {json.dumps({'error': body})}", 2),
    ],
)
def test_a_message_is_found_as_deep_as_the_limit_and_no_deeper(wrapped, levels):
    body = {"message": "No."}
    for _ in range(MOST_NESTED // levels):
        body = wrapped(body)
    assert describe(body).message.endswith("No.")
    assert not describe(wrapped(wrapped(body))).message.endswith("No.")


@pytest.mark.parametrize("more", [0, 1])
def test_an_object_of_unknown_shape_is_searched_as_deep(more):
    body = "word"
    for _ in range(MOST_NESTED + more):
        body = {"x": body}
    assert ("word" in describe(body).message) == (more == 0)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        *(({name: 36}, 36.0) for name in ("retry_after", "retryAfter", "retry-after-seconds", "retryDelay")),
        *(({"retry_after": written}, 36.0) for written in ("36", " 36s ", "36.0s", {"seconds": 36, "nanos": 0})),
        *(({"retry_after": written}, None) for written in ("-1", -1, "1e3", True, None, 1e9, float("nan"), "x", [36])),
        ({"retry_after": 0}, 0.0),
        ({"retry_after": 999_999_999}, 999_999_999.0),
        ({"retry_after_ms": 1500}, 1.5),
    ],
    ids=str,
)
def test_a_delay_is_read_as_servers_write_it(fields, seconds):
    """PROTOCOL 4.2"""
    for body in ({"error": {"message": "No.", **fields}}, {"message": "No.", "details": [fields]}):
        assert describe(body).retry_after == seconds


@pytest.mark.parametrize(
    ("code", "status"), [("400", 400), (599, 599), ("399", None), ("600", None), ("4001", None), ("x404", None)]
)
def test_a_status_may_be_in_the_body(code, status):
    assert describe({"error": {"message": "No.", "code": code}}).status == status
    assert describe({"error": {"message": "No.", "status": code}}).status == status


@pytest.mark.parametrize("place", [49, 50])
def test_so_many_items_and_fields_are_searched(place):
    is_found = place < 50
    blank = {f"x{number}": number for number in range(place)}
    for body in ([{}] * place + [{"message": "No."}], {**blank, "message": "No."}):
        assert (describe(body).message == "No.") is is_found
    details = [{}] * place + [{"reason": "ODD", "retryDelay": "7s"}]
    detail = describe({"message": "No.", "details": details})
    assert (detail.kinds, detail.retry_after) == ((("ODD",), 7.0) if is_found else ((), None))


@pytest.mark.parametrize(("size", "end"), [(300, "xx"), (301, "x…")])
def test_a_message_is_as_long_as_a_quotation(size, end):
    said = describe("x" * size).message
    assert (len(said), said[-2:]) == (300, end)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<html><title>A</title><h1>B</h1>", "A"),
        ("<html><title></title><h1 class='x'>B</h1>", "B"),
        ("<html><style>p {}</style><script>x()</script><p>A <b>&amp;</b></p>C", "A & C"),
        ("<html><STYLE>p {}</STYLE>A<scripted>B", "A"),
        ("<html>", ""),
        ("x" * 1_990 + "<html><p>A</p>", "x" * 299 + "…"),
    ],
)
def test_a_page_is_quoted_by_its_words(page, words):
    assert describe(page).message == words


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"type": "a", "code": "b", "message": "No."}, (("b", "a"), "a", "b", None)),
        ({"error": "not_found", "message": "No."}, (("not_found",), None, None, None)),
        ({"error": "Not found at all", "message": "No."}, ((), None, None, None)),
        ({"status": "404", "message": "No."}, ((), None, None, None)),
        ({"status": "NOT_FOUND", "message": "No."}, (("NOT_FOUND",), "NOT_FOUND", None, None)),
        ({"code": "null", "type": "None", "param": "", "message": "No."}, ((), None, None, None)),
        ({"code": True, "errorCode": 7, "message": "No."}, (("7",), None, "7", None)),
        ({"param": "a", "error": {"param": None, "message": "No."}}, ((), None, None, "a")),
        ({"param": "a", "error": {"param": "b", "message": "No."}}, ((), None, None, "b")),
        ({"detail": [{"loc": ["body", "a"], "msg": "No.", "type": "odd"}]}, (("odd",), "odd", None, "a")),
        ({"detail": [{"loc": ["body"], "msg": "No."}]}, ((), None, None, None)),
        ({"errors": {"a": ["No."], "b": ["Odd."]}}, ((), None, None, "a")),
        ({"errors": {"a": [], "b": ["No."]}}, ((), None, None, "b")),
    ],
    ids=str,
)
def test_codes_types_and_parameters_are_collected(body, said):
    """PROTOCOL 4.1"""
    detail = describe(body)
    assert detail.message.endswith("No.")
    assert (detail.kinds, detail.type, detail.code, detail.param) == said


def test_validation_errors_name_their_fields():
    detail = describe({"errors": {"top_p": ["must be below 1."]}})
    assert (detail.message, detail.param) == ("top_p: must be below 1.", "top_p")
    detail = describe({"detail": [{"loc": ["body", "stop", 0], "msg": "too long", "type": "value_error"}]})
    assert (detail.message, detail.param, detail.type) == ("stop.0: too long", "stop", "value_error")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("charset", [None, "utf-8", "iso-8859-1", "hex", "no-such"])
def test_a_body_is_read_in_its_own_encoding_whatever_is_declared(codec, charset):
    said = '{"error": {"message": "The key sk-geheim-123456 is ungültig."}}'
    assert text_of(said.encode(codec), charset) == said
    assert describe(said.encode(codec), Key("sk-geheim-123456")).message == "The key [key] is ungültig."


def test_a_body_that_is_no_unicode_is_read_in_the_charset_that_was_declared(server):
    server.add(Status(400, "Zu große Anfrage".encode("latin-1"), {"content-type": "text/plain; charset=ISO-8859-1"}))
    assert "answered HTTP 400: Zu große Anfrage." in str(Asked(server.base_url).error)
    assert text_of(b"gro\xdfe") == "gro\ufffde"
