"""The server that plays a script: one thread and one event loop, with control over every byte and its timing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from nbchat.testing.answers import (
    Answer,
    Cut,
    Hang,
    Pause,
    Plain,
    Received,
    Say,
    Script,
    StaleKeepAlive,
    Status,
    Step,
    Until,
)
from nbchat.testing.payloads import MODEL, error

__all__ = ["ScriptedServer"]

_POLL = 0.005  # seconds between polls of an `Until` event, which belongs to another thread
_LONGEST_HEAD = 2**20
_BACKLOG = 1024


class _Connection:
    """A client connection: reads requests, writes steps, and notices disconnection at any time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.closing = False
        self._writer = writer
        self._incoming = asyncio.StreamReader(limit=_LONGEST_HEAD)
        self._gone = asyncio.Event()
        self._pump = asyncio.create_task(self._listen(reader))
        writer.transport.set_write_buffer_limits(0)  # a step is done once the operating system has all its bytes

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Read all the time, to notice when the connection is closed."""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                self._incoming.feed_data(data)
        self._incoming.feed_eof()
        self._gone.set()

    async def requests(self) -> AsyncIterator[Received]:
        """Yield the requests of this connection, until either side closes it."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while not self.closing:
                head = (await self._incoming.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.strip().split("\r\n")
                method, path, _ = first.split(" ", 2)
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                self.closing = headers.get("connection", "").lower() == "close"
                yield Received(method, path, headers, await self._body(headers), self.number)

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._incoming.readexactly(int(headers.get("content-length", 0)))
        parts: list[bytes] = []
        while size := int((await self._incoming.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append((await self._incoming.readexactly(size + 2))[:-2])
        await self._incoming.readuntil(b"\r\n")
        return b"".join(parts)

    async def play(self, step: Step) -> None:
        """Execute one step. Raises ConnectionError if the client has disconnected."""
        match step:
            case bytes():
                await self._rest(0)  # let the listener and other clients run
                self._writer.write(step)
                await self._writer.drain()
            case Pause(seconds):
                await self._rest(seconds)
            case Until(event):
                while not event.is_set():
                    await self._rest(_POLL)
            case Hang():
                await self._rest(None)
            case Cut(reset):
                self.cut(reset=reset)

    async def _rest(self, seconds: float | None) -> None:
        if seconds == 0:
            await asyncio.sleep(0)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), seconds)
        if self._gone.is_set():
            raise ConnectionResetError("the client closed the connection")

    async def first_byte(self) -> None:
        """Wait for the first byte of another request, or for the end."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            await self._incoming.readexactly(1)

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection; what was written still arrives."""
        self.closing = True
        if reset:
            linger = struct.pack("ii", 1, 0)  # on, for 0 s: close(2) then sends RST
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.close()

    def end(self) -> None:
        """Release everything, in any state."""
        self._pump.cancel()
        self._writer.transport.abort()


class ScriptedServer:
    """A scripted chat-completions server on loopback; use it as a context manager.

    `models` is what `GET …/models` lists: names, or an answer (`Status(404)`). `default` is the answer to `POST
    …/chat/completions` once the script is used up. `paths` are the answers to every request for a path of its own,
    without its query: `{"/tokenize": Plain({"tokens": [1]})}`. All may be set at any time; every attribute is thread-safe.
    An error in the script itself is answered with status 500 if possible, and raised when the `with` block ends.
    """

    def __init__(
        self,
        *script: Script,
        models: Sequence[str] | Answer = (MODEL,),
        default: Script | None = None,
        paths: Mapping[str, Script] | None = None,
    ) -> None:
        self.models = models
        self.paths = dict(paths or {})
        self.default: Script = default or Say()
        self._script: deque[Script] = deque(script)
        self._requests: list[Received] = []
        self._waited = 0
        self._connections = 0
        self._port = 0
        self._failure: Exception | None = None
        self._news = threading.Condition()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="nbchat-scripted", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None and value is None:
            raise self._failure

    @property
    def base_url(self) -> str:
        """The base URL for clients; unchanged, but refusing connections, after the `with` block."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in order of arrival."""
        with self._news:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """The number of connections accepted so far."""
        with self._news:
            return self._connections

    def add(self, *script: Script) -> None:
        """Append answers to the script."""
        with self._news:
            self._script.extend(script)

    def wait_for_request(self, timeout: float = 60.0) -> Received:
        """Wait for the first request that no earlier call has returned. Raises TimeoutError after `timeout` seconds."""
        with self._news:
            if not self._news.wait_for(lambda: len(self._requests) > self._waited, timeout):
                raise TimeoutError(f"Expected request number {self._waited + 1} within {timeout:g} s, but none came.")
            self._waited += 1
            return self._requests[self._waited - 1]

    def _serve(self) -> None:
        # Not asyncio.run: nest_asyncio replaces it by a version that leaves its loop open.
        with asyncio.Runner() as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        # Not asyncio.start_server: if closed while accepting a client, it leaves that client's socket open.
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        clients: set[asyncio.Task[None]] = set()
        with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listener:
            listener.setblocking(False)
            self._port = listener.getsockname()[1]
            self._loop.add_reader(listener, self._accept, listener, clients)
            self._listening.set()
            await self._stop.wait()
            self._loop.remove_reader(listener)
        await asyncio.sleep(0)  # let every client's task start, so that each cleans up after itself
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def _accept(self, listener: socket.socket, clients: set[asyncio.Task[None]]) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            accepted, _ = listener.accept()
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._news:
                self._connections += 1
            client = self._loop.create_task(self._client(accepted, self._connections))
            clients.add(client)
            client.add_done_callback(clients.discard)

    async def _client(self, accepted: socket.socket, number: int) -> None:
        reader, writer = await asyncio.open_connection(sock=accepted)
        connection = _Connection(reader, writer, number)
        try:
            async for request in connection.requests():
                answer = self._answer(request)
                await self._play(connection, request, answer)
                if isinstance(answer, StaleKeepAlive):
                    await connection.first_byte()
                    connection.cut(reset=answer.reset)
        except Exception as failure:  # noqa: BLE001 - raised when the `with` ends
            self._failure = failure
        finally:
            connection.end()

    def _answer(self, request: Received) -> Answer:
        """Return the next answer of the script. Answers follow the order of `requests`, so both change under one lock."""
        path = request.path.partition("?")[0]
        with self._news:
            self._requests.append(request)
            self._news.notify_all()
            if path in self.paths:
                script = self.paths[path]
            elif request.method == "GET" and path.endswith("/models"):
                return self._listed()
            elif request.method == "POST" and path.endswith("/chat/completions"):
                script = self._script.popleft() if self._script else self.default
            else:
                return Status(404, error(f"There is nothing at {path}."))
        if hasattr(script, "steps"):
            return script
        try:
            return script(request)
        except Exception as failure:  # noqa: BLE001 - raised when the `with` ends
            self._failure = failure
            return Status(500, error(f"The script failed: {failure!r}"))

    def _listed(self) -> Answer:
        if hasattr(self.models, "steps"):
            return self.models
        return Plain({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _play(self, connection: _Connection, request: Received, answer: Answer) -> None:
        try:
            for step in answer.steps(request):
                await connection.play(step)
        except ConnectionError:
            connection.closing = True
            request.closed.set()
        else:
            request.finished.set()
