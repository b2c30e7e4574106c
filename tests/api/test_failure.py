"""What a server's error means: one typed error, one sentence, whatever the body."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbchat.api.error_body import describe
from nbchat.api.failure import error_from, is_temporary, is_unsupported, may_refuse_usage, refused_parameter
from nbchat.api.keys import Key
from nbchat.testing import error
from nbchat.values.errors import (
    AuthenticationFailed,
    ContextTooLong,
    ModelNotFound,
    ParameterRefused,
    QuotaExceeded,
    RateLimited,
    ServerError,
)
from tests import strategies

SENT = {"model": "m", "messages": [], "temperature": 3, "top_p": 1, "stream": True, "stream_options": {}}

statuses = st.none() | st.sampled_from([200, 301, 400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529, 599])
raw_bodies = st.one_of(
    strategies.error_bodies,
    strategies.error_bodies.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=60),
    st.text(max_size=60),
    st.sampled_from(["<html><title>x</title>", "<!DOCTYPE html>", "[" * 5000, '{"detail":[{"loc":5}]}']),
)


def is_one_line(text):
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


@given(statuses, raw_bodies)
@example(400, {"detail": [{"loc": None, "msg": None}]})
@example(400, {"error": {"message": "a\nb\u2028c\x1b[2J\x00\u202ed\ud83d"}})
def test_a_body_of_any_shape_is_one_sentence_on_one_line(status, body):
    """PROTOCOL 4.1"""
    failure = error_from(status, body, server="The server", sent=SENT)
    assert isinstance(failure, ServerError)
    assert failure.status == status
    assert str(failure).startswith("The server answered ")
    for text in (str(failure), failure.code or "", failure.param or ""):
        assert is_one_line(text)
        assert len(text) < 700


@given(strategies.secrets, statuses, st.data())
def test_the_key_is_in_no_error_wherever_the_body_holds_it(secret, status, data):
    """A 401 often quotes the key it was given."""
    leaves = st.sampled_from([secret, f"no {secret}!", "x" * 290 + secret, 1, None])
    keys = st.sampled_from(["error", "message", "detail", "code", "param", "type", "loc", "msg", secret])
    body = data.draw(
        st.recursive(leaves, lambda more: st.lists(more, max_size=3) | st.dictionaries(keys, more, max_size=4))
    )
    written = data.draw(st.sampled_from(["decoded", "json", "escaped", "text", "html"]))
    if written == "json":
        body = json.dumps(body).encode()
    elif written == "escaped":
        body = json.dumps(body).replace("-", "\\u002d").replace("s", "\\u0073").encode()
        body = body if b'"' in body else b"{}"
    elif written == "text":
        body = f"Incorrect key {secret}".encode()
    elif written == "html":
        body = f"<html><title>Bad {secret.replace('-', '&#45;')}</title></html>".encode()
    failure = error_from(status, body, server="S", sent=SENT, key=Key(secret))
    assert secret not in str(failure) + repr(failure) + repr(vars(failure))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (error("No."), "No."),
        ({"error": "No."}, "No."),
        ({"error": {"error": {"message": "No."}}}, "No."),
        ({"detail": "No."}, "No."),
        ({"detail": [{"loc": ["body", "top_p"], "msg": "No."}]}, "top_p: No."),
        ({"detail": {"error": {"message": "No."}}}, "No."),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "No."}}, "No."),
        ({"message": "No.", "code": 7}, "No."),
        ({"error": None, "message": "No."}, "No."),
        ([error("No.")], "No."),
        ("No.", "No."),
        (b" No.\n", "No."),
        ("<html><head><title>502 Bad Gateway</title></head>", "502 Bad Gateway"),
        ("<!doctype html><h1>Oh &amp; no</h1>", "Oh & no"),
        ("<html><body>no title</body></html>", "no title"),
        (b"", ""),
        (b"null", "null"),
        ({}, ""),
        ([], ""),
    ],
)
def test_what_a_body_says_is_found(body, message):
    """PROTOCOL 4.1"""
    assert describe(body).message == message
    if not isinstance(body, (str, bytes)):
        assert describe(json.dumps(body)).message == message


@pytest.mark.parametrize(("code", "word"), [(429, "429"), ("a_code", "a_code"), (None, None), ("", None), (True, None)])
def test_a_code_may_be_a_number_a_word_or_null(code, word):
    """PROTOCOL 4.1"""
    assert describe(error("No.", code=code)).code == word


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", AuthenticationFailed),
        (403, b"", AuthenticationFailed),
        (400, error("Incorrect API key provided"), AuthenticationFailed),
        (402, b"", QuotaExceeded),
        (429, error("You exceeded your current quota", code="insufficient_quota"), QuotaExceeded),
        (429, b"", RateLimited),
        (404, b"", ModelNotFound),
        (400, error("Model Not Exist"), ModelNotFound),
        (400, error("The model `x` does not exist", code="model_not_found"), ModelNotFound),
        (503, error("No such model: x"), ModelNotFound),
        (
            400,
            error("This model's maximum context length is 4096 tokens", code="context_length_exceeded"),
            ContextTooLong,
        ),
        (413, b"<html><title>413 Request Entity Too Large</title>", ContextTooLong),
        (400, error("Unsupported value", param="temperature"), ParameterRefused),
        (400, error("`temperature` is deprecated for this model."), ParameterRefused),
        (422, {"detail": [{"loc": ["body", "top_p"], "msg": "Extra inputs are not permitted"}]}, ParameterRefused),
        (500, error("unexpected keyword argument 'top_p'"), ParameterRefused),
        (400, error("temperatures vary"), ServerError),
        (400, error("max_tokens is too large"), ServerError),  # it was not sent
        (500, b"", ServerError),
        (302, b"", ServerError),
        (None, error("Slow down", type="rate_limit_error"), RateLimited),
    ],
)
def test_the_status_decides_first_and_then_the_words(status, body, kind):
    """PROTOCOL 4.1: a wrong key may be 400, a bad request 500"""
    assert type(error_from(status, body, server="S", sent=SENT, key=Key("k"))) is kind


SENTENCES = {
    (401, "Incorrect API key provided"): "S answered HTTP 401: Incorrect API key provided. Set the right key with %chat"
    " key, or in the endpoint's variable.",
    (429, ""): "S answered HTTP 429. Wait 7 s, or send less at once.",
    (503, "Overloaded"): "S answered HTTP 503: Overloaded. Try again later.",
    (400, "top_p must be below 1."): "S answered HTTP 400: top_p must be below 1. Give another value, or unset it"
    " (%chat set top_p=none).",
    (
        400,
        "top_p is not supported",
    ): "S answered HTTP 400: top_p is not supported. Leave it unset (%chat set top_p=none).",
    (400, "tools is not supported"): "S answered HTTP 400: tools is not supported. Leave it unset.",
    (404, "Not Found"): "S answered HTTP 404: Not Found. Is 'm' one of %chat models, and the base URL the API's (often"
    " ending in /v1)?",
}


@pytest.mark.parametrize(("case", "sentence"), SENTENCES.items(), ids=lambda value: str(value)[:30])
def test_a_sentence_says_what_came_and_what_to_do_next(case, sentence):
    status, said = case
    sent = {**SENT, "tools": []}
    failure = error_from(status, {"error": said}, server="S", sent=sent, retry_after=7.0, key=Key("k"))
    assert str(failure) == sentence


PAGE = "<html><title>No.</title></html>"
SET_KEY = "Set the right key with %chat key, or in the endpoint's variable."
LACKS = "The key lacks permission: ask for access, or choose another model or server."


@pytest.mark.parametrize(
    ("status", "body", "options", "advice"),
    [
        (401, "", {}, "No key was sent: set one with %chat key, or in the endpoint's variable."),
        (401, "", {"key_env": "MY_KEY"}, "No key was sent: set MY_KEY, or use %chat key."),
        (401, "No.", {"key": Key("k")}, SET_KEY),
        (401, PAGE, {"key": Key("k")}, SET_KEY),
        (403, PAGE, {}, "A gateway before the server refused it: a proxy, a VPN or a firewall may be why."),
        (403, "No.", {"key": Key("k")}, LACKS),
        (403, "Invalid API key.", {"key": Key("k")}, SET_KEY),
        (403, error("No.", code="invalid_key"), {"key": Key("k")}, SET_KEY),
        (407, "No.", {}, "A proxy asks for a login: give it in HTTPS_PROXY, as http://user:password@host:port."),
        *((status, "No.", {}, "The address redirects: give the base URL that it leads to.") for status in (300, 399)),
        *((status, "No.", {}, "Try again later.") for status in (500, 501, 599)),
        *((status, "No.", {}, "") for status in (None, 200, 299, 400, 406, 408, 499)),
        (500, "The field x is required.", {}, ""),
        (502, "The field x is required.", {}, "Try again later."),
        *((status, "", {"retry_after": 1.6}, "Wait 2 s, or send less at once.") for status in (429,)),
        (429, "", {}, "Wait a moment, or send less at once."),
        (400, "This model takes no image input.", {}, "Leave the images out, or choose a model that takes them."),
        (404, "This model takes no image input.", {}, "Leave the images out, or choose a model that takes them."),
        (404, "No.", {"known": True}, "Is 'm' one of %chat models?"),
        (404, "No m here.", {}, "Is 'm' one of %chat models?"),
        (404, "Model not found.", {}, "Is 'm' one of %chat models?"),
        (404, error("No.", code="model_not_found"), {}, "Is 'm' one of %chat models?"),
        (405, "No.", {}, "Is 'm' one of %chat models, and the base URL the API's (often ending in /v1)?"),
        (410, "No.", {"sent": {}}, "Is 'the model' one of %chat models, and the base URL the API's (often ending in /v1)?"),
    ],
)  # fmt: skip
def test_the_advice_is_for_what_happened(status, body, options, advice):
    """PROTOCOL 4.1"""
    failure = error_from(
        status, {"error": body} if body in ("No.", "") else body, server="S", **{"sent": SENT, **options}
    )
    said = describe(body).message or ("No." if body else "")
    begun = f"S answered {'with an error' if status in (None, 200) else f'HTTP {status}'}{': ' if said else ''}{said}"
    assert str(failure) == f"{begun.removesuffix('.')}. {advice}".strip()


@pytest.mark.parametrize("end", [".", "!", "?", "…", "。"])
def test_a_sentence_that_has_its_end_gets_no_other(end):
    assert str(error_from(400, f"No{end}", server="S")) == f"S answered HTTP 400: No{end}"


@pytest.mark.parametrize(
    ("param", "message", "refused"),
    [
        ("temperature", "No.", "temperature"),
        ("body.temperature", "No.", "temperature"),
        ("temperature.value", "No.", "temperature"),
        ("temperature[0]", "No.", "temperature"),
        ("model", "temperature", None),
        ("messages", "temperature", None),
        ("stream", "temperature", None),
        (None, "The stream and the model are no good.", None),
        (None, "presencePenalty is odd", "presence_penalty"),
        (None, "presencepenalty is odd", None),
        (None, "Set top_p.", "top_p"),
        (None, "Set top_p, top_p_min and stop_top_p.", "top_p"),
        (None, "Set stop-top_p or top_p-min.", None),
        (None, "Neither top_p nor temperature.", "temperature"),
        (None, "No include_usage.", "stream_options"),
        (None, "No include_usage with top_p.", "top_p"),
        (None, "No.", None),
    ],
)
def test_the_parameter_that_an_error_is_about_is_one_that_was_sent(param, message, refused):
    """PROTOCOL 2.2"""
    sent = {**SENT, "presence_penalty": 1}
    detail = describe({"error": {"message": message, "param": param}})
    assert refused_parameter(detail, sent) == refused
    assert refused_parameter(detail, {"model": "m", "messages": [], "stream": True}) is None


@pytest.mark.parametrize(
    ("status", "body", "again"),
    [
        (500, "No.", True),
        (500, error("No.", code=503), True),
        (500, error("The field x is required.", code=503), True),
        (500, error("No.", code=400), False),
        (500, error("The field x is required.", code=500), False),
        (500, error("No.", code="bad_request"), False),
        (500, "The field x is required.", False),
        (500, "The field x is required. Try again.", True),
        (500, "This model takes no image input.", False),
        (503, "The field x is required.", True),
        (400, "Try again.", False),
        (501, "Try again.", False),
        (429, error("No.", code="insufficient_quota"), False),
    ],
)
def test_only_what_may_pass_is_asked_again(status, body, again):
    """PROTOCOL 4.2"""
    assert is_temporary(status, describe(body), error_from(status, body, server="S")) is again


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (error("No.", code="insufficient_quota"), QuotaExceeded),
        (error("Overdue balance."), QuotaExceeded),
        (error("You exceeded your current quota."), QuotaExceeded),
        (error("Rate limit."), RateLimited),
        (error("No.", code="rate_limit"), RateLimited),
        (error("Too many tokens."), ContextTooLong),
        (error("Odd.", param="top_p"), ParameterRefused),
        (error("Wrong API key."), AuthenticationFailed),
        (error("Unknown model."), ModelNotFound),
        (error("top_p is odd."), ParameterRefused),
        (error("'Unknown model' is odd."), ServerError),
        (error("No.", code=401), AuthenticationFailed),
        (error("No.", code=429), RateLimited),
        (error("No."), ServerError),
    ],
)
def test_an_error_in_a_stream_is_known_by_its_words(body, kind):
    """PROTOCOL 3.5"""
    for status in (None, 200):
        failure = error_from(status, body, server="S", sent=SENT)
        assert type(failure) is (ServerError if status == 200 and "Rate" in str(failure) else kind)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (429, "Overdue balance.", QuotaExceeded),
        (429, "You exceeded your current quota.", RateLimited),
        (401, "Overdue balance.", QuotaExceeded),
        (403, "Overdue balance.", QuotaExceeded),
        (412, "Overdue balance.", QuotaExceeded),
        (412, "You exceeded your current quota.", QuotaExceeded),
        (412, "Wrong API key.", ServerError),
        (418, "Overdue balance.", ServerError),
        (422, "Wrong API key.", AuthenticationFailed),
        (500, "Wrong API key.", AuthenticationFailed),
        (503, "Wrong API key.", ServerError),
        (503, "Unknown model.", ModelNotFound),
        (418, "Unknown model.", ServerError),
        (418, "Too many tokens.", ContextTooLong),
        (418, "Rate limit.", ServerError),
        (418, "top_p is odd.", ServerError),
    ],
)
def test_words_decide_where_the_status_is_vague(status, words, kind):
    """PROTOCOL 4.1"""
    assert type(error_from(status, {"error": words}, server="S", sent=SENT)) is kind


@pytest.mark.parametrize(
    ("body", "unsupported"),
    [
        (error("Unsupported parameter: 'max_tokens' is not supported with this model.", param="max_tokens"), True),
        (
            error("Unsupported value: 'temperature' does not support 0.2. Only the default (1) value is supported."),
            True,
        ),
        (error("`temperature` is deprecated for this model."), True),
        (error("Unrecognized request argument supplied: top_k"), True),
        (error("Refused.", param="temperature"), True),
        ({"error": "invalid option provided: temperature"}, True),
        (
            {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]},
            True,
        ),
        (error("temperature must be between 0 and 1"), False),
        (error("Invalid 'temperature': decimal above maximum value.", param="temperature"), False),
        (error("max_tokens is too large: 9000", param="max_tokens"), False),
        ({"detail": [{"loc": ["body", "top_p"], "msg": "Input should be less than or equal to 1"}]}, False),
        (error("`temperature` and `top_p` cannot both be specified for this model."), False),
    ],
)
def test_a_value_out_of_range_does_not_make_a_parameter_unsupported(body, unsupported):
    """PROTOCOL 2.2"""
    assert is_unsupported(describe(body)) is unsupported


@pytest.mark.parametrize(
    ("status", "body", "may"),
    [
        (400, error("Unknown field: stream_options"), True),
        (400, error("include_usage is not known"), True),
        (422, {"detail": [{"loc": ["body", "stream_options", "include_usage"], "msg": "Extra"}]}, True),
        (500, error("got an unexpected keyword argument 'stream_options'"), True),
        (400, error("Unrecognized request argument"), True),
        (400, b"", True),
        (400, "Bad Request", True),
        (400, error("The prompt is empty."), False),
        (400, error("temperature is not supported"), False),
        (400, error("No.", param="messages"), False),
        (500, b"", False),
        (401, b"", False),
    ],
)
def test_the_usage_request_is_blamed_if_it_or_nothing_is_named(status, body, may):
    """PROTOCOL 2.3"""
    assert may_refuse_usage(status, describe(body), SENT) is may
    assert may_refuse_usage(status, describe(body), {"model": "m"}) is False
