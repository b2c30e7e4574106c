"""With every logger at DEBUG, and in every frame of what is raised, no key and no password of a proxy is to be found."""

import logging
import socket
import threading

import pytest

from nbchat.api.endpoints import Endpoint
from nbchat.api.engine import Engine
from nbchat.api.keys import Key
from nbchat.conversation.session import Session
from nbchat.testing import Refuse, ScriptedServer, Status, error
from nbchat.values.errors import NbchatError
from tests.api.asking import Asked
from tests.api.test_secrets import ECHOES, SECRET

PASSWORD = "pr0xy-Pa55_word"


@pytest.fixture
def log():
    """Everything that any logger records, formatted and raw."""
    lines = []

    class Everything(logging.Handler):
        def emit(self, record):
            lines.extend([self.format(record), repr(record.msg), repr(record.args), repr(record.exc_info)])

    handler, root = Everything(logging.DEBUG), logging.getLogger()
    known = [root, *map(logging.getLogger, list(root.manager.loggerDict))]
    before = [logger.level for logger in known]
    for logger in known:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)
    for logger, level in zip(known, before, strict=True):
        logger.setLevel(level)


@pytest.fixture
def own():
    """An engine whose event loop is in debug mode, so that it logs its tasks."""
    engine = Engine()
    engine._loop.set_debug(True)
    engine._loop.slow_callback_duration = 0.0
    yield engine
    engine.stop()


def frames(error, seen=()):
    """Return what the frames of an exception and of its causes hold, except the test's own."""
    if error is None or error in seen:
        return ""
    texts, trace = [str(error), repr(error), repr(vars(error))], error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(__file__.rpartition("/tests/")[0] + "/tests"):
            for value in trace.tb_frame.f_locals.values():
                try:
                    texts.append(repr(value))
                except Exception:
                    continue
        trace = trace.tb_next
    return "\n".join([*texts, frames(error.__cause__, (*seen, error)), frames(error.__context__, (*seen, error))])


@pytest.mark.parametrize("echo", ECHOES)
def test_no_log_holds_an_echoed_key(server, own, log, echo):
    server.add(ECHOES[echo])
    server.default = lambda received: ECHOES[echo]
    Asked(server.base_url, using=own, key=SECRET)
    server.models = Status(404, f"no models for {SECRET}", ECHOES["error body"].headers)
    with pytest.raises(NbchatError):
        own.run(own.client.models(Endpoint(server.base_url + f"/{echo[:3]}", Key(SECRET))))
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert log  # asyncio's own
    assert not [line for line in log if SECRET in line]


@pytest.mark.parametrize("line", [f"HTTP/1.1 401 Bad {SECRET}", f"HTTP/1.1 200 OK\r\n{SECRET}: x", f"{SECRET}"])
def test_no_log_holds_a_key_in_the_head(own, log, line):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(65_536)
                client.sendall(f"{line}\r\nX-Echo: {SECRET}\r\nContent-Length: 2\r\n\r\n{{}}".encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with pytest.raises(NbchatError) as caught:
            own.run(own.client.models(Endpoint(url, Key(SECRET))))
        thread.join()
    assert not [entry for entry in log if SECRET in entry]
    assert SECRET not in frames(caught.value)


def test_a_session_logs_no_key(server, log):
    server.add(Status(401, error(f"no such key {SECRET}"), {"x-echo": SECRET}))
    with pytest.raises(NbchatError) as caught:
        Session(base_url=server.base_url, model="m", api_key=SECRET, headers={"api-key": f"Bearer {SECRET}"}).ask("Hi")
    assert not [line for line in log if SECRET in line]
    assert SECRET not in str(caught.value)


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_transport_of_others_is_logged_as_before(server, log):
    import httpx

    Asked(server.base_url)
    before = sum("receive_response_headers" in line for line in log)
    httpx.post(server.base_url + "/chat/completions", json={"messages": []}, trust_env=False)
    assert before == 0
    assert any("receive_response_headers" in line for line in log)


@pytest.mark.parametrize("kind", ["dead", "refusing", "breaking off", "unusable", "no address", "nowhere"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_s_password_is_in_no_frame_and_no_log(own, log, monkeypatch, free_port, kind, scheme):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    refusal = Status(407, error("no such user"), {"x-echo": PASSWORD})
    with ScriptedServer(default=Refuse() if kind == "breaking off" else refusal, models=refusal) as proxy:
        port = free_port if kind == "dead" else proxy.base_url.split(":")[2].split("/")[0]
        named = {
            "unusable": f"ftp://me:{PASSWORD}@127.0.0.1:{port}",
            "no address": f"http://me:{PASSWORD}@[127.0.0.1:{port}",
            "nowhere": f"http://me:{PASSWORD}@nowhere.invalid:{port}",
        }.get(kind, f"http://me:{PASSWORD}@127.0.0.1:{port}")
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", named)
        url = f"{scheme}://server.test/v1"
        asked = Asked(url, using=own)
        with pytest.raises(NbchatError) as caught:
            own.run(own.client.models(Endpoint(url)))
    assert PASSWORD not in frames(asked.error) + frames(caught.value)
    assert not [line for line in log if PASSWORD in line]
    if kind in ("dead", "nowhere"):
        assert "is behind a proxy that can't be reached" in str(asked.error)
        assert f"127.0.0.1:{port}" in str(asked.error) or "nowhere.invalid" in str(asked.error)
