"""A key that a server sends back shows up nowhere: no sentence, event, reply, pickle or traceback holds it."""

import asyncio
import io
import itertools
import json
import pickle
import re
import traceback
from base64 import b64encode
from collections import deque
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core import ultratb

from nbchat.api.answer.masked_tokens import MaskedTokens
from nbchat.api.endpoints import Endpoint
from nbchat.api.keys import Key
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.testing import DONE, Cut, Plain, Raw, Refuse, Say, Status, Stream, chunk, completion, error
from nbchat.values.errors import NbchatError
from nbchat.values.key_shapes import MASK
from tests.api.asking import Asked
from tests.api.test_pools import Relay

SECRET = "sk-live-4f9Zq_77"
HEADERS = {"x-request-id": f"id-{SECRET}", "retry-after": SECRET, "x-ratelimit-limit-tokens": SECRET}
HTML = f"<html><title>Bad key {SECRET}</title><body>{SECRET}</body></html>"
FINAL = {"x-should-retry": "false", **HEADERS}

ECHOES = {
    "error body": Status(401, error(f"Incorrect API key provided: {SECRET}", code=SECRET, param=SECRET), HEADERS),
    "error text": Status(403, f"no such key {SECRET}", HEADERS),
    "error page": Status(500, HTML, FINAL),
    "validation": Status(422, {"detail": [{"loc": ["body", SECRET], "msg": SECRET, "input": SECRET}]}, HEADERS),
    "error escaped": Status(400, json.dumps(error(f"key {SECRET}")).replace("-", "\\u002d").encode(), HEADERS),
    "error cut short": Status(400, "x" * 290 + SECRET, HEADERS),
    "error in the stream": Stream([chunk("a"), error(f"no such key {SECRET}"), DONE], headers=HEADERS),
    "not json": Stream([chunk("a"), "data: {" + SECRET + "\n\n", DONE], headers=HEADERS),
    "page with 200": Status(200, HTML, HEADERS),
    "text with 200": Status(200, SECRET, HEADERS),
    "error with 200": Plain(error(SECRET), headers=HEADERS),
    "answer": Say(f"Your key is {SECRET}.", model=SECRET, reasoning=SECRET, headers=HEADERS),
    "answer in pieces": Say([f"Your key is {SECRET[:3]}", SECRET[3:9], f"{SECRET[9:]}."], headers=HEADERS),
    "answer by character": Say(list(SECRET), headers=HEADERS),
    "whole answer": Plain(completion(SECRET, refusal=SECRET), headers=HEADERS),
    "answer cut off": Stream([chunk(SECRET[:7]), chunk(SECRET[7:]), Cut(reset=True)], headers=HEADERS),
    "bytes": Raw(
        ("data: " + json.dumps(chunk(SECRET, finish="stop")) + "\n\n").encode(), pieces=[1] * 300, headers=HEADERS
    ),
}


def shown(error):
    """Every way in which Python and IPython show an exception."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:  # which holds the key, of course
        trace = trace.tb_next
    shape = type(error), error, trace
    formats = [ultratb.VerboseTB(), ultratb.FormattedTB("Verbose"), ultratb.FormattedTB("Context")]
    texts = [re.sub(r"\x1b\[[0-9;]*m", "", formatted.text(*shape)) for formatted in formats]
    out = io.StringIO()
    traceback.TracebackException(*shape, capture_locals=True).print(file=out, chain=True)
    return "\n".join([*texts, out.getvalue(), str(error), repr(error), repr(vars(error))])


@pytest.fixture(params=sorted(ECHOES))
def echo(request, server):
    server.add(ECHOES[request.param])
    server.default = lambda received: ECHOES[request.param]
    return server


def test_no_event_and_no_reply_holds_the_key(echo):
    asked = Asked(echo.base_url, key=SECRET)
    assert SECRET not in repr(asked.events)
    assert SECRET not in repr((asked.reply, asked.reply.choices, asked.reply.notices, asked.reply.request))
    assert SECRET.encode() not in pickle.dumps(asked.reply)
    assert asked.error is None or SECRET not in shown(asked.error)
    assert echo.requests[0].headers["authorization"] == f"Bearer {SECRET}"


def test_no_exception_of_a_session_holds_the_key(echo, tmp_path):
    chat = Session(base_url=echo.base_url, model="m", api_key=SECRET)
    try:
        chat.ask("Hello", timeout=5)
    except NbchatError as failure:
        assert SECRET not in shown(failure)
        assert SECRET.encode() not in pickle.dumps(failure)
    assert SECRET not in repr((chat, chat.turns, chat.ledger(), chat.endpoint, chat.messages))
    for name in ("a.md", "a.json", "a.ipynb"):
        assert SECRET not in chat.export(tmp_path / name).read_text()


def test_no_exception_of_a_coroutine_holds_the_key(server):
    server.add(ECHOES["error body"])
    chat = Session(base_url=server.base_url, model="m", api_key=SECRET)
    with pytest.raises(NbchatError) as caught:
        asyncio.run(chat.aask("Hello"))
    assert SECRET not in shown(caught.value)


@pytest.fixture(params=["a proxy's password", "a proxy's user", "the address", "a query"])
def own_secret(request, echo, monkeypatch):
    """The address of a server that echoes a secret other than the key: its proxy's, or one in its own address."""
    host = echo.base_url.removeprefix("http://")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    if request.param == "the address":
        yield f"http://me:{SECRET}@{host}"
    elif request.param == "a query":
        yield f"{echo.base_url}?api-key={SECRET}"
    else:
        login = f"me:{SECRET}" if "password" in request.param else SECRET
        with Relay(lambda head: (b"", ("127.0.0.1", int(host.partition("/")[0].rpartition(":")[2])))) as relay:
            monkeypatch.setenv("HTTP_PROXY", relay.url.replace("http://", f"http://{login}@"))
            yield "http://server.test/v1"


def test_no_secret_of_a_proxy_or_an_address_is_held_either(own_secret):
    asked = Asked(own_secret)
    assert SECRET not in repr(asked.events)
    assert SECRET not in repr((asked.reply, asked.reply.choices, asked.reply.notices))
    assert asked.error is None or SECRET not in shown(asked.error)


@pytest.mark.parametrize("form", [quote, lambda text: b64encode(f"me:{text}".encode()).decode()])
def test_a_password_is_masked_in_each_form_in_which_it_is_sent(server, form, monkeypatch):
    password = "geheim/4f9Zq+77"
    echoed = form(password) if form is not quote else quote(password, safe="")
    server.add(Status(407, f"refused: {echoed} and {password}", FINAL))
    host = server.base_url.removeprefix("http://")
    asked = Asked(f"http://me:{quote(password, safe='')}@{host}")
    assert "refused: [key] and [key]" in str(asked.error)


@pytest.mark.parametrize(
    "echo", [Status(401, error(SECRET)), Status(200, HTML), Plain([{"id": "a"}, 5]), Refuse()], ids=repr
)
def test_listing_models_shows_no_key(server, echo):
    server.models = echo
    try:
        process.engine().run(process.engine().client.models(Endpoint(server.base_url, Key(SECRET))))
    except NbchatError as failure:
        assert SECRET not in shown(failure)


@pytest.mark.parametrize("secret", [f"{SECRET}\n{SECRET}", f"{SECRET}é", f"{SECRET}\x00"], ids=ascii)
def test_a_key_that_can_not_be_sent_is_not_quoted(server, secret):
    chat = Session(base_url=server.base_url, model="m", api_key=secret)
    with pytest.raises(NbchatError) as caught:
        chat.ask("Hello")
    assert SECRET not in shown(caught.value)
    assert server.requests == []


def test_a_secret_in_the_address_is_not_shown():
    secret_url = f"http://me:{SECRET}@127.0.0.1:1/v1?key={SECRET}"
    chat = Session(base_url=secret_url, model="m")
    request = chat.request("Hello")
    assert SECRET not in repr((chat.endpoint, chat, request))
    asked = Asked(secret_url)
    assert SECRET not in shown(asked.error)
    assert request.body["model"] == "m"


def test_a_variable_s_key_is_not_shown_either(server, monkeypatch):
    monkeypatch.setenv("NBCHAT_BASE_URL", server.base_url)
    monkeypatch.setenv("NBCHAT_API_KEY", SECRET)
    server.add(ECHOES["error body"])
    with pytest.raises(NbchatError) as caught:
        Session(model="m").ask("Hello")
    assert SECRET not in shown(caught.value)


@given(
    st.lists(st.sampled_from(["", "a", SECRET, SECRET[:7], SECRET[7:], *SECRET[:7], "\ud83d", "\ude00"]), max_size=40),
    st.data(),
)
def test_a_key_is_masked_in_log_probabilities_however_it_is_cut_into_tokens(parts, data):
    """In portions of any size, with nothing beside the token that repeats it; a token may end one key and begin another."""
    text = "".join(parts)
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    texts = [text[start:end] for start, end in itertools.pairwise([0, *ends, len(text)])]
    tokens = [
        {
            "token": text,
            "logprob": -0.1,
            "bytes": [*text.encode("utf-8", "surrogatepass")],
            "top_logprobs": [{"token": text}],
        }
        for text in texts
    ]
    mask, said = MaskedTokens(Key(SECRET)), []
    left = deque(tokens)
    while left:
        said += mask.feed([left.popleft() for _ in range(min(len(left), data.draw(st.integers(1, 5))))])
    said += mask.flush()
    assert "".join(one["token"] for one in said) == "".join(texts).replace(SECRET, MASK)
    assert [one["logprob"] for one in said] == [-0.1] * len(tokens)
    assert all(
        one == token or ("bytes" not in one and "top_logprobs" not in one)
        for one, token in zip(said, tokens, strict=True)
    )


def test_masking_tokens_takes_time_in_proportion_to_them():
    """A beginning of the key and then nothing but empty tokens, or one long token that ends so."""
    mask = MaskedTokens(Key(SECRET))
    beginning = "x" * 1_000_000 + SECRET[:5]
    assert mask.feed([{"token": beginning}]) == ()
    assert not any(mask.feed([{"token": ""}]) for _ in range(100_000))
    assert len(mask.flush()) == 100_001


@pytest.mark.parametrize("cuts", [(1,), (1, 9), (1, 15), (1, 9, 10), (4, 12), (7, 9), (8, 9), (9,), ()])
def test_two_keys_in_a_row_are_masked_wherever_the_tokens_end(cuts):
    """A token may hold the end of one key and the beginning of the next, and its first half may be out already."""
    key, text = Key("sk-a/b+7"), "sk-a/b+7sk-a/b+7s"
    masked = MaskedTokens(key)
    ends = itertools.pairwise([0, *cuts, len(text)])
    tokens = [token for start, end in ends for token in masked.feed([{"token": text[start:end]}])]
    shown = "".join(token["token"] for token in (*tokens, *masked.flush()))
    assert shown == "[key][key]s"
