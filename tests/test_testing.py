"""The scripted server keeps its word: every answer arrives as scripted, and every way of failing is real."""

import gc
import json
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.testing import (
    DONE,
    Cut,
    Flood,
    Hang,
    Pause,
    Plain,
    Raw,
    Refuse,
    Say,
    ScriptedServer,
    Silent,
    StaleKeepAlive,
    Status,
    Stream,
    Until,
    chunk,
    completion,
    error,
    tool_call,
    usage,
)

LONG = 30.0  # seconds; an upper bound that is never reached


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.base_url, timeout=LONG, trust_env=False) as client:
        yield client


def ask(client, **fields):
    return client.post("/chat/completions", json={"model": "m", "messages": [], **fields})


def stream(client, **fields):
    fields = {"model": "m", "messages": [], "stream": True, **fields}
    return client.stream("POST", "/chat/completions", json=fields)


def events(text):
    data = [line.removeprefix("data: ") for line in text.split("\n") if line]
    return [json.loads(line) for line in data if line != "[DONE]"]


def said(payloads, index=0):
    deltas = [c["delta"] for p in payloads for c in p["choices"] if c["index"] == index]
    return "".join(delta.get("content") or "" for delta in deltas)


# What is recorded


def test_a_request_is_recorded_whole(server, client):
    client.post("/chat/completions", json={"model": "m", "stream": False}, headers={"Authorization": "Bearer k"})
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer k"
    assert request.json == {"model": "m", "stream": False}
    assert request.finished.wait(LONG)
    assert not request.closed.is_set()


def test_a_chunked_request_body_is_put_together(server, client):
    client.post("/chat/completions", content=iter([b'{"stre', b'am": ', b"false}"]))
    assert server.requests[0].json == {"stream": False}


def test_waiting_hands_out_each_request_once_and_in_order(server, client):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.wait_for_request, LONG)
        ask(client, user="first")
        assert waiting.result().json["user"] == "first"
    ask(client, user="second")
    assert server.wait_for_request().json["user"] == "second"
    with pytest.raises(TimeoutError, match="request number 3"):
        server.wait_for_request(timeout=0)


def test_many_clients_at_once_are_each_answered_in_the_order_of_their_requests(server, client):
    server.default = lambda request: Say(request.json["user"])
    server.add(*(Say(f"answer {n}") for n in range(20)))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: ask(client, user=f"user {n}").json(), range(40)))
    texts = sorted(answer["choices"][0]["message"]["content"] for answer in answers)
    late = [request.json["user"] for request in server.requests[20:]]
    assert texts == sorted([f"answer {n}" for n in range(20)] + late)


def test_a_script_answers_chats_and_other_paths_have_answers_of_their_own(server, client):
    server.add(Say("first"), Say("second"))
    server.paths["/v1/tokenize"] = Plain({"tokens": [1, 2]})
    assert client.post("/tokenize", json={}).json() == {"tokens": [1, 2]}
    assert client.post("/embeddings", json={}).status_code == 404
    assert client.get("/chat/completions").status_code == 404
    assert [ask(client).json()["choices"][0]["message"]["content"] for _ in range(2)] == ["first", "second"]
    server.paths["/v1/chat/completions"] = Status(503)
    assert ask(client).status_code == 503


# Good answers


def test_an_empty_script_still_answers_whole_and_streamed(client):
    whole = ask(client).json()
    with stream(client) as response:
        streamed = events(response.read().decode())
    assert whole["choices"][0]["message"]["content"] == said(streamed) == "Hello from the scripted server."
    assert whole["usage"] == {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}
    assert all("usage" not in event for event in streamed)


def test_usage_is_streamed_last_and_only_when_asked_for(server, client):
    server.add(Say("a b", usage=(3, 2)))
    with stream(client, stream_options={"include_usage": True}) as response:
        *_, last = events(response.read().decode())
    assert (last["choices"], last["usage"]) == ([], usage(3, 2))


def test_n_choices_interleave(server, client):
    server.add(Say("one two"), Say("one two"))
    with stream(client, n=3) as response:
        streamed = events(response.read().decode())
    assert [said(streamed, index) for index in range(3)] == ["one two"] * 3
    assert [choice["index"] for choice in ask(client, n=2).json()["choices"]] == [0, 1]


def test_none_means_that_the_field_is_missing(server, client):
    server.add(Say("x", finish=None, model=None, usage=None, done=False), Say("x", model=None, usage=None))
    with stream(client, stream_options={"include_usage": True}) as response:
        text = response.read().decode()
    assert "[DONE]" not in text
    assert {key for event in events(text) for key in event} == {"id", "object", "created", "choices"}
    assert {choice["finish_reason"] for event in events(text) for choice in event["choices"]} == {None}
    assert set(ask(client).json()) == {"id", "object", "created", "choices"}


def test_exact_chunks_and_a_number_of_chunks(server, client):
    server.add(Say(["He", "llo"]), Say("Hello", chunks=2))
    for expected in (["He", "llo"], ["He", "llo"]):
        with stream(client) as response:
            deltas = [event["choices"][0]["delta"] for event in events(response.read().decode())]
        assert [delta["content"] for delta in deltas if delta.get("content")] == expected


def test_reasoning_and_tool_calls_come_as_their_fields(server, client):
    call = tool_call("rows", {"limit": 2}, id="call_9")
    server.add(Say("", reasoning="let me see", tool_calls=[call]), Say("", reasoning="let me see", tool_calls=[call]))
    with stream(client) as response:
        streamed = [event["choices"][0] for event in events(response.read().decode())]
    parts = [part for choice in streamed for part in choice["delta"].get("tool_calls", [])]
    assert [part.get("id") for part in parts] == ["call_9", None, None]
    assert "".join(part["function"]["arguments"] for part in parts) == '{"limit": 2}'
    assert "".join(choice["delta"].get("reasoning_content", "") for choice in streamed) == "let me see"
    assert streamed[-1]["finish_reason"] == "tool_calls"
    message = ask(client).json()["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"][0]["function"] == {"name": "rows", "arguments": '{"limit": 2}'}


@given(text=st.text(), chunks=st.none() | st.integers(1, 7))
def test_any_text_survives_any_cutting(text, chunks):
    request = json.dumps({"stream": True}).encode()
    steps = list(Say(text, chunks=chunks).steps(_received(request)))
    bodies = [step.split(b"\r\n", 1)[1] for step in steps[1:] if isinstance(step, bytes)]
    assert said(events(b"".join(body[:-2] for body in bodies).decode())) == text


def _received(body):
    from nbchat.testing import Received

    return Received("POST", "/v1/chat/completions", {}, body)


def test_a_lone_surrogate_travels_as_an_escape(server, client):
    server.add(Stream([chunk("\ud83d"), chunk("\ude42"), DONE]))
    with stream(client) as response:
        assert said(events(response.read().decode())) == "\ud83d\ude42"


def test_models_are_listed_or_answered_as_scripted(server, client):
    server.models = ["a", "b"]
    assert [model["id"] for model in client.get("/models").json()["data"]] == ["a", "b"]
    server.models = Status(404)
    assert client.get("/models").status_code == 404
    assert client.get("/nothing").status_code == 404


def test_a_flood_holds_every_token_and_ends_well(server, client):
    server.add(Flood(5_000, 6, usage=(1, 5_000)))
    with stream(client) as response:
        text = response.read().decode()
    assert said(events(text)) == "xxxxx " * 5_000
    assert text.endswith(DONE)


# Exact bytes


@given(data=st.data(), body=st.binary(min_size=1, max_size=60))
def test_pieces_are_the_boundaries_that_a_client_sees(data, body, pieces_server):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body)))) | {len(body)})
    sizes = [end - start for start, end in zip([0, *cuts], cuts, strict=False)]
    server, client = pieces_server
    server.add(Raw(body, pieces=sizes[:-1]))
    with stream(client) as response:
        seen = list(response.iter_raw())
    assert [len(piece) for piece in seen] == sizes
    assert b"".join(seen) == body


@pytest.fixture(scope="module")
def pieces_server():
    with ScriptedServer() as server, httpx.Client(base_url=server.base_url, timeout=LONG, trust_env=False) as client:
        yield server, client


@pytest.mark.parametrize(("framing", "connections"), [("chunked", 1), ("length", 1), ("close", 2)])
def test_each_framing_delivers_the_body_and_keeps_or_ends_the_connection(server, client, framing, connections):
    server.add(Raw(b"one two", pieces=[3], gap=0.001, framing=framing), Raw(b"again", framing=framing))
    assert [ask(client).content, ask(client).content] == [b"one two", b"again"]
    assert server.connections == connections


def test_raw_text_and_bytes_among_the_events_stand_as_they_are(server, client):
    server.add(Stream([": ping\n\n", b"\xef\xbb\xbf", chunk("x"), "data:[DONE]\r\r"], content_type="text/plain"))
    with stream(client) as response:
        body = response.read()
    assert body == b": ping\n\n\xef\xbb\xbfdata: " + json.dumps(chunk("x")).encode() + b"\n\ndata:[DONE]\r\r"
    assert response.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("body", "content", "kind"),
    [
        (error("slow down", code=7), None, "application/json"),
        ("<html>", b"<html>", "text/plain; charset=utf-8"),
        (b"\xff\x00", b"\xff\x00", None),
        (None, b"", None),
    ],
)
def test_a_status_carries_its_body_and_headers(server, client, body, content, kind):
    server.add(Status(529, body, headers={"Retry-After": "3"}))
    response = ask(client)
    assert (response.status_code, response.headers["retry-after"]) == (529, "3")
    assert response.headers.get("content-type") == kind
    assert response.json() == body if content is None else response.content == content


def test_a_streaming_request_may_be_answered_by_plain_json(server, client):
    server.add(Plain(completion("whole", choices=1)))
    with stream(client) as response:
        assert json.loads(response.read())["choices"][0]["message"]["content"] == "whole"


# Failures


def test_a_connection_is_kept_and_used_again(server, client):
    for _ in range(3):
        ask(client)
    assert server.connections == 1
    assert [request.connection for request in server.requests] == [1, 1, 1]


def test_a_client_that_wants_to_close_is_closed(server):
    answer = _exchange(
        server, b"POST /v1/chat/completions HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def _exchange(server, request):
    with socket.create_connection(_address(server), LONG) as raw:
        raw.sendall(request)
        return b"".join(iter(lambda: raw.recv(4096), b""))


def _address(server):
    return "127.0.0.1", httpx.URL(server.base_url).port


@pytest.mark.parametrize("reset", [False, True])
def test_a_refused_request_breaks_before_its_first_byte(server, client, reset):
    server.add(Refuse(reset=reset))
    with pytest.raises(httpx.ReadError if reset else httpx.RemoteProtocolError):
        ask(client)
    assert server.requests[0].finished.wait(LONG)


@pytest.mark.parametrize("reset", [False, True])
def test_what_was_written_before_a_cut_arrives(server, client, reset):
    server.add(Stream([chunk("a" * 100_000), chunk("b"), Cut(reset=reset)]))
    got = []
    with stream(client) as response, pytest.raises(httpx.TransportError):
        _collect(response, got)
    assert said(events(b"".join(got).decode())) == "a" * 100_000 + "b"


def _collect(response, got):
    for data in response.iter_raw():
        got.append(data)


@pytest.mark.parametrize("reset", [False, True])
def test_a_stale_connection_fails_its_next_use_only(server, client, reset):
    server.add(StaleKeepAlive(Say("one"), reset=reset), Say("two"))
    ask(client)
    with pytest.raises(httpx.TransportError):
        ask(client, user="lost")
    assert ask(client).json()["choices"][0]["message"]["content"] == "two"
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize("answer", [Silent(), Stream([chunk("x"), Hang()]), Stream([chunk("x"), Pause(3600)])])
def test_a_client_that_gives_up_is_noticed(server, client, answer):
    server.add(answer)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/chat/completions", json={"stream": True}, timeout=httpx.Timeout(LONG, read=0.1))
    request = server.wait_for_request(LONG)
    assert request.closed.wait(LONG)
    assert not request.finished.is_set()


@pytest.mark.parametrize("linger", [None, struct.pack("ii", 1, 0)])
def test_closing_and_crashing_in_mid_flood_are_both_noticed(server, linger):
    server.add(Flood(10_000_000))
    raw = socket.create_connection(_address(server), LONG)
    raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    raw.recv(1000)
    if linger:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    raw.close()
    assert server.wait_for_request().closed.wait(LONG)


def test_a_step_can_wait_for_the_test(server, client):
    go = threading.Event()
    server.add(Stream([chunk("before"), Until(go), chunk("after"), DONE]))
    with stream(client) as response:
        parts = response.iter_text()
        assert said(events(next(parts))) == "before"
        go.set()
        assert said(events("".join(parts))) == "after"


def test_delays_are_kept_between_the_chunks(server, client):
    answer = Say("a b", first_delay=0.25, delay=0.125)
    pauses = [step.seconds for step in answer.steps(_received(b'{"stream": true}')) if isinstance(step, Pause)]
    assert pauses == [0.25, 0.125, 0.125, 0.125]


# The end


def test_the_end_of_the_with_ends_every_connection_and_thread():
    before = set(threading.enumerate())
    with ScriptedServer(Silent()) as server:
        waiting = socket.create_connection(_address(server), LONG)
        waiting.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        idle = socket.create_connection(_address(server), LONG)
        server.wait_for_request()
    with waiting, idle:
        assert (waiting.recv(1), idle.recv(1)) == (b"", b"")
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url, trust_env=False)
    gc.collect()  # an unclosed socket would warn here, and a warning fails


def test_a_mistake_in_the_script_fails_the_with():
    with pytest.raises(KeyError, match="nonsense"), ScriptedServer(lambda request: request.json["nonsense"]) as server:
        assert httpx.post(server.base_url + "/chat/completions", json={}, trust_env=False).status_code == 500


def test_a_request_that_is_not_http_fails_the_with():
    with pytest.raises(ValueError, match="unpack"), ScriptedServer() as server:
        assert _exchange(server, b"HELLO\r\n\r\n") == b""
