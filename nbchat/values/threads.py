"""Threads in the background, and interrupts of the main one that Python would lose."""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from nbchat.values.errors import ConfigError

__all__ = ["LiveSet", "interruptible", "raise_lost_interrupt", "require_threads", "start_daemon"]


def start_daemon(target: Callable[..., object], *args: object, name: str) -> threading.Thread:
    """Start a daemon thread and return it.

    Raises ConfigError where none can be started: in Pyodide (JupyterLite), or at the system's limit.
    """
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    try:
        if sys.is_finalizing():  # Python 3.11 would wait for ever
            raise RuntimeError("it is ending")
        thread.start()
    except RuntimeError as error:
        raise ConfigError(
            f"nbchat works in background threads, and this Python can't start one ({error});"
            " in the browser (Pyodide, JupyterLite) it never can. Use a kernel with threads."
        ) from None
    return thread


def require_threads() -> None:
    """Raise ConfigError where `start_daemon` would."""
    start_daemon(int, name="nbchat-check").join()


_T = TypeVar("_T")


class LiveSet(Generic[_T]):
    """Like `weakref.WeakSet`, by identity. Thread-safe.

    A `WeakSet` runs Python code whenever an object is freed, and an interrupt during that code is lost, because Python
    ignores exceptions there. This one runs none, and removes freed objects when the next one is added.
    """

    def __init__(self) -> None:
        self._items: list[weakref.ref[_T]] = []
        self._lock = threading.Lock()

    def add(self, item: _T) -> None:
        """Add an object, once."""
        with self._lock:
            self._items = [known for known in self._items if known() is not None and known() is not item]
            self._items.append(weakref.ref(item))

    def discard(self, item: _T) -> None:
        """Remove an object if it is in the set."""
        with self._lock:
            self._items = [known for known in self._items if known() is not None and known() is not item]

    def __iter__(self) -> Iterator[_T]:
        """Yield the objects that still exist, in the order in which they were added."""
        return iter([item for known in self._items if (item := known()) is not None])


class _State:
    """Whether lost interrupts are noted, and whether there is one, in the main thread: the only one that signals interrupt."""

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
