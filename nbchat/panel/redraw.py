"""Tell widget changes made by the program from the user's."""

from __future__ import annotations

import threading

__all__ = ["Redraw"]


class Redraw:
    """`with redraw:` marks widget changes as the program's own; event handlers check `redraw.active`.

    A widget's events run in the thread that changed it: the redrawing thread, or the one that serves the front end.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._thread: int | None = None

    @property
    def active(self) -> bool:
        """Whether this thread is redrawing."""
        return self._thread == threading.get_ident()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        self._thread = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._thread = None
        self._lock.release()
