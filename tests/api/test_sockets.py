"""The socket below a connection: it takes no more than is read, and tells what went wrong."""

import asyncio
import contextlib
import socket
import ssl
import struct

import httpx
import pytest

from nbchat.api.http import sockets
from nbchat.api.http.sockets import HIGH_WATER, Socket, connect

RESET = struct.pack("ii", 1, 0)


def run(play, serve):
    """What `play` makes of a host and port, where `serve` talks to each client."""

    async def whole():
        open_now = set()

        async def served(reader, writer):
            open_now.add(asyncio.current_task())
            with contextlib.suppress(ConnectionError):
                await serve(reader, writer)
            writer.close()

        server = await asyncio.start_server(served, "127.0.0.1", 0)
        try:
            return await asyncio.wait_for(play(*server.sockets[0].getsockname()), 30)
        finally:
            server.close()
            await asyncio.gather(*open_now)

    return asyncio.run(whole())


async def rest_of(connected):
    """The rest of what arrives."""
    read = b""
    while portion := await connected.read(100, 5):
        read += portion
    return read


async def silent(reader, _writer):
    await reader.read()


async def reset(reader, writer):
    await reader.readexactly(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def test_no_more_is_taken_than_is_read():
    size = 16 * HIGH_WATER
    sent = asyncio.Event()

    async def serve(_reader, writer):
        writer.write(b"x" * size)
        await writer.drain()
        sent.set()

    async def play(host, port):
        connected = await connect(host, port, 5)
        while connected.transport.is_reading() and not sent.is_set():
            await asyncio.sleep(0)
        assert HIGH_WATER < len(connected._buffer) < HIGH_WATER + 300_000
        portions = []
        while portion := await connected.read(65_536):
            portions.append(len(portion))
        connected.close()
        return sum(portions), max(portions)

    assert run(play, serve) == (size, 65_536)


def test_what_came_before_a_reset_is_read_and_then_the_reset():
    async def serve(reader, writer):
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhalf")
        await writer.drain()
        await reset(reader, writer)

    async def play(host, port):
        connected = await connect(host, port, 5)
        read = await connected.read(100, 5)
        await connected.write(b"x")
        with pytest.raises(httpx.ReadError):
            await rest_of(connected)
        with pytest.raises(httpx.WriteError):
            await connected.write(b"x")
        return read

    assert run(play, serve).endswith(b"half")


@pytest.mark.parametrize("portion", [b"", b"x"])
def test_the_end_is_the_end_again_and_again(portion):
    async def serve(_reader, writer):
        writer.write(portion)

    async def play(host, port):
        connected = await connect(host, port, 5)
        return [await connected.read(100, 5) for _ in range(3)]

    assert run(play, serve) == ([portion] if portion else [b""]) + [b""] * 2


def test_silence_ends_at_the_limit_whatever_came_before():
    async def serve(reader, writer):
        writer.write(b"x")
        await reader.read()

    async def play(host, port):
        connected = await connect(host, port, 5)
        assert await connected.read(100, 30) == b"x"
        for seconds in (0.01, 0.02):
            with pytest.raises(httpx.ReadTimeout, match="nothing arrived within the time limit"):
                await connected.read(100, seconds)
        connected.close()

    run(play, serve)


def test_a_connection_that_takes_too_long_or_is_given_up_is_closed():
    ends = []

    async def serve(reader, _writer):
        ends.append(await reader.read())

    async def play(host, port):
        with pytest.raises(httpx.ConnectTimeout):
            await connect(host, port, 0)
        connecting = asyncio.create_task(connect(host, port, 5))
        await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        while len(ends) < 2:
            await asyncio.sleep(0)

    run(play, serve)
    assert ends == [b"", b""]


def test_a_server_that_never_answers_a_handshake_is_given_up():
    async def play(host, port):
        connected = await connect(host, port, 5)
        with pytest.raises(httpx.ConnectTimeout):
            await connected.encrypted(ssl.create_default_context(), "x", 0.05)
        connected.close()

    run(play, silent)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("[Errno 111] Connect call failed ('127.0.0.1', 9)", "Connection refused"),
        ("Multiple exceptions: [Errno 111] Connect call failed, [Errno 101] x", "Connection refused"),
        ("[Errno -2] Name or service not known", "Name or service not known"),
        ("odd", "odd"),
    ],
)
def test_a_reason_is_the_system_s(words, reason):
    assert sockets._reason(OSError(words)) == reason


def test_a_buffer_is_emptied_as_it_is_read():
    async def play():
        one = Socket()
        one.data_received(b"HTTP/1.0 200\r\n\r\nabc")
        return [await one.read(15), await one.read(2), one.is_readable, await one.read(2), one.is_readable]

    assert asyncio.run(play()) == [b"HTTP/1.0 200\r\n\r", b"\na", True, b"bc", False]


def test_a_long_stream_of_small_pieces_is_read_in_fewer_portions(monkeypatch):
    """From the fourteenth on, each read waits a moment for more."""
    monkeypatch.setattr(sockets, "LINGER_SECONDS", 0.0)

    async def serve(reader, writer):
        while await reader.read(1):
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n")

    async def play(host, port):
        connected, paused, counts = await connect(host, port, 5), [], []
        pause = connected.transport.pause_reading
        connected.transport.pause_reading = lambda: paused.append(1) or pause()
        for _ in range(16):
            connected.transport.write(b"x")
            await connected.read(100, 5)
            counts.append(len(paused))
        connected.close()
        return counts

    assert run(play, serve) == [0] * 13 + [1, 2, 3]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_breaks_off_a_handshake_is_one_of_httpx_errors(answer):
    async def serve(reader, writer):
        await reader.read(1)
        writer.write(answer)

    async def play(host, port):
        connected = await connect(host, port, 5)
        with pytest.raises(httpx.ConnectError):
            await connected.encrypted(ssl.create_default_context(), "x", 5)
        connected.close()

    run(play, serve)
