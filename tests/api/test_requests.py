"""Where a request goes: to its own server, over an encrypted way where it holds a secret."""

import httpx
import pytest

from nbchat.api.endpoints import Endpoint
from nbchat.api.http.requests import redirected, request
from nbchat.api.keys import Key
from nbchat.conversation.servers.connection import models
from nbchat.testing import Plain, Say, ScriptedServer, Status
from nbchat.values.errors import ConfigError, ServerError
from tests.api.asking import Asked

SECRET = "sk-test-0f1e2d3c4b5a"


def made(url, method="POST", **parts):
    endpoint = Endpoint(url, **parts)
    return request(method, endpoint.chat_url, endpoint=endpoint, timeout=httpx.Timeout(1), content=b"{}")


@pytest.mark.parametrize("secret", ["key", "header", "login"])
@pytest.mark.parametrize("host", ["gpu-box:8000", "192.168.1.7:8000", "api.example.com", "localhost.example.com"])
def test_a_secret_goes_over_plain_http_to_this_machine_only(host, secret, monkeypatch):
    """PROTOCOL 4.7"""
    parts = {"key": {"key": Key(SECRET)}, "header": {"headers": (("api-key", Key(SECRET)),)}, "login": {}}[secret]
    login = f"me:{SECRET}@" if secret == "login" else ""
    with pytest.raises(ConfigError, match=r"would go unencrypted.*NBCHAT_PLAIN_HTTP=.*Nothing was sent\.") as caught:
        made(f"http://{login}{host}/v1", **parts)
    assert SECRET not in str(caught.value)
    assert made(f"https://{login}{host}/v1", **parts)
    assert made(f"http://{login}127.0.0.1:8000/v1", **parts)
    monkeypatch.setenv("NBCHAT_PLAIN_HTTP", f"other, {host.partition(':')[0]}")
    assert made(f"http://{login}{host}/v1", **parts)


@pytest.mark.parametrize("placeholder", ["EMPTY", "not-needed", "ollama", "x"])
def test_a_key_that_is_none_may_go_anywhere(placeholder):
    assert made("http://gpu-box:8000/v1", key=Key(placeholder)).headers["authorization"] == f"Bearer {placeholder}"


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("stream", [True, False])
def test_a_redirect_on_the_same_server_is_followed(server, status, stream):
    """PROTOCOL 4.7: also a relative one, with method, body and key"""
    server.add(Status(status, headers={"Location": "/v2/chat/completions?x=1"}))
    server.add(Status(status, headers={"Location": f"{server.base_url}/again"}))
    server.paths["/v1/again"] = Say("fine")
    asked = Asked(server.base_url, key=SECRET, stream=stream)
    assert asked.reply.text == "fine"
    assert [r.path for r in server.requests] == ["/v1/chat/completions", "/v2/chat/completions?x=1", "/v1/again"]
    assert {(r.method, r.body, r.headers["authorization"]) for r in server.requests} == {
        ("POST", server.requests[0].body, f"Bearer {SECRET}")
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_is_never_followed(server, status):
    with ScriptedServer() as other:
        server.add(Status(status, headers={"Location": f"{other.base_url}/chat/completions"}))
        asked = Asked(server.base_url, key=SECRET)
        assert isinstance(asked.error, ServerError)
        assert f"HTTP {status}: moved to {other.base_url}. The address redirects" in str(asked.error)
        assert other.requests == []


def test_redirects_end(server):
    server.default = lambda received: Status(308, headers={"Location": received.path})
    assert Asked(server.base_url).error.status == 308
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_list_of_models_is_followed_to_where_it_moved(server, status):
    server.models = Status(status, headers={"Location": "/v2/models"})
    server.paths["/v2/models"] = Plain([{"id": "alpha"}])
    assert models(Endpoint(server.base_url)) == ["alpha"]


@pytest.mark.parametrize(
    ("url", "location", "followed"),
    [
        ("http://a.example.com/v1", "https://a.example.com/v1", True),
        ("https://a.example.com/v1", "http://a.example.com/v1", False),
        ("https://a.example.com/v1", "https://a.example.com:8443/v1", False),
        ("https://a.example.com/v1", "https://a.example.com.evil.example/v1", False),
        ("https://a.example.com/v1", "//b.example.com/v1", False),
        ("https://a.example.com/v1", "https://b.example.com@a.example.com/v1", True),
        ("https://a.example.com/v1", "https://a.example.com@b.example.com/v1", False),
        ("https://a.example.com/v1", "javascript:alert(1)", False),
        ("https://a.example.com/v1", "file:///etc/passwd", False),
        ("https://a.example.com/v1", "http://[", False),
        ("https://a.example.com/v1", "../v2", True),
    ],
)
def test_the_same_server_is_one_with_its_scheme_and_port(url, location, followed):
    sent = httpx.Request("POST", url, content=b"{}")
    assert (redirected(sent, httpx.Response(308, headers={"Location": location})) is not None) is followed
