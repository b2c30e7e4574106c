"""The thread that writes to the journal, so that requests and streams never wait for the disk."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from nbchat.store.database import Database, Unusable
from nbchat.values.errors import ConfigError
from nbchat.values.threads import start_daemon

__all__ = ["Feed", "Operation", "Writer"]

log = logging.getLogger(__name__)

Operation = Callable[[sqlite3.Connection], None]
"""A write operation; retried in a new transaction if it fails."""

Feed = Callable[[], Operation | None]
"""Returns an operation that writes a streaming answer's new events; None = nothing new."""

TICK_SECONDS = 0.4
"""Seconds between polls of the feeds: a killed process loses at most the events since the last one."""

BUSY_SECONDS = 0.05
"""Seconds before a file locked by another process is tried again."""

TROUBLED_SECONDS = 5.0
"""Seconds before an unusable file is tried again."""

PATIENCE_SECONDS = 10.0
"""Seconds that a locked file is retried before that is reported as trouble."""

MOST_AT_ONCE = 500
"""Most operations in one transaction."""

MOST_PENDING = 10_000
"""Most operations kept while the file can't be used; the oldest are dropped first."""


class Writer:
    """Runs operations in order, batching those that wait into one transaction. Thread-safe.

    Failed operations are kept and retried; `trouble` describes the problem.
    """

    def __init__(self, database: Database) -> None:
        self.trouble: str | None = None
        """Why nothing can be written now; None = no problem."""
        self._database = database
        self._feeds: dict[int, Feed] = {}
        self._reset()

    def _reset(self) -> None:
        self._pending: deque[tuple[int, Operation]] = deque(maxlen=MOST_PENDING)
        self._changed = threading.Condition()
        self._put = 0
        self._done = 0
        self._tries = 0
        self._awake = False
        self._closing = False
        self._busy_since: float | None = None
        self._thread: threading.Thread | None = None
        self._feeds.clear()

    def put(self, operation: Operation) -> int:
        """Queue an operation, and return its number."""
        with self._changed:
            self._put += 1
            self._pending.append((self._put, operation))
            self._wake()
            return self._put

    def is_done(self, number: int) -> bool:
        """Whether the operation of this number is written, or nothing can be written now."""
        return self._done >= number or self.trouble is not None

    def add_feed(self, key: int, feed: Feed) -> None:
        """Start polling a feed twice a second."""
        with self._changed:
            self._feeds[key] = feed
            self._wake()

    def remove_feed(self, key: int) -> None:
        """Stop polling a feed."""
        with self._changed:
            self._feeds.pop(key, None)

    def flush(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until the queue is written; return whether it is. In trouble, try once."""
        with self._changed:
            wanted, tries = self._put, self._tries
            if self._done < wanted:
                self._wake()
            self._changed.wait_for(
                lambda: self._done >= wanted or (self.trouble is not None and self._tries > tries), timeout
            )
            return self._done >= wanted

    def close(self, timeout: float) -> None:
        """Write what is pending, close the file and end the thread. A later `put` starts another."""
        with self._changed:
            thread, self._closing = self._thread, True
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout)
        self._database.close()

    def _wake(self) -> None:
        self._awake = True
        if self._thread is None:
            self._closing = False
            try:
                self._thread = start_daemon(self._run, name="nbchat-journal")
            except ConfigError as error:  # no answer is lost for it; the next operation tries again
                self.trouble = str(error)
        self._changed.notify_all()

    def _run(self) -> None:
        while self._round():
            pass

    def _round(self) -> bool:
        """Wait for work and do it; return whether to continue. No reference to it is kept between rounds."""
        with self._changed:
            self._changed.wait_for(lambda: self._awake or self._closing, self._pause())
            self._awake = False
            closing = self._closing  # if it is set later, feeds may have more than this round asks for
            batch = list(itertools.islice(self._pending, MOST_AT_ONCE))
            feeds = list(self._feeds.values())
        fed = [(0, operation) for feed in feeds if (operation := feed()) is not None]
        written = self._write([*batch, *fed])
        with self._changed:
            self._settle(batch, fed, written=written)
            if closing and not (written and self._pending):
                self._thread = None
                return False
        return True

    def _pause(self) -> float | None:
        """Seconds to sleep unless woken; None = until woken."""
        if self._pending:
            return TROUBLED_SECONDS if self.trouble else BUSY_SECONDS if self._busy_since else 0.0
        return TICK_SECONDS if self._feeds else None

    def _settle(
        self, batch: Sequence[tuple[int, Operation]], fed: Sequence[tuple[int, Operation]], *, written: bool
    ) -> None:
        """Dequeue what is written; keep the rest."""
        self._tries += 1
        if not written:
            self._pending.extend(fed)
        else:
            last = batch[-1][0] if batch else 0
            while self._pending and self._pending[0][0] <= last:
                self._pending.popleft()
            self._done = max(self._done, last)
        self._changed.notify_all()

    def _write(self, operations: Sequence[tuple[int, Operation]]) -> bool:
        """Write operations; return whether they are done with (written, or never writable)."""
        if not operations:
            return True
        try:
            self._try([operation for _, operation in operations])
        except Unusable as problem:
            self._note(problem)
            return False
        self.trouble = self._busy_since = None
        return True

    def _try(self, operations: Sequence[Operation]) -> None:
        """Run all in one transaction; if one of them fails, each in its own. Raises Unusable."""

        def all_of_them(connection: sqlite3.Connection) -> None:
            for operation in operations:
                operation(connection)

        try:
            self._database.write(all_of_them)
        except Unusable:
            raise
        except Exception:
            if len(operations) == 1:
                log.exception("an entry of the journal was lost")
                return
            for operation in operations:
                self._try([operation])

    def _note(self, problem: Unusable) -> None:
        if problem.busy:
            self._busy_since = self._busy_since or time.monotonic()
            if time.monotonic() - self._busy_since < PATIENCE_SECONDS:
                return
        self.trouble = str(problem)

    # Forking

    def before_fork(self) -> None:
        """Pause writing."""
        self._changed.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Continue in the parent; start afresh in the child, without the parent's queue."""
        if child:
            self._reset()
        else:
            self._changed.release()
