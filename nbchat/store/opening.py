"""The process-wide journal: where its file is, opened on first use, reopened after forks, closed at exit."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbchat.store.journal import Journal

__all__ = ["OFF", "VARIABLE", "is_wanted", "journal", "journal_path", "notebook_path"]

VARIABLE = "NBCHAT_STORE"

OFF = frozenset({"off", "none", "no", "false", "0"})
"""Values of `NBCHAT_STORE` that turn the journal off."""

FILE = "nbchat.sqlite"

EXIT_SECONDS = 2.0
"""Seconds that process exit waits for pending writes."""

_journal: Journal | None = None
_path: Path | None = None
_named: str | None = None
_opening = threading.Lock()


def is_wanted(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the user wants a journal."""
    return env.get(VARIABLE, "").strip().lower() not in OFF


def journal_path(env: Mapping[str, str] = os.environ) -> Path | None:
    """Return the journal's file; None = turned off. A directory stands for the file `nbchat.sqlite` in it."""
    named = env.get(VARIABLE, "").strip()
    if not is_wanted(env):
        return None
    if not named:
        import platformdirs

        return Path(platformdirs.user_data_dir("nbchat", appauthor=False)) / FILE
    try:
        path = Path(named).expanduser()
    except RuntimeError:  # no home directory
        path = Path(named)
    return (path / FILE if path.is_dir() else path).absolute()


def notebook_path(env: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of this kernel's notebook; None = unknown.

    Jupyter's server sets `JPY_SESSION_NAME`; `NBCHAT_NOTEBOOK` overrides it.
    """
    named = env.get("NBCHAT_NOTEBOOK", "").strip() or env.get("JPY_SESSION_NAME", "").strip()
    return str(Path(named).absolute()) if named.endswith(".ipynb") else None


def journal() -> Journal | None:
    """Return the journal that `NBCHAT_STORE` currently names; None = turned off."""
    global _journal, _path, _named  # the variable names one file for the whole process
    named = os.environ.get(VARIABLE, "")
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
