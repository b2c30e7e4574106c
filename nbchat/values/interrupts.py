"""Interrupts that Python loses, raised after all."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["interruptible", "raise_lost_interrupt"]


class _State:
    """Of the main thread, the only one that signals interrupt."""

    watching = False
    lost = False


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Note interrupts that Python loses in this block, and raise them at its end if `raise_lost_interrupt` has not.

    Python ignores exceptions in destructors and in callbacks of weak references. An interrupt that arrives while any
    library's object is freed there would have no effect. May be nested; does nothing in other threads than the main one.
    """
    if _State.watching or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = sys.unraisablehook

    def note(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _State.lost = True
        else:
            before(unraisable)

    try:
        _State.watching, _State.lost, sys.unraisablehook = True, False, note
        yield
        raise_lost_interrupt()
    finally:
        _State.watching, _State.lost, sys.unraisablehook = False, False, before


def raise_lost_interrupt() -> None:
    """Raise KeyboardInterrupt in the main thread if one was lost. Call it between waits."""
    if _State.lost and threading.current_thread() is threading.main_thread():
        _State.lost = False
        raise KeyboardInterrupt
