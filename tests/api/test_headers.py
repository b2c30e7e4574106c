"""Headers of the user's own: they go to their server, and show themselves nowhere."""

import logging
import pickle

import pytest

from nbchat.api.endpoints import Endpoint
from nbchat.api.http.headers import RESERVED, header_pairs, named_headers
from nbchat.api.keys import Key
from nbchat.conversation.session import Session
from nbchat.store.encoding import encoded
from nbchat.testing import Plain, Say, ScriptedServer, Status, completion, error
from nbchat.values.errors import ConfigError, GuardError, NbchatError
from tests.api.test_secrets import shown

SECRET = "az-4f9Zq_77-0b1c2d"


def test_a_value_may_come_from_the_environment():
    env = {"AZURE_KEY": SECRET, "WHO": "me"}
    given = {"api-key": "$AZURE_KEY", "Authorization": "Basic ${WHO}:$", "X-Plain": "a$b"}
    pairs = dict(header_pairs(given, env))
    assert pairs == {"api-key": Key(SECRET), "Authorization": Key("Basic me:$"), "X-Plain": Key("a$b")}
    assert named_headers(["api-key=$AZURE_KEY", "x-user = Bearer $WHO"], env) == (
        ("api-key", Key(SECRET)),
        ("x-user", Key("Bearer me")),
    )


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"api-key": "$NOT_SET"}, "The header api-key needs the variable NOT_SET, which is not set."),
        ({"api key": "x"}, "A header's name has only"),
        ({"a\r\nb": "x"}, "A header's name has only"),
        ({"api-key": f"{SECRET}\r\nHost: evil"}, "holds a character that headers can't carry"),
        ({"api-key": f"{SECRET}é"}, "holds a character that headers can't carry"),
        ({"api-key": ""}, "is empty"),
        ({"api-key": 5}, "must be text; got int"),
        ([("a", "b")], "headers must be a dictionary"),
        *(({name.title(): "x"}, "nbchat sets the header") for name in RESERVED),
    ],
)
def test_a_bad_header_is_one_sentence_without_its_value(headers, words):
    with pytest.raises(NbchatError, match=words) as caught:
        Session(base_url="http://127.0.0.1:9/v1", headers=headers)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("word", [f"api-key={SECRET}", SECRET, f"api-key:{SECRET}", "=x", f"api-key={SECRET}$"])
def test_a_value_that_stands_in_the_line_is_refused_and_not_repeated(word):
    with pytest.raises(ConfigError, match="takes its value from the environment") as caught:
        named_headers([word], {})
    assert SECRET not in str(caught.value)
    assert ("The header api-key takes" in str(caught.value)) == word.startswith("api-key=")


@pytest.mark.parametrize(("size", "named"), [(40, True), (41, False)])
def test_a_long_name_may_be_a_value_and_is_not_repeated(size, named):
    with pytest.raises(ConfigError) as caught:
        named_headers([f"{'x' * size}=plain"], {})
    assert ("x" * size in str(caught.value)) is named


def test_headers_go_to_their_server_only(server, monkeypatch):
    monkeypatch.setenv("AZURE_KEY", SECRET)
    chat = Session(base_url=server.base_url, model="m", headers={"api-key": "$AZURE_KEY", "X-Team": "data"})
    chat.ask("Hi")
    chat.fork("b").ask("Hi")
    assert [(r.headers["api-key"], r.headers["x-team"]) for r in server.requests] == [(SECRET, "data")] * 2
    assert all("authorization" not in request.headers for request in server.requests)
    with ScriptedServer() as other:
        chat.ask("Hi", base_url=other.base_url)
        chat.connect(other.base_url).ask("Hi")
        assert ["api-key" in request.headers for request in other.requests] == [False, False]
    chat.connect(server.base_url).ask("Hi")
    assert server.requests[-1].headers["api-key"] == SECRET


def test_a_header_may_take_the_place_of_the_key(server):
    Session(base_url=server.base_url, model="m", api_key="sk-1234567", headers={"authorization": "Basic abc"}).ask("Hi")
    assert server.requests[-1].headers["authorization"] == "Basic abc"


def test_a_query_in_the_address_stays(server):
    Session(base_url=f"{server.base_url}/chat/completions?api-version=2024-10-21", model="m").ask("Hi")
    assert server.requests[-1].path == "/v1/chat/completions?api-version=2024-10-21"


ECHOES = {
    "error": Status(401, error(f"bad api-key {SECRET}"), {"x-request-id": SECRET}),
    "answer": Say(f"You sent {SECRET}.", model=SECRET),
    "pieces": Say(list(f"You sent {SECRET}.")),
    "whole": Plain(completion(f"You sent {SECRET}.")),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_a_header_s_value_shows_nowhere(server, echo, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    chat = Session(
        base_url=server.base_url, model="m", api_key="sk-other-1234", headers={"api-key": f"Bearer {SECRET}"}
    )
    server.add(ECHOES[echo])
    seen = []
    try:
        seen.append(repr(chat.ask("Hi")))
        seen.append(pickle.dumps(chat.turns[-1].reply).decode("latin-1"))
    except NbchatError as failure:
        seen.append(shown(failure))
    seen.extend(chat.export(tmp_path / name).read_text() for name in ("a.md", "a.json", "a.ipynb"))
    seen += [repr(chat), repr(chat.endpoint), repr(chat.endpoint.headers), repr(chat._settings), caplog.text]
    assert SECRET not in "".join(seen)
    assert server.requests[-1].headers["api-key"] == f"Bearer {SECRET}"


def test_a_message_that_holds_a_header_s_value_does_not_leave(server):
    chat = Session(base_url=server.base_url, model="m", headers={"api-key": f"Bearer {SECRET}"})
    with pytest.raises(GuardError):
        chat.ask(f"Is {SECRET} right?")
    assert server.requests == []


def test_an_endpoint_with_headers_is_not_known_to_lack_a_key():
    assert Endpoint("https://api.openai.com/v1", name="openai").lacks_key
    assert not Endpoint("https://api.openai.com/v1", name="openai", headers=(("api-key", Key("x")),)).lacks_key


def test_the_journal_masks_a_header_s_value_and_nothing_else():
    endpoint = Endpoint("http://127.0.0.1:9/v1", Key("sk-other-1234"), headers=(("api-key", Key(f"Bearer {SECRET}")),))
    written = encoded({"text": f"a {SECRET} b sk-other-1234 c"}, [endpoint.secrets])
    assert written == b'{"text":"a [key] b [key] c"}'
