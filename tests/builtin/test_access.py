"""Access control of the built-in server, over real sockets, with the headers of browsers and programs."""

import json
import socket

import httpx
import pytest

from nbchat.builtin.http import handlers
from nbchat.builtin.http.access import check_place, is_loopback
from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.http.server import BuiltinServer
from tests.builtin.asking import ask, body, stream, text_of


@pytest.fixture(scope="module")
def open_server():
    """A server that lets any page ask."""
    with (
        BuiltinServer(pace=None, cors="*") as server,
        httpx.Client(base_url=server.base_url, trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8302", "localhost.evil.example", "127.0.0.1.nip.io", ""]
)
def test_a_name_that_is_not_the_servers_own_is_refused(http, host):
    reply = http.get("/models", headers={"Host": host})
    assert reply.status_code in (400, 403)
    assert http.post("/chat/completions", json=body(), headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "notebook.localhost", "[::1]:80", "127.0.0.1", "localhost."]
)
def test_the_servers_own_names_are_answered(http, host):
    assert http.get("/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/models", "/chat/completions", "/nothing-here"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://[bad"])
def test_web_pages_are_refused_without_details(http, path, origin):
    for method in ("GET", "POST", "OPTIONS"):
        reply = http.request(method, path, headers={"Origin": origin}, content=json.dumps(body()))
        assert reply.status_code in (400, 403)
        assert not [name for name in reply.headers if name.startswith("access-control")]


def test_the_servers_own_origin_is_no_strangers(http):
    assert http.get("/models", headers={"Origin": str(http.base_url).removesuffix("/v1/")}).status_code == 200


def test_without_cors_nobody_is_told_of_options(http):
    assert http.options("/models").status_code == 405
    assert "OPTIONS" not in http.request("DELETE", "/models").headers["Allow"]


def test_with_cors_pages_may_ask_and_read_errors_too(open_server):
    page = {"Origin": "https://page.example"}
    asked = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for path in ("/chat/completions", "/models", "/models/nbchat-demo"):
        before = open_server.options(path, headers=asked)
        assert before.status_code == 204
        assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
    replies = [open_server.get("/models", headers=page), open_server.get("/nothing", headers=page)]
    replies.append(open_server.post("/chat/completions", json=body(max_tokens=1), headers=page))
    replies.append(open_server.post("/chat/completions", json={}, headers=page))
    assert [reply.status_code for reply in replies] == [200, 404, 200, 400]
    assert {reply.headers["Access-Control-Allow-Origin"] for reply in replies} == {"*"}


def test_cors_may_be_for_one_origin_and_the_key_still_counts():
    with (
        BuiltinServer(pace=None, cors="https://page.example", api_key="k") as server,
        httpx.Client(base_url=server.base_url, trust_env=False) as client,
    ):
        page = {"Origin": "https://page.example"}
        assert client.options("/models", headers=page).status_code == 204
        assert client.get("/models", headers=page).status_code == 401
        assert client.get("/models", headers={**page, "Authorization": "Bearer k"}).status_code == 200
        assert client.get("/models", headers={"Origin": "https://other.example"}).status_code == 403
        assert client.get("/models", headers={"Host": "any.example", "Authorization": "bearer  k"}).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_key_may_be_written_in_any_case(scheme):
    with BuiltinServer(api_key="k") as server:
        given = {"authorization": f"{scheme} k"}
        assert httpx.get(f"{server.base_url}/models", headers=given, trust_env=False).status_code == 200
        assert (
            httpx.get(f"{server.base_url}/models", headers={"Authorization": "Basic k"}, trust_env=False).status_code
            == 401
        )


def test_a_server_for_others_answers_to_this_machines_name_alone():
    check_place(socket.gethostname(), None, bound="0.0.0.0", cors=None, keyed=False)
    check_place("192.168.1.20:8302", None, bound="0.0.0.0", cors=None, keyed=False)
    with pytest.raises(Refusal, match=r"name is not 'evil\.example'"):
        check_place("evil.example", None, bound="0.0.0.0", cors=None, keyed=False)
    with pytest.raises(Refusal):
        check_place(socket.gethostname() + ".evil.example", None, bound="127.0.0.1", cors=None, keyed=False)
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1", "x")] == [
        True
    ] * 3 + [False] * 3


def answer_to(server, request):
    host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_body_that_never_comes_and_one_that_is_too_long_end_the_connection(monkeypatch):
    monkeypatch.setattr("nbchat.builtin.http.server.BODY_SECONDS", 0.2)
    monkeypatch.setattr("nbchat.builtin.http.server.IDLE_SECONDS", 0.2)
    with BuiltinServer() as server:
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
        assert b" 200 " not in answer_to(server, head.format(100).encode() + b"{")
        assert b" 200 " not in answer_to(server, head.format(10**12).encode() + b"{")
        assert b" 200 " not in answer_to(server, b"GET /v1/models HTTP/1.1\r\nHost: local")
        assert b" 200 " not in answer_to(server, b"GET /v1/models HTTP/1.1\r\nX: " + b"x" * 100_000)


def test_a_client_that_reads_nothing_is_disconnected(monkeypatch):
    monkeypatch.setattr(handlers, "STALL_SECONDS", 0.2)
    with BuiltinServer(pace=None) as server:
        endless = json.dumps(body(stream=True, n=100, max_tokens=8000, logprobs=True, top_logprobs=20)).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(endless)}\r\n\r\n"
        host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(head.encode() + endless)
            while server.counters.running or not server.counters.abandoned:
                connection.getpeername()


@pytest.mark.parametrize(
    "said",
    [
        {"role": "assistant", "content": None, "refusal": "I can't help with that."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I can't help with that."}]},
    ],
)
def test_a_refusal_in_the_history_is_a_message(http, said):
    messages = [{"role": "user", "content": "Hm"}, said, {"role": "user", "content": "What is a list?"}]
    assert text_of(ask(http, messages, max_tokens=3))


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["city", "limit"],
}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (
            f"Weather? city: Paris, limit is 3.\n\nAnswer with JSON alone, that fits this JSON schema:\n{json.dumps(SCHEMA)}",
            {"city", "limit"},
        ),
        ("Tell me of lists. Respond in JSON with the keys title and body.", {"title", "body"}),
        ("Please reply only with a JSON object with keys a and b.", {"a", "b"}),
        ("What is a list? JSON only.", {"topic", "answer"}),
    ],
)
def test_json_may_be_asked_for_in_words(http, text, keys):
    assert json.loads(text_of(ask(http, text))).keys() == keys
    chunks = stream(http, text, seed=1)
    said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert json.loads(said).keys() == keys


@pytest.mark.parametrize(
    "text",
    [
        "What is JSON?",
        "How do I return JSON from a function?",
        "Write a JSON parser.",
        "Give me JSON files, would you?",
        "json",
    ],
)
def test_talk_of_json_is_answered_in_words(http, text):
    assert not text_of(ask(http, text, max_tokens=20)).startswith("{")


def test_a_schema_in_words_that_nothing_fits_is_no_error(http):
    nothing = {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 3, "maximum": 1}},
        "required": ["a"],
    }
    assert text_of(ask(http, f"Answer in JSON that fits this schema: {json.dumps(nothing)}", max_tokens=20))
