"""A set of weak references."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["LiveSet"]

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
