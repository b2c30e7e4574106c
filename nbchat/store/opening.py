"""The process-wide journal: opened on first use, reopened after forks, closed at exit."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nbchat.store.paths import journal_path

if TYPE_CHECKING:
    from nbchat.store.journal import Journal

__all__ = ["journal"]

EXIT_SECONDS = 2.0
"""Seconds that process exit waits for pending writes."""

_journal: Journal | None = None
_path: Path | None = None
_named: str | None = None
_opening = threading.Lock()


def journal() -> Journal | None:
    """Return the journal that `NBCHAT_STORE` currently names; None = turned off."""
    global _journal, _path, _named  # the variable names one file for the whole process
    named = os.environ.get("NBCHAT_STORE", "")
    with _opening:
        if named == _named and _path is not None:
            return _journal
        path = journal_path()
        if path != _path:
            _close()
            if path is not None:
                from nbchat.store.journal import Journal

                _journal = Journal(path)
        _path, _named = path, named
        return _journal


def _close() -> None:
    global _journal
    if _journal is not None:
        _journal.close(EXIT_SECONDS)
    _journal = None


def _before_fork() -> None:
    _opening.acquire()
    if _journal is not None:
        _journal.before_fork()


def _after_fork_in_parent() -> None:
    if _journal is not None:
        _journal.after_fork(child=False)
    _opening.release()


def _after_fork_in_child() -> None:
    global _opening
    _opening = threading.Lock()
    if _journal is not None:
        _journal.after_fork(child=True)


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
