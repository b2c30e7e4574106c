"""Objects that are kept in sight for as long as others hold them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["LiveSet"]

_T = TypeVar("_T")


class LiveSet(Generic[_T]):
    """Like `weakref.WeakSet`, by identity. Thread-safe.

    A `WeakSet` runs Python code whenever an object goes, and an interrupt that falls into it is lost: Python ignores
    what is raised there. This one runs none, and forgets objects that have gone when the next is added.
    """

    def __init__(self) -> None:
        self._items: list[weakref.ref[_T]] = []
        self._lock = threading.Lock()

    def add(self, item: _T) -> None:
        """Keep an object in sight, once."""
        with self._lock:
            self._items = [known for known in self._items if known() is not None and known() is not item]
            self._items.append(weakref.ref(item))

    def discard(self, item: _T) -> None:
        """Forget an object, if it is there."""
        with self._lock:
            self._items = [known for known in self._items if known() is not None and known() is not item]

    def __iter__(self) -> Iterator[_T]:
        """The objects that are still there, in the order in which they were added."""
        return iter([item for known in self._items if (item := known()) is not None])
