"""Sockets on plain asyncio, made for streams of many small pieces.

A read that finds bytes waiting returns them without going through the event loop, and a read that waits costs one future
and one timer. Chunks that arrive together leave as one (`chunks`).
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from typing import Any, Self

from nbchat.api.http.chunks import ChunkMerger
from nbchat.api.http.transport_errors import (
    ConnectFailed,
    ConnectTimedOut,
    ReadFailed,
    ReadTimedOut,
    WriteFailed,
)

__all__ = ["Socket"]

HIGH_WATER = 1 << 20
"""Bytes that wait unread before the socket is told to pause."""

LINGER_SECONDS = 0.03
"""How long a long stream of small pieces is left to gather before it is read again: no eye sees 30 ms, and one wake
for three tokens costs a third."""

LINGER_AFTER = 12
"""Reads of a response that are made at once: a short answer never waits."""

SMALL = 16_384
"""Bytes in one read from which a stream counts as a flood, which is read as fast as it comes."""


async def _connect(host: str, port: int) -> tuple[asyncio.Transport, _Stream]:
    loop = asyncio.get_running_loop()
    return await loop.create_connection(_Stream, host, port, happy_eyeballs_delay=0.25)


def _reason(error: OSError) -> str:
    """The system's words ("Connection refused"), rather than asyncio's account of its calls."""
    number = re.search(r"\[Errno (-?\d+)\] ?", str(error))
    if number is None:
        return str(error)
    return os.strerror(int(number[1])) if int(number[1]) > 0 else str(error).replace(number[0], "", 1)


def _let_go(connecting: asyncio.Task[tuple[asyncio.Transport, _Stream]]) -> None:
    """Close a connection that nobody waits for any more, should it have come about."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result()[0].abort()


class _Stream(asyncio.Protocol):
    """The bytes of one socket: a buffer, and at most one reader that waits."""

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


class Socket:
    """One connection of TCP, encrypted or not. Every wait is limited, and every failure is a TransportError."""

    @classmethod
    async def connected(cls, host: str, port: int, timeout: float) -> Self:
        """Connect to a host and a port, within `timeout` seconds. Raises ConnectFailed or ConnectTimedOut."""
        # Cancelled, asyncio's race between addresses may lose a socket (before Python 3.12): it is left to end by itself.
        connecting = asyncio.get_running_loop().create_task(_connect(host, port))
        try:
            async with asyncio.timeout(timeout):
                _, stream = await asyncio.shield(connecting)
        except BaseException as error:
            connecting.add_done_callback(_let_go)
            if isinstance(error, TimeoutError):
                raise ConnectTimedOut(str(error)) from error
            if isinstance(error, OSError):
                raise ConnectFailed(_reason(error)) from error
            raise
        return cls(stream)

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._merger = ChunkMerger()
        self._reads = 0  # of the response at hand
        self._last_size = 0
        self._deadline: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to `max_bytes`, waiting at most `timeout` seconds for the first (None = for ever); `b""` at the end."""
        stream = self._stream
        while True:
            if self._reads > LINGER_AFTER and self._last_size < SMALL and not stream.buffer and not stream.ended:
                await self._linger()
            if not stream.buffer and not stream.ended:
                await self._wait(timeout)
            if not stream.buffer and stream.error is not None:
                raise ReadFailed(str(stream.error) or type(stream.error).__name__)
            data = stream.take(max_bytes)
            self._reads += 1
            self._last_size = len(data)
            if not data or (merged := self._merger.feed(data)):  # nothing is the end, so what is held back is not given
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
        """One timer watches many reads: it looks at the deadline when it rings, rather than being set for each read."""
        self._watch = None
        reader = self._stream.reader
        if reader is None or reader.done() or self._deadline is None:
            return
        if self._deadline > loop.time():
            self._rewatch(loop, self._deadline)
        else:
            reader.set_exception(ReadTimedOut("nothing came within the time limit"))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it; WriteFailed where the peer takes none of it for `timeout` seconds."""
        if not buffer:
            return
        stream = self._stream
        if stream.ended and stream.closed.done():
            raise WriteFailed(str(stream.error or "the connection is closed"))
        self._merger.reset()
        self._reads = 0
        stream.transport.write(buffer)
        if stream.writer is not None:
            try:
                async with asyncio.timeout(timeout):
                    await asyncio.shield(stream.writer)
            except TimeoutError as error:
                raise WriteFailed(str(error)) from error

    def close(self) -> None:
        """Close at once: nothing more is read, and the server sees it."""
        if self._watch is not None:
            self._watch.cancel()
        self._stream.transport.abort()

    async def encrypted(self, trust: ssl.SSLContext | None, server: str, timeout: float) -> Self:
        """The same socket, encrypted from here on. Without `trust` it is not: that fails."""
        if trust is None:
            raise ConnectFailed("there are no certificates to trust")
        loop = asyncio.get_running_loop()
        encrypted = _Stream()
        try:
            transport = await loop.start_tls(
                self._stream.transport,
                encrypted,
                trust,
                server_hostname=server,
                ssl_handshake_timeout=timeout,
            )
        except (TimeoutError, ConnectionAbortedError) as error:
            raise ConnectTimedOut(str(error)) from error
        except (OSError, ssl.SSLError) as error:
            raise ConnectFailed(str(error)) from error
        if transport is None:
            raise ConnectFailed("the server closed the connection during the TLS handshake")
        encrypted.transport = transport
        return type(self)(encrypted)

    @property
    def is_readable(self) -> bool:
        """Whether bytes, or the end, wait to be read."""
        return self._stream.ended or bool(self._stream.buffer)
