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
    first = portions[0][0] if portions else 0.0
    whole = portions[-1][0] - first if portions else 0.0
    pace = min(1.0, LONGEST_SECONDS / whole) if whole > 0 else 1.0
    begun = False
    for at, events in portions:
        due = started + (at - first) * pace
        if (rest := due - time.perf_counter()) > 0.001:
            await asyncio.sleep(rest)
        if not begun and any(isinstance(event, _PIECES) for event in events):
            begun = True
            put([FirstToken(time.perf_counter())])
        put(list(events))
    put([Ended(time.perf_counter())])
    finish()
