"""One thing at a time, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbchat.values.errors import Interrupted, NbchatError

__all__ = ["Worker"]


class Worker:
    """Does one thing at a time in a thread of its own; `over` is told what went wrong, None = nothing.

    Beginnings and ends alternate: a `begun` never comes between an end and its `over`.
    """

    def __init__(self, over: Callable[[BaseException | None], None]) -> None:
        self.busy = False
        """Whether something runs."""
        self._over = over
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, work: Callable[[], None], begun: Callable[[], None]) -> bool:
        """Start it, and tell `begun` before it does anything; False = something runs already, and nothing was told."""
        with self._lock:
            if self.busy:
                return False
            begun()
            self.busy = True
            self._thread = threading.Thread(target=self._run, args=(work,), name="nbchat-panel", daemon=True)
            self._thread.start()
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs and `over` was told, at most so many seconds (None = for as long as it takes)."""
        if (thread := self._thread) is not None:
            thread.join(timeout)

    def _run(self, work: Callable[[], None]) -> None:
        failure: BaseException | None = None
        try:
            work()
        except (NbchatError, Interrupted) as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # a thread that dies in silence would leave the panel waiting
            failure = NbchatError(f"nbchat itself failed, with {type(error).__name__}: {error}. Please report it.")
        finally:
            with self._lock:
                self.busy = False
                self._over(failure)
