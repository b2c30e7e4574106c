"""Drivers of exchanges: they wait for what an exchange yields, synchronously or asynchronously."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, Self

from nbchat.api.engine import Channel
from nbchat.conversation.exchange.userloop import TICK_SECONDS, awaited, run_on_users_loop
from nbchat.values.answer.events import Event
from nbchat.values.threads import interruptible

__all__ = ["Driver", "Wait", "Work", "drive", "drive_async", "wait_for", "wait_for_async"]

Wait = Channel | Awaitable[Any]
"""What an exchange waits for: the next events of a call, or a user's coroutine."""

Work = Generator[Wait, Any, None]
"""A running exchange: yields what it waits for, and is sent the result."""


class Driver:
    """Advances an exchange from one wait to the next.

    Assign the result of each wait to `given`, and wait inside `with driver:`, so that exceptions, interrupts included,
    are raised in the exchange, which handles them.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._failure: BaseException | None = None
        self.given: Any = None

    def next(self) -> Wait | None:
        """Return the next wait; None = the exchange is over."""
        given, failure = self.given, self._failure
        self.given, self._failure = None, None
        try:
            return self._work.send(given) if failure is None else self._work.throw(failure)
        except StopIteration:
            return None

    def close(self) -> None:
        """Stop the exchange; the partial answer is kept."""
        self._work.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        self._failure = error
        return error is not None


def drive(work: Work) -> None:
    """Run an exchange to its end, synchronously."""
    driver = Driver(work)
    with interruptible():
        while (wait := driver.next()) is not None:
            with driver:
                driver.given = wait_for(wait)


async def drive_async(work: Work) -> None:
    """Run an exchange to its end, asynchronously."""
    driver = Driver(work)
    while (wait := driver.next()) is not None:
        with driver:
            driver.given = await wait_for_async(wait)


def wait_for(wait: Wait) -> Any:
    """Wait synchronously, and return the result."""
    return wait.take() if isinstance(wait, Channel) else run_on_users_loop(wait)


async def wait_for_async(wait: Wait) -> Any:
    """Wait asynchronously, and return the result."""
    return await (_take_async(wait) if isinstance(wait, Channel) else awaited(wait))


async def _take_async(channel: Channel) -> list[Event] | None:
    """`Channel.take` for coroutines: events, an empty batch after a timeout, None = over."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have been closed in the meantime
            loop.call_soon_threadsafe(arrived.set)

    channel.on_put = wake
    batch = channel.take(None)
    if batch == []:
        with contextlib.suppress(TimeoutError):
            # `asyncio.wait_for` loses a cancel that comes with the event (Python 3.11)
            async with asyncio.timeout(TICK_SECONDS):
                await arrived.wait()
        batch = channel.take(None)
    return batch
