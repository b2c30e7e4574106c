"""A server from its start to its end: who may ask, how requests share it, and what closing a connection does."""

import asyncio
import json
import math
import socket
import time

import httpx
import pytest

from nbchat.builtin.http.server import BuiltinServer
from nbchat.builtin.model.tokenizer import END
from tests.builtin.asking import ask, body, stream
from tests.environment import PATIENCE


def test_with_a_key_nothing_is_to_be_had_without_it(caplog):
    with BuiltinServer(pace=None, api_key="sésame") as server:
        assert "sésame" not in repr(server) + repr(vars(server))
        with httpx.Client(base_url=server.base_url, trust_env=False) as client:
            for key in (None, "Bearer x", "Bearer", "sésame".encode(), "Bearer sésame ".encode() + b"x"):
                reply = client.get("/models", headers={"Authorization": key} if key else {})
                assert reply.status_code == 401
                assert reply.json()["error"]["code"] == "invalid_api_key"
            assert client.get("/models", headers={"Authorization": "Bearer sésame".encode()}).status_code == 200
    assert "sésame" not in caplog.text


def wait_until(holds, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.parametrize("streaming", [True, False])
def test_closing_the_connection_stops_the_generation(streaming):
    """The server's own counters show it: nothing runs any more, and the tokens generated stay what they are."""
    with BuiltinServer(pace=50 if streaming else None) as server:
        endless = json.dumps(body(stream=streaming, n=50, max_tokens=8000, logit_bias={str(END): -100})).encode()
        host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(endless)}\r\n\r\n"
            connection.sendall(head.encode() + endless)
            wait_until(lambda: server.counters.tokens > 200)
            assert server.counters.running == 1
        wait_until(lambda: server.counters.running == 0)
        assert (server.counters.abandoned, server.counters.finished) == (1, 0)
        assert server.counters.tokens < 50 * 8000
        stopped_at = server.counters.tokens
        with httpx.Client(base_url=server.base_url, trust_env=False) as client:
            ask(client, max_tokens=5)
        assert server.counters.tokens <= stopped_at + 6


def test_several_requests_share_the_server_fairly():
    """A short answer asked for second comes while a long one streams: they take turns."""

    async def both():
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60, trust_env=False) as client:
            endless = body(stream=True, max_tokens=8000, logit_bias={str(END): -100})
            async with client.stream("POST", "/chat/completions", json=endless) as long:
                lines = long.aiter_lines()
                await anext(lines)
                short = await client.post("/chat/completions", json=body(max_tokens=20))
                assert short.status_code == 200

    with BuiltinServer(pace=None) as server:
        asyncio.run(both())
        wait_until(lambda: server.counters.running == 0)
        assert (server.counters.finished, server.counters.abandoned) == (1, 1)


def test_the_pace_is_kept():
    """30 tokens at 200 a second take at least 29/200 of a second; the machine may add to that."""
    with BuiltinServer(pace=200) as server, httpx.Client(base_url=server.base_url, trust_env=False) as client:
        ask(client, max_tokens=1)
        started = time.monotonic()
        stream(client, max_tokens=30, logit_bias={str(END): -100})
        assert time.monotonic() - started > 29 / 200


def test_a_server_stopped_in_mid_stream_closes_its_connections():
    server = BuiltinServer(pace=20)
    server.start()
    with httpx.stream("POST", f"{server.base_url}/chat/completions", json=body(stream=True), trust_env=False) as reply:
        received = reply.iter_bytes()
        next(received)
        server.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            list(received)
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.base_url}/models", trust_env=False)


def test_a_server_starts_once_and_a_port_belongs_to_one():
    with BuiltinServer() as server:
        with pytest.raises(RuntimeError, match="started only once"):
            server.start()
        with pytest.raises(OSError, match=r"in use|10048|permitted"):
            BuiltinServer(int(server.base_url.split(":")[2].split("/")[0])).start()


@pytest.mark.parametrize("pace", [0, -1, math.nan])
def test_a_pace_is_more_than_nothing(pace):
    with pytest.raises(ValueError, match="pace must be"):
        BuiltinServer(pace=pace)
