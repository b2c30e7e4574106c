"""The built-in model's HTTP server, in a daemon thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
from typing import Self

from tornado import httpserver

from nbchat.builtin.http.handlers import READ_LIMIT, Counters, Settings, application
from nbchat.builtin.model.models import learned
from nbchat.values.errors import ConfigError
from nbchat.values.threads import start_daemon

__all__ = ["PACE", "BuiltinServer", "builtin"]

PACE = 120.0
"""Tokens per second of the process-wide server, slow enough that streaming is visible."""

HEAD_LIMIT = 65_536
"""Most bytes of a request's head."""
BODY_SECONDS = 60.0
"""Seconds that a request's body may take to arrive."""
IDLE_SECONDS = 300.0
"""Seconds that a connection may stay without a complete request head."""


class BuiltinServer:
    """An HTTP server for the built-in model. Start it, or enter it as a context manager; it can't be restarted.

    `port` 0 = any free one. `pace` is in tokens per second of each streamed choice, None = unlimited; other replies are
    immediate. `api_key` None = no key needed. `cors` is the origin whose web pages may send requests ("*" = any, None =
    none). `counters` is for monitoring.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        pace: float | None = PACE,
        api_key: str | None = None,
        cors: str | None = None,
    ) -> None:
        if pace is not None and not pace > 0:
            raise ValueError(f"pace must be more than 0 tokens a second, or None, not {pace}.")
        self.counters = Counters()
        self._address = (host, port)
        self._settings = Settings(pace, api_key, self.counters, host, cors)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """The base URL for clients: `http://127.0.0.1:PORT/v1`."""
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    def start(self) -> str:
        """Start listening in a thread; return the base URL. Raises OSError if the port is taken, ConfigError without threads."""
        if self._thread is not None:
            raise RuntimeError("A BuiltinServer can be started only once; create another.")
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.create_server(self._address, family=family, backlog=128)
        listener.setblocking(False)
        self._address = (self._address[0], listener.getsockname()[1])
        started = threading.Event()
        try:
            self._thread = start_daemon(self._run, listener, started, name="nbchat-builtin")
        except ConfigError:
            listener.close()
            raise
        started.wait()
        start_daemon(learned, name="nbchat-builtin-corpus")
        return self.base_url

    def stop(self) -> None:
        """Close every connection and end the thread. Idempotent."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _run(self, listener: socket.socket, started: threading.Event) -> None:
        loop = self._loop = asyncio.new_event_loop()
        loop.set_debug(False)  # `-X dev` is meant for the user's loops, not for this one's slow steps
        asyncio.set_event_loop(loop)
        server = httpserver.HTTPServer(
            application(self._settings),
            max_body_size=READ_LIMIT,
            max_header_size=HEAD_LIMIT,
            body_timeout=BODY_SECONDS,
            idle_connection_timeout=IDLE_SECONDS,
        )
        server.add_sockets([listener])
        loop.call_soon(started.set)
        try:
            loop.run_forever()
        finally:
            server.stop()
            loop.run_until_complete(server.close_all_connections())
            loop.run_until_complete(_cancel_tasks())
            loop.close()  # also shuts its thread pool down, without waiting: no thread can start while Python exits


async def _cancel_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_lock = threading.Lock()
_running: list[tuple[int, BuiltinServer]] = []


def builtin() -> BuiltinServer:
    """Return the process-wide server, started on the first call from any thread; a forked child starts its own."""
    with _lock:
        if not _running or _running[0][0] != os.getpid():
            server = BuiltinServer()
            server.start()
            atexit.register(server.stop)
            _running[:] = [(os.getpid(), server)]
        return _running[0][1]


if hasattr(os, "register_at_fork"):
    # No fork while a thread starts the server: the child would inherit locks held by a thread it doesn't have.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
