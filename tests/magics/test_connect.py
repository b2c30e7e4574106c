"""`%chat connect` and `%chat key`: connected is what answered, and nothing else changes anything."""

import pytest
from IPython.core.error import UsageError

from nbchat.api.keys import Key
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.magics.commands import connect
from nbchat.testing import Plain, Refuse, ScriptedServer, Silent, Status, error
from nbchat.values.errors import AuthenticationFailed, ConfigError, ConnectionFailed, NbchatError
from tests.environment import PATIENCE
from tests.lines import said

SECRET = "sk-live-0f1e2d3c4b5a"


@pytest.fixture(autouse=True)
def unconnected(monkeypatch):
    """No test leaves a server connected for the others, and none fails because the machine is slow."""
    monkeypatch.setattr(connect, "CHECK_SECONDS", PATIENCE)
    before = process.connected
    yield
    process.connected = before


@pytest.fixture
def paths(server):
    """The answers of a server that has nothing elsewhere, no list of models either."""
    server.models = Status(404, error("Not Found"))
    return server.paths


def listing(*names):
    return Plain({"object": "list", "data": [{"id": name} for name in names]})


def test_few_models_are_named_and_many_counted(server):
    server.models = ["alpha", "beta"]
    text = said("connect " + server.base_url)
    assert text.startswith(f"connected to {server.base_url} · models: alpha, beta · no model chosen")
    server.models = [f"model-{n}" for n in range(30)]
    text = said("connect " + server.base_url)
    assert "30 models · no model chosen: %chat set model=NAME (such as model-0, model-1, model-2)" in text
    assert "(not in the list)" in said(f"connect {server.base_url} --model gamma")


def test_the_only_model_is_chosen(server):
    server.models = ["alpha"]
    assert "models: alpha · model alpha" in said("connect " + server.base_url)
    assert process.connected.model == "alpha"


@pytest.mark.parametrize(
    "path", ["", "/", "/v1", "/v1/", "/v1/models", "/v1/chat/completions", "//v1", "/chat", "/api"]
)
def test_the_api_is_found_below_v1(server, paths, path):
    paths["/v1/models"] = listing("alpha")
    said("connect " + server.base_url.removesuffix("/v1") + path)
    assert process.connected.base_url == server.base_url


@pytest.mark.parametrize(
    "answer", [Status(200, "<html><title>Welcome</title></html>"), Plain({"error": "Unexpected endpoint"})]
)
def test_a_page_at_the_bare_host_does_not_hide_the_api(server, paths, answer):
    paths |= {"/models": answer, "/v1/models": listing("alpha")}
    said("connect " + server.base_url.removesuffix("/v1"))
    assert process.connected.base_url == server.base_url


def test_a_server_without_a_list_is_connected_and_it_says_so(server):
    server.models = Status(404, error("Not Found"))
    assert "it lists no models" in said(f"connect {server.base_url} --model m")
    assert process.connected.model == "m"


def test_a_bare_host_without_a_list_is_asked_below_v1(server):
    server.models = Status(404, error("Not Found"))
    said(f"connect {server.base_url.removesuffix('/v1')} --model m")
    Session().ask("Hi")
    assert server.requests[-1].path == "/v1/chat/completions"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_refusal_below_v1_is_one_of_the_server(server, paths, status):
    paths["/v1/models"] = Status(status, error("No."))
    with pytest.raises(NbchatError, match=f"HTTP {status}"):
        said("connect " + server.base_url.removesuffix("/v1"))
    assert process.connected is None


REFUSALS = {
    "wrong key": (Status(401, error("Incorrect API key")), AuthenticationFailed),
    "not allowed": (Status(403, error("Forbidden")), AuthenticationFailed),
    "trouble": (Status(500, error("boom")), NbchatError),
    "busy": (Status(503), NbchatError),
    "limit": (Status(429), NbchatError),
    "page": (Status(200, "<html><title>Welcome</title></html>"), NbchatError),
    "silent": (Silent(), ConnectionFailed),
    "breaks off": (Refuse(), ConnectionFailed),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_server_that_refused_is_not_connected_and_the_old_one_stays(server, refusal, monkeypatch):
    said(f"connect {server.base_url} --model old")
    answer, kind = REFUSALS[refusal]
    if refusal == "silent":
        monkeypatch.setattr(connect, "CHECK_SECONDS", 0.2)
    with ScriptedServer(models=answer) as other:
        with pytest.raises(kind) as caught:
            said("connect " + other.base_url)
        assert f"Nothing changed: {server.base_url} is still in use." in str(caught.value)
        asks = f"%chat key {other.base_url} asks for its key."
        assert (asks in str(caught.value)) is (kind is AuthenticationFailed)
        assert "connected to" not in str(caught.value)
    assert (process.connected.base_url, process.connected.model) == (server.base_url, "old")


def test_a_refused_connection_and_a_missing_key_fail_at_once(server, monkeypatch):
    with ScriptedServer() as gone:
        address = gone.base_url
    with pytest.raises(ConnectionFailed, match="Connection refused"):
        said("connect " + address)
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"Groq needs a key, and none is set: set GROQ_API_KEY .* %chat key groq"):
        said("connect groq")
    assert process.connected is None


def test_a_key_without_access_to_the_list_of_models_is_accepted(server):
    server.models = Status(403, error("Missing scopes: api.model.read"))
    assert "connected to" in said("connect " + server.base_url)


def test_headers_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("AZURE_KEY", SECRET)
    text = said(f"connect {server.base_url} --header 'api-key=$AZURE_KEY' --header=x-team=$AZURE_KEY")
    assert "2 headers" in text
    assert SECRET not in text + repr(process.connected)
    Session(model="m").ask("Hi")
    assert [request.headers["api-key"] for request in server.requests] == [SECRET, SECRET]


@pytest.mark.parametrize(
    "line",
    [
        f"http://127.0.0.1:9/v1 --key-env {SECRET}",
        f"http://127.0.0.1:9/v1 --header api-key={SECRET}",
        f"http://127.0.0.1:9/v1 --header {SECRET}",
        f"http://127.0.0.1:9/v1 {SECRET}",
        f"http://127.0.0.1:9/v1 --{SECRET}",
        SECRET,
        f"key={SECRET}",
        f"http://127.0.0.1:9/v1 --key={SECRET}",
        f"http://127.0.0.1:9/v1 --api-key={SECRET}",
    ],
)
def test_a_key_that_was_pasted_is_not_repeated(line):
    with pytest.raises((UsageError, ConfigError)) as caught:
        said("connect " + line)
    assert SECRET not in str(caught.value)


@pytest.fixture
def typed(monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda _prompt: SECRET)


@pytest.mark.usefixtures("typed")
def test_a_key_may_be_given_for_a_server_by_name(server):
    assert "is used until the kernel stops" in said("key " + server.base_url)
    assert (process.connected.base_url, process.connected.key) == (server.base_url, Key(SECRET))


@pytest.mark.usefixtures("typed")
def test_a_key_that_is_refused_changes_nothing(server):
    server.models = Status(401, error(f"no such key {SECRET}"))
    with pytest.raises(AuthenticationFailed, match=r"Nothing changed\.") as caught:
        said("key " + server.base_url)
    assert SECRET not in str(caught.value)
    assert process.connected is None


@pytest.mark.parametrize("line", [SECRET, "eyJhbGciOi.J9.abc", "openai groq", f"openai {SECRET}"])
def test_a_key_is_never_typed_into_a_cell(line):
    with pytest.raises(UsageError, match="Never type a key into a cell") as caught:
        said("key " + line)
    assert SECRET not in str(caught.value)


# A model that only a real server has


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("claude-3-7-sonnet-latest", "set ANTHROPIC_API_KEY before the kernel starts, or run %chat key anthropic"),
        ("gpt-4o", "set OPENAI_API_KEY before the kernel starts, or run %chat key openai"),
        ("qwen2.5:7b", "%chat connect lists the servers, local ones included"),
    ],
)
def test_a_real_model_with_nothing_connected_says_what_is_missing(model, words):
    chat = Session(model=model)
    with pytest.raises(ConfigError, match="no key is set for one") as caught:
        chat.ask("Hi")
    assert words in str(caught.value)
    assert repr(model) in str(caught.value)
    assert chat.turns in ((), [])


def test_a_real_model_with_the_built_in_one_connected_says_so(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    said("connect built-in")
    with pytest.raises(ConfigError, match=r"The built-in model is connected.*returns to OpenAI"):
        Session(model="gpt-4o").ask("Hi")


def test_a_key_for_no_server_is_an_error(monkeypatch):
    monkeypatch.setenv("NBCHAT_API_KEY", SECRET)
    with pytest.raises(ConfigError, match="set NBCHAT_BASE_URL to the server that NBCHAT_API_KEY is for"):
        Session(model="gpt-4o").ask("Hi")


def test_a_known_server_is_not_asked_without_its_key():
    chat = Session(base_url="openai", model="gpt-4o")
    with pytest.raises(ConfigError, match=r"OpenAI needs a key.*Nothing was sent\."):
        chat.ask("Hi", stream=False)
