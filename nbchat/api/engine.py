"""The engine: all traffic runs as tasks on one event loop in a daemon thread; callers read from channels.

Compared with blocking reads and nested loops, only this design stops within 0.1 s of every interrupt, closes the
server's connection, and leaves the kernel's own loop alone.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from nbchat.api.call import Call
from nbchat.api.capabilities import Capabilities
from nbchat.api.pacing.sharing import Sharing
from nbchat.values.answer.events import Event, Failed
from nbchat.values.errors import ConfigError, CutOff, NbchatError
from nbchat.values.threads import LiveSet, raise_lost_interrupt, start_daemon

__all__ = ["Channel", "Engine"]

ENGINE_THREAD = "nbchat-engine"
"""The thread in which all of nbchat's traffic runs."""

POLL_SECONDS = 0.05
"""Longest single wait, in seconds, so that interrupts are noticed on systems that do not wake a waiting lock."""

CLOSE_SECONDS = 0.2
"""Seconds that closing waits for the connection to be closed."""

_T = TypeVar("_T")


class Channel:
    """Events of one call, passed from the engine's thread to the reader. Made by `Engine.channel`.

    Stages: idle (nothing is sent) → started → over (the last event was put) → closed (the connection is back in the
    pool, or closed). `close` may be called at any stage, even during a start: nothing is sent after it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._queue: queue.SimpleQueue[list[Event] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._wanted = True
        self.over = False
        """Whether the last event was put; it may not have been taken yet."""
        self.on_put: Callable[[], None] = lambda: None
        """Called in the engine's thread whenever something can be taken: for drains that can't block."""

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the producing coroutine on the loop."""
        self._loop.call_soon_threadsafe(self._start, work)

    def put(self, events: list[Event]) -> None:
        """Add a batch (engine's side)."""
        if events:
            self._queue.put(events)
            self.on_put()

    def finish(self) -> None:
        """Mark the end (engine's side). Idempotent."""
        if not self.over:
            self.over = True
            self._queue.put(None)
            self.on_put()

    def take(self, timeout: float | None = POLL_SECONDS) -> list[Event] | None:
        """Return the pending events, waiting up to `timeout` seconds for the first (None = no wait); None = over."""
        raise_lost_interrupt()
        try:
            batch = self._queue.get(timeout is not None, timeout)
        except queue.Empty:
            return []
        if batch is None:
            self._queue.put(None)  # stays over
        return batch

    def rest(self) -> list[Event]:
        """Return the events that have come and were not taken."""
        events: list[Event] = []
        while batch := self.take(None):
            events += batch
        return events

    def close(self) -> None:
        """Stop the call if it still runs, and wait briefly for its connection to close. From any thread, at any time."""
        if not self.over and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop)
            self._closed.wait(CLOSE_SECONDS)

    def mute(self) -> None:
        """Ignore all further events, including the end."""
        self._wanted, self.over = False, True

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._wanted:
            self._task = self._loop.create_task(work())
            self._task.add_done_callback(self._done)

    def _stop(self) -> None:
        self._wanted = False
        if self._task is not None:
            self._task.cancel()
        else:
            self.finish()
            self._closed.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            if self._wanted and not self.over:
                self.put([Failed(CutOff("nbchat's engine was stopped before the answer was complete. Ask again."))])
        elif (error := task.exception()) is not None:
            self.put([Failed(NbchatError.of_bug(error))])
        self.finish()
        self._closed.set()


def _tapped(tap: Callable[[list[Event]], None], put: Callable[[list[Event]], None]) -> Callable[[list[Event]], None]:
    def both(events: list[Event]) -> None:
        tap(events)
        put(events)

    return both


class Engine:
    """One thread, one loop, one client; starts when it is made.

    `capabilities` are the known refusals of servers; None = none yet. `sharing` exchanges servers' rate limits with other
    processes; None = no sharing. Raises ConfigError where no thread can start.
    """

    def __init__(self, capabilities: Capabilities | None = None, sharing: Sharing | None = None) -> None:
        from nbchat.api.client import Client  # imports httpx, which is not needed before the first request

        _keep_quiet()
        self.client = Client(capabilities, sharing)
        self._loop = asyncio.new_event_loop()
        self._loop.set_debug(False)  # `-X dev` warnings about slow steps are meant for the user's loops
        self._channels: LiveSet[Channel] = LiveSet()
        self._stopped = False
        try:
            # The last step, so that an interrupt before it leaves no thread behind.
            self._thread = start_daemon(self._run, name=ENGINE_THREAD)
        except ConfigError:
            self._loop.close()
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def channel(self) -> Channel:
        """Return a channel for one call. Nothing is sent before `start`, so its caller can close it."""
        channel = Channel(self._loop)
        self._channels.add(channel)
        return channel

    def start(self, call: Call, channel: Channel, tap: Callable[[list[Event]], None] | None = None) -> None:
        """Start a call, whose events go to the channel. `tap` sees them first, in the engine's thread.

        An interrupt may leave it started: close the channel then.
        """
        put = channel.put if tap is None else _tapped(tap, channel.put)
        channel.start(lambda: self.client.answer(call, put, channel.finish))

    def play(self, portions: Sequence[tuple[float, list[Event]]], channel: Channel) -> None:
        """Replay the events of a stored answer through a channel: batches, each with its time in seconds."""
        from nbchat.api.player import played  # only replays need it

        channel.start(lambda: played(portions, channel.put, channel.finish))

    def open(self, call: Call) -> Channel:
        """Start a call and return its channel."""
        channel = self.channel()
        self.start(call, channel)
        return channel

    def call(self, work: Callable[[], None]) -> None:
        """Run a function on the loop soon, without waiting for it."""
        self._loop.call_soon_threadsafe(work)

    def submit(self, work: Coroutine[Any, Any, _T]) -> concurrent.futures.Future[_T]:
        """Run a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the loop and wait for its result; an interrupt cancels it."""
        future = self.submit(work)
        try:
            while True:
                raise_lost_interrupt()
                try:
                    return future.result(POLL_SECONDS)
                except concurrent.futures.TimeoutError:
                    if future.done():
                        raise
        finally:
            future.cancel()

    @property
    def alive(self) -> bool:
        """Whether it takes calls."""
        return not self._stopped and self._thread.is_alive()

    def end(self) -> None:
        """Stop at process exit, without notifying threads that still wait."""
        for channel in list(self._channels):
            channel.mute()
        self.stop()

    def stop(self) -> None:
        """Cancel all tasks, close the connections and end the thread."""
        self._stopped = True
        if not self._thread.is_alive():
            return

        async def wind_up() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.client.aclose()
            await self._loop.shutdown_asyncgens()  # responses that were abandoned before their end
            await asyncio.sleep(0)  # abandoned sockets are closed on the loop's next iteration

        with contextlib.suppress(concurrent.futures.TimeoutError, RuntimeError):
            self.submit(wind_up()).result(1.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._loop.close()


LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks", "httpx")


def _is_foreign(record: logging.LogRecord) -> bool:
    """Whether a record is about other traffic than nbchat's."""
    return record.threadName != ENGINE_THREAD


def _keep_quiet() -> None:
    """Keep nbchat's requests out of the transport's log, since servers may echo the key. Idempotent.

    Other traffic is logged as before.
    """
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_is_foreign)  # the second time this does nothing
