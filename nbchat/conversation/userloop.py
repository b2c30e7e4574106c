"""A user's own coroutine, run to its end from plain code on the user's own loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

__all__ = ["TICK_SECONDS", "awaited", "run_on_users_loop"]

TICK_SECONDS = 0.1
"""How often a coroutine that waits wakes up: a kernel's loop does not see an interrupt while its selector sleeps."""


def run_on_users_loop(work: Awaitable[Any]) -> Any:
    """Wait for a coroutine, on the loop that runs in this thread where there is one (a notebook's), else on a new one.

    A loop that runs already can't be waited for by plain code unless it is made re-entrant; `nest_asyncio2` does that,
    and is applied here alone, on first need. An interrupt cancels the coroutine and waits for its end. Requests never
    come this way: measured, they would go on after an interrupt.
    """
    loop = _running_loop()
    if loop is None:
        with asyncio.Runner() as runner:  # asyncio.run may be nest_asyncio's, which leaves its loop open
            return runner.run(awaited(work))
    import nest_asyncio2

    nest_asyncio2.apply(loop)
    task = loop.create_task(awaited(work))
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        task.cancel()
        with contextlib.suppress(BaseException):  # how it ends does not matter: it was interrupted
            loop.run_until_complete(task)
        raise


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def awaited(work: Awaitable[Any]) -> Any:
    """What a coroutine gives, with the loop woken often enough meanwhile to see an interrupt."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=TICK_SECONDS)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    return task.result()
