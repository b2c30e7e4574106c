"""Change notification."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

__all__ = ["Observers"]

Observer = Callable[[], None]


class Observers:
    """Callbacks, called after a change in the thread that made it. Safe from any thread.

    A failing callback is logged, and not raised where the change was made.
    """

    def __init__(self) -> None:
        self._observers: list[Observer] = []
        self._lock = threading.Lock()

    def add(self, observer: Observer) -> Callable[[], None]:
        """Add a callback; return a function that removes it."""
        with self._lock:
            self._observers.append(observer)

        def remove() -> None:
            with self._lock:
                self._observers[:] = [one for one in self._observers if one is not observer]

        return remove

    def notify(self) -> None:
        """Call all observers."""
        with self._lock:
            observers = tuple(self._observers)
        for observer in observers:
            try:
                observer()
            except Exception:
                logging.getLogger("nbchat").exception("An observer of a session failed")
