"""Run a coroutine without its bare yields, so that it only yields to other tasks when it must wait."""

from __future__ import annotations

import functools
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

__all__ = ["Greedy"]

_T = TypeVar("_T")

MOST_SKIPPED = 100
"""Most consecutive bare yields to skip: a loop that spins on `sleep(0)` needs another task to run eventually."""


class Greedy(Generic[_T]):
    """Awaits the work without its bare yields, such as `asyncio.sleep(0)`; real waits are unchanged.

    httpcore's locks yield to all other tasks even when they are free. Sixteen answers that arrive together are then read in
    lockstep, and the next sixteen requests all go out after the last of them. Without these yields, the first answer's next
    request is sent before the second answer is processed, and the requests spread out.

    Cancellation and exceptions pass as through a plain `await`.
    """

    def __init__(self, work: Coroutine[Any, Any, _T]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, _T]:
        steps = self._work.__await__()
        go_on = functools.partial(steps.send, None)
        move, skipped = go_on, 0
        while True:
            try:
                wait = move()
            except StopIteration as end:
                result: _T = end.value
                return result
            move = go_on
            if wait is None and skipped < MOST_SKIPPED:  # a bare yield: it waits for nothing
                skipped += 1
                continue
            skipped = 0
            try:
                yield wait
            except BaseException as error:  # noqa: BLE001  # any exception is for the work to handle
                move = functools.partial(steps.throw, error)
