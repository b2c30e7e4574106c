"""What an exchange waits for, and the two ways of waiting: in plain code, and in a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, Self

from nbchat.api.engine import Channel
from nbchat.conversation.userloop import TICK_SECONDS, awaited, run_on_users_loop
from nbchat.values.events import Event

__all__ = ["Driver", "Wait", "Work", "drive", "drive_async", "wait_for", "wait_for_async"]

Wait = Channel | Awaitable[Any]
"""What an exchange waits for: the next events of a call, or a coroutine of the user's."""

Work = Generator[Wait, Any, None]
"""An exchange at work: yields what it waits for, is sent what that came to."""


class Driver:
    """Moves an exchange on from one wait to the next.

    Put what the wait came to into `given`. Do the waiting in a `with` of this: what it raises, an interrupt included,
    is raised in the exchange, which knows what it means.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._failure: BaseException | None = None
        self.given: Any = None

    def next(self) -> Wait | None:
        """The next wait; None = the exchange is over."""
        given, failure = self.given, self._failure
        self.given, self._failure = None, None
        try:
            return self._work.send(given) if failure is None else self._work.throw(failure)
        except StopIteration:
            return None

    def close(self) -> None:
        """Stop the exchange where it is; what had come is kept."""
        self._work.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        self._failure = error
        return error is not None


def drive(work: Work) -> None:
    """Do all of an exchange, in plain code."""
    driver = Driver(work)
    while (wait := driver.next()) is not None:
        with driver:
            driver.given = wait_for(wait)


async def drive_async(work: Work) -> None:
    """Do all of an exchange, in a coroutine."""
    driver = Driver(work)
    while (wait := driver.next()) is not None:
        with driver:
            driver.given = await wait_for_async(wait)


def wait_for(wait: Wait) -> Any:
    """What an exchange waits for, waited for in plain code."""
    return wait.take() if isinstance(wait, Channel) else run_on_users_loop(wait)


async def wait_for_async(wait: Wait) -> Any:
    """What an exchange waits for, waited for in a coroutine."""
    return await (_take_async(wait) if isinstance(wait, Channel) else awaited(wait))


async def _take_async(channel: Channel) -> list[Event] | None:
    """`Channel.take` for a coroutine: events, none where some time passed without, None = over."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
            loop.call_soon_threadsafe(came.set)

    channel.on_put = wake
    batch = channel.take(None)
    if batch == []:
        with contextlib.suppress(TimeoutError):
            # `asyncio.wait_for` loses a cancel that comes with the event (Python 3.11)
            async with asyncio.timeout(TICK_SECONDS):
                await came.wait()
        batch = channel.take(None)
    return batch
