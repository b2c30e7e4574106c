"""A user's own coroutine, run to its end from plain code on the user's own loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

__all__ = ["run_on_users_loop"]


def run_on_users_loop(work: Awaitable[Any]) -> Any:
    """Wait for a coroutine, on the loop that runs in this thread where there is one (a notebook's), else on a new one.

    A loop that runs already can't be waited for by plain code unless it is made re-entrant; `nest_asyncio2` does that,
    and is applied here alone, on first need. An interrupt cancels the coroutine and waits for its end. Requests never
    come this way: measured, they would go on after an interrupt.
    """

    async def whole() -> Any:
        return await work

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(whole())
    import nest_asyncio2

    nest_asyncio2.apply(loop)
    task = loop.create_task(whole())
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        raise
