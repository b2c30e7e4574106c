"""Sockets for httpx's pool, on plain asyncio, for streams of many small pieces.

httpx uses httpcore, whose network layer can be replaced (the public `AsyncNetworkBackend`). This one differs from the
default in two ways, both measured:

- A read that finds bytes waiting returns them without going through the event loop; a read that
  waits costs one future and one timer.
- Small HTTP chunks that arrive in one read are merged into one chunk before h11 parses them; h11 spends about 20 µs
  on each chunk, more than everything else on an answer's way.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore

__all__ = ["AsyncioBackend", "ChunkMerger", "connects"]

HIGH_WATER = 1 << 20
"""Unread bytes after which the socket is paused."""

LONGEST_LINE = 8192
"""Bytes of a request's first line."""

LINGER_SECONDS = 0.03
"""Seconds between reads of a long stream of small pieces: 30 ms is invisible, and one wake-up for three tokens costs a third."""

LINGER_AFTER = 12
"""Reads of a response without that delay, so that a short answer never waits."""

SMALL = 16_384
"""Bytes in one read from which a stream is read without that delay."""


connects: ContextVar[bool] = ContextVar("connects", default=False)
"""Whether a connection was opened for the current task's request; a task that wants to know resets it before."""


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens connections on the running asyncio loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host and a port, within `timeout` seconds (None = the system's limit)."""
        connects.set(True)
        loop = asyncio.get_running_loop()
        local = None if local_address is None else (local_address, 0)
        # Cancelling asyncio's race between addresses may leak a socket (before Python 3.12), so it is not cancelled.
        connecting = loop.create_task(
            loop.create_connection(_Stream, host, port, local_addr=local, happy_eyeballs_delay=0.25)
        )
        try:
            async with asyncio.timeout(timeout):
                _, stream = await asyncio.shield(connecting)
        except BaseException as error:
            connecting.add_done_callback(_close_abandoned)
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError):
                raise httpcore.ConnectError(_reason(error)) from error
            raise
        for option in socket_options or ():
            stream.socket.setsockopt(*option)
        return _Connection(stream)

    async def sleep(self, seconds: float) -> None:
        """Wait, for httpcore's own retries."""
        await asyncio.sleep(seconds)


def _reason(error: OSError) -> str:
    """Return the system's message ("Connection refused") without asyncio's description of the call."""
    number = re.search(r"\[Errno (-?\d+)\] ?", str(error))
    if number is None:
        return str(error)
    return os.strerror(int(number[1])) if int(number[1]) > 0 else str(error).replace(number[0], "", 1)


def _close_abandoned(connecting: asyncio.Task[tuple[asyncio.Transport, _Stream]]) -> None:
    """Close an abandoned connection if it was established after all."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result()[0].abort()


class _Stream(asyncio.Protocol):
    """The bytes of one socket: a buffer, and at most one waiting reader."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.error: Exception | None = None
        self.reader: asyncio.Future[None] | None = None
        self.writer: asyncio.Future[None] | None = None
        self.paused = False
        self.closed = asyncio.get_running_loop().create_future()

    @property
    def socket(self) -> Any:
        return self.transport.get_extra_info("socket")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # asyncio's promise for a stream socket
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > HIGH_WATER and not self.paused:
            self.paused = True
            self.transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake_reader()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.error = self.error or error
        self._wake_reader()
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self.writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self.writer is not None and not self.writer.done():
            self.writer.set_result(None)
        self.writer = None

    def _wake_reader(self) -> None:
        if self.reader is not None and not self.reader.done():
            self.reader.set_result(None)

    def take(self, most: int) -> bytes:
        data = bytes(self.buffer[:most])
        del self.buffer[:most]
        if self.paused and len(self.buffer) < HIGH_WATER // 2:
            self.paused = False
            self.transport.resume_reading()
        return data


def _is_head_of_body(data: bytes) -> bool:
    """Whether this is the whole head of a request, and a body follows."""
    if not data.endswith(b"\r\n\r\n") or b" HTTP/1.1\r\n" not in data[:LONGEST_LINE]:
        return False
    head = data.lower()
    return b"\r\ncontent-length: " in head and b"\r\ncontent-length: 0\r\n" not in head


class _Connection(httpcore.AsyncNetworkStream):
    """One socket as a stream for httpcore."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._merger = ChunkMerger()
        self._head = b""  # written with the body that it announces
        self._reads = 0  # of the current response
        self._last_size = 0
        self._deadline: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return up to `max_bytes`, waiting at most `timeout` seconds for the first (None = no limit); `b""` at the end."""
        stream = self._stream
        while True:
            if self._reads > LINGER_AFTER and self._last_size < SMALL and not stream.buffer and not stream.ended:
                await self._linger()
            if not stream.buffer and not stream.ended:
                await self._wait(timeout)
            if not stream.buffer and stream.error is not None:
                raise httpcore.ReadError(str(stream.error) or type(stream.error).__name__)
            data = stream.take(max_bytes)
            self._reads += 1
            self._last_size = len(data)
            if not data or (merged := self._merger.feed(data)):  # empty means the end, so held-back bytes are dropped
                return merged if data else data

    async def _linger(self) -> None:
        self._stream.transport.pause_reading()
        try:
            await asyncio.sleep(LINGER_SECONDS)
        finally:
            self._stream.transport.resume_reading()

    async def _wait(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        reader = self._stream.reader = loop.create_future()
        self._deadline = None if timeout is None else loop.time() + timeout
        if self._deadline is not None and (self._watch is None or self._watch.when() > self._deadline):
            self._rewatch(loop, self._deadline)
        try:
            await reader
        finally:
            self._stream.reader = None

    def _rewatch(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = loop.call_at(when, self._check_silence, loop)

    def _check_silence(self, loop: asyncio.AbstractEventLoop) -> None:
        """Check the deadline when the timer fires: one timer serves many reads instead of being set for each."""
        self._watch = None
        reader = self._stream.reader
        if reader is None or reader.done() or self._deadline is None:
            return
        if self._deadline > loop.time():
            self._rewatch(loop, self._deadline)
        else:
            reader.set_exception(httpcore.ReadTimeout("nothing came within the time limit"))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write everything. Raises httpcore.WriteTimeout if the peer accepts nothing for `timeout` seconds.

        A head that announces a body waits for the body's first part: together they take one call of the system.
        """
        if not buffer:
            return
        stream = self._stream
        if stream.ended and stream.closed.done():
            raise httpcore.WriteError(str(stream.error or "the connection is closed"))
        if not self._head and _is_head_of_body(buffer):
            self._head = buffer
            return
        buffer, self._head = self._head + buffer, b""
        self._merger.reset()
        self._reads = 0
        stream.transport.write(buffer)
        if stream.writer is not None:
            try:
                async with asyncio.timeout(timeout):
                    await asyncio.shield(stream.writer)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error

    async def aclose(self) -> None:
        """Close immediately, visibly for the server; nothing more is read."""
        if self._watch is not None:
            self._watch.cancel()
        self._stream.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return the same socket with TLS."""
        loop = asyncio.get_running_loop()
        encrypted = _Stream()
        try:
            transport = await loop.start_tls(
                self._stream.transport,
                encrypted,
                ssl_context,
                server_hostname=server_hostname,
                ssl_handshake_timeout=timeout,
            )
        except (TimeoutError, ConnectionAbortedError) as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, ssl.SSLError) as error:
            raise httpcore.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore.ConnectError("the server closed the connection during the TLS handshake")
        encrypted.transport = transport
        return _Connection(encrypted)

    def get_extra_info(self, info: str) -> Any:
        """Answer httpcore's queries: the TLS object, the socket, whether bytes (or the end) are waiting."""
        stream = self._stream
        if info == "is_readable":
            return stream.ended or bool(stream.buffer)
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return stream.transport.get_extra_info(names.get(info, info))


class ChunkMerger:
    """Merges the chunks in the bytes of HTTP/1.1 responses.

    All content in one portion of a `transfer-encoding: chunked` body becomes one chunk. Everything else passes
    unchanged: heads, bodies with other framing, the last chunk and its trailers, and anything malformed (h11 judges
    that). Only bytes of an unfinished chunk head (RFC 9112, section 7.1) are held back.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Prepare for a new response."""
        self._state = "head"  # "head" → "chunks" → "passing", or "head" → "passing"
        self._held = b""
        self._left = 0  # content bytes of the current chunk that are still missing

    def feed(self, data: bytes) -> bytes:
        """Return the bytes to pass on for these, possibly none yet."""
        if self._state == "passing":
            return data
        return self._feed_head(data) if self._state == "head" else self._feed_chunks(data)

    def _feed_head(self, data: bytes) -> bytes:
        seen = len(self._held)
        self._held += data
        end = self._held.find(b"\r\n\r\n", max(0, seen - 3)) + 4
        if not b"HTTP/1.".startswith(self._held[:7]) or (end < 4 and len(self._held) > LONGEST_HEAD):
            self._state = "passing"
            return data
        if end < 4:
            return data
        head, self._held = self._held[:end], b""
        body = data[end - seen :]
        if not head.startswith(b"HTTP/1.1 1"):  # after an informational response another head follows
            self._state = "chunks" if _is_chunked(head) else "passing"
        return data[: end - seen] + (self.feed(body) if body else b"")

    def _feed_chunks(self, data: bytes) -> bytes:
        data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        position = 0
        while position < len(data):
            if self._left > 2:
                piece = data[position : position + self._left - 2]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
            elif self._left:  # the line end after the content, which may be split
                if data[position : position + self._left] != b"\r\n"[-self._left :][: len(data) - position]:
                    return self._give_up(pieces, b"\r" + data[position:])  # which h11 refuses
                ended = min(self._left, len(data) - position)
                position += ended
                self._left -= ended
            else:
                end = data.find(b"\r\n", position)
                if end < 0 and len(data) - position < LONGEST_SIZE:
                    self._held = data[position:]
                    break
                size = _chunk_size(data[position:end]) if end >= 0 else 0
                if not size:
                    return self._give_up(pieces, data[position:])
                self._left = size + 2
                position = end + 2
        return _as_chunk(pieces)

    def _give_up(self, pieces: list[bytes], rest: bytes) -> bytes:
        self._state = "passing"
        return _as_chunk(pieces) + rest


LONGEST_HEAD = 65_536
LONGEST_SIZE = 18
"""Most characters of a chunk's size: 16 hexadecimal digits and the line end."""


def _chunk_size(digits: bytes) -> int:
    """Return a chunk's size; 0 for the last chunk and for anything but plain hexadecimal digits."""
    return int(digits, 16) if digits.isalnum() and not digits.strip(b"0123456789abcdefABCDEF") else 0


def _as_chunk(pieces: list[bytes]) -> bytes:
    content = b"".join(pieces)
    return b"%x\r\n%s\r\n" % (len(content), content) if content else b""


def _is_chunked(head: bytes) -> bool:
    lines = head.lower().split(b"\r\n")
    codings = [line.partition(b":")[2].strip() for line in lines[1:] if line.startswith(b"transfer-encoding:")]
    return codings == [b"chunked"]
