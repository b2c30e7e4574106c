"""The transport for direct requests: which connections are kept, and what a server may send before its answer."""

import asyncio
import contextlib

import httpx
import pytest

from nbchat.api.http import connections
from nbchat.api.http.connections import DirectTransport

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TIMEOUTS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": None}


@contextlib.asynccontextmanager
async def serving(*answers, closing=False):
    """A server that gives each request the next answer; yields its address and the ends of connections.

    `closing`: it closes a connection after the last answer.
    """
    ended, left, open_now = [], list(answers), set()

    async def serve(reader, writer):
        open_now.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
                writer.write(left.pop(0))
            if not closing:
                await reader.read()
        writer.close()
        ended.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", ended
    finally:
        server.close()
        await asyncio.gather(*open_now)


async def begun(transport, url):
    """A response whose body is not read yet."""
    return await transport.handle_async_request(
        httpx.Request("POST", url, content=b"{}", extensions={"timeout": TIMEOUTS})
    )


async def asked(transport, url, *, whole=True):
    """The status, the body and whether the connection was used before."""
    request = httpx.Request("POST", url, content=b"{}", extensions={"timeout": TIMEOUTS})
    response = await transport.handle_async_request(request)
    try:
        body = b"".join([portion async for portion in response.aiter_raw()]) if whole else b""
    finally:
        await response.aclose()
    return response.status_code, body, request.extensions["reused"]


def run(script, *answers, **options):
    async def play():
        async with serving(*answers, **options) as (url, ended), DirectTransport(None) as transport:
            return await script(transport, url, ended)

    return asyncio.run(play())


async def twice(transport, url, _ended):
    return [await asked(transport, url), await asked(transport, url)]


def test_a_connection_is_used_again_after_a_whole_response():
    assert run(twice, OK, OK) == [(200, b"ok", False), (200, b"ok", True)]


SURPLUS = [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale", b"\r\n", b"0\r\n\r\n", b"data: [DONE]\n\n"]


@pytest.mark.parametrize("surplus", SURPLUS, ids=repr)
@pytest.mark.parametrize("whole", [OK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"])
def test_what_follows_a_response_is_never_taken_for_the_next_one(whole, surplus):
    """A connection with bytes left over is not used again."""
    assert run(twice, whole + surplus, OK) == [(200, b"ok", False), (200, b"ok", False)]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
    ids=["close", "1.0"],
)
def test_a_connection_that_the_server_gives_up_is_not_used_again(answer):
    assert run(twice, answer, OK) == [(200, b"ok", False), (200, b"ok", False)]


def test_a_connection_that_the_server_closed_while_idle_is_not_used_again():
    async def script(transport, url, ended):
        await asked(transport, url)
        while not ended:
            await asyncio.sleep(0)
        while not transport._connections[0]._socket.is_readable:
            await asyncio.sleep(0)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await asked(transport, url)
        return len(transport._connections)

    run(script, OK, closing=True)


def test_a_connection_that_was_idle_for_too_long_is_not_used_again(monkeypatch):
    monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)
    assert run(twice, OK, OK) == [(200, b"ok", False), (200, b"ok", False)]


def test_a_response_that_is_left_closes_its_connection():
    async def script(transport, url, ended):
        first = await asked(transport, url, whole=False)
        while not ended:
            await asyncio.sleep(0)
        return first

    assert run(script, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")[0] == 200


def test_interim_responses_are_passed_over():
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"
    assert run(twice, hints + OK, OK) == [(200, b"ok", False), (200, b"ok", True)]


@contextlib.asynccontextmanager
async def reading_slowly(pauses):
    """A server that reads a portion of a long request after each of the pauses, and answers at its end."""

    open_now = set()

    async def serve(reader, writer):
        open_now.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            for pause in pauses:
                await pause()
                await reader.read(1 << 20)
            while (read := await reader.read(1 << 20)) and b"THE END" not in read:
                pass
            writer.write(OK)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 16)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await asyncio.gather(*open_now)


async def upload(url, seconds):
    timeouts = {"timeout": TIMEOUTS | {"write": seconds}}
    request = httpx.Request("POST", url, content=b"x" * 30_000_000 + b"THE END", extensions=timeouts)
    async with DirectTransport(None) as transport:
        response = await transport.handle_async_request(request)
        return (await response.aread()), response.status_code


def test_a_long_upload_takes_its_time_as_long_as_it_moves():
    async def play():
        async with reading_slowly([lambda: asyncio.sleep(0.2)] * 8) as url:
            return await upload(url, 1.5)

    assert asyncio.run(play()) == (b"ok", 200)


def test_a_long_upload_without_a_limit_ends_as_soon_as_it_is_accepted():
    async def play():
        async with reading_slowly([lambda: asyncio.sleep(0)]) as url:
            return await upload(url, None)

    assert asyncio.run(play()) == (b"ok", 200)


def test_a_server_that_accepts_nothing_is_given_up():
    async def play():
        never = asyncio.Event()
        async with reading_slowly([never.wait]) as url:
            with pytest.raises(httpx.WriteTimeout):
                await upload(url, 0.2)
            never.set()

    asyncio.run(play())


def test_the_most_idle_connections_are_bounded():
    async def script(transport, url, _ended):
        await asyncio.gather(*(asked(transport, url) for _ in range(12)))
        await asked(transport, url)
        return len(transport._connections)

    assert run(script, *[OK] * 40) == 8


def test_a_response_under_way_survives_the_closing_of_idle_connections():
    async def script(transport, url, _ended):
        streams = [await begun(transport, url) for _ in range(12)]
        for response in streams[:-1]:
            await response.aread()
            await response.aclose()
        await asked(transport, url)  # of the eleven idle connections three are closed
        return len(await streams[-1].aread())

    long = b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n" + b"x" * 5_000_000
    assert run(script, *[OK] * 11, long, OK) == 5_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        b"\x15\x03\x01\x00\x02",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000 + OK,
    ],
    ids=["nothing", "half a head", "a switch that was not asked for", "TLS", "interim responses without end"],
)
def test_what_is_no_answer_is_one_of_httpx_errors(answer):
    async def script(transport, url, _ended):
        with pytest.raises(httpx.RemoteProtocolError):
            await asked(transport, url)
        return transport._idle(httpx.URL(url))

    assert run(script, answer, closing=True) is None


def test_an_address_of_another_scheme_is_one_of_httpx_errors():
    async def script(transport, _url, _ended):
        with pytest.raises(httpx.UnsupportedProtocol):
            await asked(transport, "ftp://127.0.0.1/v1")

    run(script)


def test_an_encrypted_address_needs_certificates():
    async def script(transport, url, _ended):
        with pytest.raises(httpx.UnsupportedProtocol, match="without certificates"):
            await asked(transport, url.replace("http", "https"))

    run(script)


@pytest.mark.parametrize(("interim", "is_read"), [(100, True), (101, False)])
def test_so_many_interim_responses_are_passed_over(interim, is_read):
    async def script(transport, url, _ended):
        with (
            contextlib.nullcontext()
            if is_read
            else pytest.raises(httpx.RemoteProtocolError, match="more than 100 interim")
        ):
            assert (await asked(transport, url))[1] == b"ok"

    run(script, b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim + OK)


@pytest.mark.parametrize(("size", "is_read"), [(90_000, True), (200_000, False)])
def test_a_head_is_bounded(size, is_read):
    async def script(transport, url, _ended):
        with contextlib.nullcontext() if is_read else pytest.raises(httpx.RemoteProtocolError):
            assert (await asked(transport, url))[1] == b"ok"

    run(script, OK.replace(b"\r\n\r\n", b"\r\nx: " + b"y" * size + b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a", "http://a:80/b?c", True),
        ("https://a", "https://a:443", True),
        ("http://a", "http://A", True),
        ("http://a", "http://a:443", False),
        ("https://a", "https://a:80", False),
        ("http://a", "https://a", False),
        ("http://a", "http://b", False),
        ("http://a:80", "https://a:80", False),
    ],
)
def test_a_connection_belongs_to_a_scheme_a_host_and_a_port(one, other, same):
    assert (connections._server(httpx.URL(one)) == connections._server(httpx.URL(other))) is same


def test_a_connection_serves_its_own_server_only():
    async def play():
        async with serving(OK, OK) as (one, _), serving(OK, OK) as (other, _), DirectTransport(None) as transport:
            return [(await asked(transport, url))[2] for url in (one, other, one, other)]

    assert asyncio.run(play()) == [False, False, True, True]


def test_a_request_that_can_not_be_written_closes_its_connection():
    async def script(transport, url, ended):
        request = httpx.Request("POST", url, headers={"x": "a\nb"}, extensions={"timeout": TIMEOUTS})
        with pytest.raises(httpx.LocalProtocolError):
            await transport.handle_async_request(request)
        while not ended:
            await asyncio.sleep(0)

    run(script, OK)
