"""Run a user's coroutine from synchronous code on the user's event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

from nbchat.values.threads import raise_lost_interrupt

__all__ = ["TICK_SECONDS", "awaited", "run_on_users_loop"]

TICK_SECONDS = 0.1
"""Seconds between wake-ups of a waiting coroutine: a kernel's loop misses interrupts while its selector sleeps."""


def run_on_users_loop(work: Awaitable[Any]) -> Any:
    """Run a coroutine on this thread's running loop (a notebook's), or on a new one.

    Synchronous code can't wait on a running loop unless it is re-entrant; `nest_asyncio2` makes it so, and is applied
    only here, on first need. An interrupt cancels the coroutine and waits for its end. Requests never run this way:
    measured, they would continue after an interrupt.
    """
    loop = _running_loop()
    if loop is None:
        with asyncio.Runner() as runner:  # nest_asyncio's asyncio.run leaves its loop open
            return runner.run(awaited(work))
    import nest_asyncio2

    nest_asyncio2.apply(loop)
    task = loop.create_task(awaited(work))
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        task.cancel()
        with contextlib.suppress(BaseException):  # the result no longer matters after an interrupt
            loop.run_until_complete(task)
        raise


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def awaited(work: Awaitable[Any]) -> Any:
    """Await a coroutine, waking the loop often enough to notice an interrupt."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=TICK_SECONDS)
            raise_lost_interrupt()
    except (asyncio.CancelledError, KeyboardInterrupt):
        task.cancel()
        await asyncio.wait([task])
        raise
    return task.result()
