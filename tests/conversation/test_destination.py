"""Where a session asks, and with which key: the one that is its own goes to the one server that it is for."""

import pytest

from nbchat.api.endpoints import Endpoint
from nbchat.conversation.process import process
from nbchat.conversation.servers import connection
from nbchat.conversation.servers.probe import probed
from nbchat.frontend import Session
from nbchat.testing import ScriptedServer
from nbchat.values.errors import AuthenticationFailed, ConfigError

KEY = "sk-test-0f1e2d3c4b5a"


@pytest.fixture(autouse=True)
def unconnected():
    """No test leaves a server connected for the others."""
    before = process.connected
    yield
    process.connected = before


@pytest.fixture
def other():
    """A server that the key is not for."""
    with ScriptedServer() as server:
        yield server


def keys(server):
    return [request.headers.get("authorization") for request in server.requests]


def connect_all(_chat, url):
    process.connected = connection.endpoint_for(url)
    return {}


def connect_this(chat, url):
    chat.connect(url)
    return {}


def name_in_request(_chat, url):
    return {"base_url": url}


WAYS = [
    (origin, name_other)
    for origin in ("given", "environment", "connected", "built-in")
    for name_other in (name_in_request, connect_this, connect_all)
    if (origin, name_other) != ("given", connect_all)  # a session with a server of its own asks that one
]


@pytest.mark.parametrize(("origin", "name_other"), WAYS)
@pytest.mark.parametrize("kind", ["key", "variable"])
def test_a_session_s_own_key_goes_to_its_own_server_only(server, other, monkeypatch, origin, name_other, kind):
    """However the server was chosen and another one is named: the other gets no Authorization header."""
    monkeypatch.setenv("MY_KEY", KEY)
    own = {"api_key": KEY} if kind == "key" else {"key_env": "MY_KEY"}
    if origin == "given":
        own["base_url"] = server.base_url
    elif origin == "environment":
        monkeypatch.setenv("NBCHAT_BASE_URL", server.base_url)
    elif origin == "connected":
        process.connected = connection.endpoint_for(server.base_url)
    chat = Session(model="scripted-1", **own)
    if origin != "built-in":
        chat.ask("mine")
        assert keys(server) == [f"Bearer {KEY}"]
    options = name_other(chat, other.base_url)
    chat.ask("elsewhere", **options)
    with chat.stream("elsewhere", **options) as events:
        list(events)
    chat.sweep("elsewhere", repeat=2, **options)
    chat.fork("b").ask("elsewhere", **options)
    assert keys(other) == [None] * 5


def test_the_key_is_for_its_server_however_that_is_spelled(server, other):
    """By its address in one request, and again after the session has been elsewhere."""
    chat = Session(model="scripted-1", base_url=server.base_url, api_key=KEY)
    chat.ask("Hi", base_url=f"{server.base_url}/chat/completions")
    chat.connect(other.base_url).ask("Hi")
    chat.connect(server.base_url + "/").ask("Hi")
    assert keys(server) == [f"Bearer {KEY}"] * 2
    assert keys(other) == [None]


def test_a_request_may_name_the_variable_of_another_key(server, monkeypatch):
    monkeypatch.setenv("OTHER_KEY", "sk-other-1a2b3c4d")
    chat = Session(model="scripted-1", base_url=server.base_url, api_key=KEY)
    chat.ask("Hi", key_env="OTHER_KEY")
    chat.connect(server.base_url, key_env="OTHER_KEY").ask("Hi")
    assert keys(server) == ["Bearer sk-other-1a2b3c4d"] * 2


def test_a_variable_that_is_not_set_is_said_at_once_and_changes_nothing(server):
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        Session(base_url=server.base_url, key_env="NO_SUCH_KEY")
    chat = Session(base_url=server.base_url, api_key=KEY, model="scripted-1")
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        chat.connect("openai", key_env="NO_SUCH_KEY")
    chat.ask("Hi")
    assert keys(server) == [f"Bearer {KEY}"]


def test_the_connected_server_s_own_key_and_model_go_with_it(server, monkeypatch):
    """Also where a request names a key of its own, which takes the place of that one."""
    monkeypatch.setenv("THEIR_KEY", "sk-theirs-9f8e7d6c")
    monkeypatch.setenv("MY_KEY", KEY)
    process.connected = connection.endpoint_for(server.base_url, key_env="THEIR_KEY", model="connected-1")
    chat = Session()
    chat.ask("Hi")
    chat.ask("Hi", key_env="MY_KEY")
    assert keys(server) == ["Bearer sk-theirs-9f8e7d6c", f"Bearer {KEY}"]
    assert [request.json["model"] for request in server.requests] == ["connected-1"] * 2


def test_a_variable_without_a_key_is_refused_when_the_session_is_made(monkeypatch):
    """Not when it asks, and only if one is named."""
    monkeypatch.delenv("MY_KEY", raising=False)
    monkeypatch.setenv("NBCHAT_BASE_URL", "https://a.example.com/v1")
    with pytest.raises(ConfigError, match="MY_KEY"):
        Session(key_env="MY_KEY")
    monkeypatch.setenv("NBCHAT_BASE_URL", "no endpoint")
    assert connection.Destination.of(None) == connection.Destination()


def test_a_refused_key_is_told_while_a_server_is_looked_for():
    def refused(_endpoint):
        raise AuthenticationFailed("No.", status=401)

    with pytest.raises(AuthenticationFailed):
        probed(Endpoint("http://localhost:1"), refused)
