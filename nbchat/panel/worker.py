"""Run one task at a time in a separate thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbchat.values.errors import Interrupted, NbchatError

__all__ = ["Worker"]


class Worker:
    """Runs one task at a time in a separate thread; `over` is called with its failure, None = success.

    `begun` is never called between the end of a task and its `over`.
    """

    def __init__(self, over: Callable[[BaseException | None], None]) -> None:
        self.busy = False
        """Whether something runs."""
        self._over = over
        self._thread: threading.Thread | None = None
        self._next: Callable[[BaseException | None], None] | None = None
        self._lock = threading.RLock()  # what is called at the end of a task may start the next one

    def start(self, work: Callable[[], None], begun: Callable[[], None]) -> bool:
        """Call `begun`, then start the task; False = a task is already running, and nothing was called."""
        with self._lock:
            if self.busy:
                return False
            begun()
            self.busy = True
            self._thread = threading.Thread(target=self._run, args=(work,), name="nbchat-panel", daemon=True)
            self._thread.start()
        return True

    def when_over(self, call: Callable[[BaseException | None], None] | None) -> bool:
        """Call this once after `over`, with the same failure; a later call replaces it, None removes it.

        False = no task is running, and nothing will be called.
        """
        with self._lock:
            self._next = call if self.busy else None
            return self.busy

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the task has ended and `over` was called, for at most `timeout` seconds (None = no limit)."""
        if (thread := self._thread) is not None:
            thread.join(timeout)

    def _run(self, work: Callable[[], None]) -> None:
        failure: BaseException | None = None
        try:
            work()
        except (NbchatError, Interrupted) as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # a silently dying thread would leave the panel waiting
            failure = NbchatError.of_bug(error)
        finally:
            with self._lock:
                self.busy = False
                self._over(failure)
                following, self._next = self._next, None
                if following is not None:
                    following(failure)
