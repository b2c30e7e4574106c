"""Replay a stored answer: the same events in the same batches at the original speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from nbchat.values.answer.events import (
    Ended,
    Event,
    FirstToken,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Sent,
    TextDelta,
    ToolCallDelta,
)

__all__ = ["played"]

LONGEST_SECONDS = 1.5
"""Longest replay in seconds; longer answers are sped up."""

_PIECES = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta, LogprobsDelta)


async def played(
    portions: Sequence[tuple[float, list[Event]]], put: Callable[[list[Event]], None], finish: Callable[[], None]
) -> None:
    """Put each batch at its time, in seconds after the first one, then finish."""
    started = time.perf_counter()
    put([Sent(started)])
    times = [at for at, _ in portions] or [0.0]
    pace = LONGEST_SECONDS / max(LONGEST_SECONDS, times[-1] - times[0])
    begun = False
    for at, events in portions:
        await asyncio.sleep(started + (at - times[0]) * pace - time.perf_counter())
        if not begun and any(isinstance(event, _PIECES) for event in events):
            begun = True
            put([FirstToken(time.perf_counter())])
        put(list(events))
    put([Ended(time.perf_counter())])
    finish()
