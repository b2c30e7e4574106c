"""The sessions of a process by name, the one that the magics use, and those that are stored in the journal."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from nbchat.conversation.session import Session
from nbchat.store.opening import journal, notebook_path
from nbchat.values.errors import SessionError
from nbchat.values.key_shapes import holds_key
from nbchat.values.wording import nearest

if TYPE_CHECKING:  # imported only with a journal
    from nbchat.store.records import SessionRow

__all__ = ["DEFAULT", "Registry", "stored_session", "stored_sessions", "title"]

DEFAULT = "default"

S = TypeVar("S", bound=Session)


class Registry(Generic[S]):
    """Sessions by name, one of which is always current. Thread-safe.

    `make` creates a session with a given name.
    """

    def __init__(self, make: Callable[[str], S]) -> None:
        self._make = make
        self._sessions: dict[str, S] = {}
        self._current = DEFAULT
        self._lock = threading.RLock()

    @property
    def current(self) -> S:
        """The session that cells use by default."""
        return self.open(None)

    def open(self, name: str | None) -> S:
        """Return the session of this name, created if needed, without switching to it; None = the current one."""
        with self._lock:
            name = self._current if name is None else name
            if name not in self._sessions:
                _check_name(name)
                self._sessions[name] = self._make(name)
            return self._sessions[name]

    def existing(self, name: str | None) -> S:
        """Return the existing session of this name; None = the current one. Raises SessionError if there is none."""
        with self._lock:
            if name is not None and name not in self._sessions and name != DEFAULT:
                hint = nearest(name, self._sessions) or f" %chat fork {name} makes one."
                raise SessionError(f"There is no session {name!r}.{hint}")
            return self.open(name)

    def switch(self, name: str) -> S:
        """Make an existing session the current one. Raises SessionError."""
        with self._lock:
            session = self.existing(name)
            self._current = name
            return session

    def add(self, session: S, *, current: bool = True) -> S:
        """Add a session, as "name-2" if its name is taken, and make it current unless told not to."""
        with self._lock:
            if self._sessions.get(session.name, session) is not session:
                session.name = self.free_name(session.name)
            self._sessions[session.name] = session
            if current:
                self._current = session.name
            return session

    def free_name(self, name: str) -> str:
        """Return the first free name among "name-2", "name-3", …."""
        with self._lock:
            return next(new for n in itertools.count(2) if (new := f"{name}-{n}") not in self._sessions)

    def fork(self, name: str | None = None) -> S:
        """Fork the current session and switch to the copy. Raises SessionError for a name in use."""
        with self._lock:
            here = self.current
            name = self.free_name(here.name) if name is None else name
            if name in self._sessions:
                raise SessionError(f"There is already a session {name!r}: %chat switch {name} switches to it.")
            _check_name(name)
            return self.add(here.fork(name))

    def __iter__(self) -> Iterator[S]:
        with self._lock:
            return iter(list(self._sessions.values()))

    def names(self) -> list[str]:
        """Return the names of all sessions in order of creation."""
        with self._lock:
            return list(self._sessions)


def _check_name(name: str) -> None:
    if holds_key(name):
        raise SessionError("A session's name is shown and saved, and this one looks like a key. Choose another.")


def stored_sessions() -> list[SessionRow]:
    """Return the journal's sessions with turns: this notebook's first, then by last use. Raises SessionError."""
    file = journal()
    if file is None or not file.exists():
        return []
    here = notebook_path()
    rows = [row for row in file.sessions() if row.turns]
    return sorted(rows, key=lambda row: (row.notebook != here, -row.used))


def title(row: SessionRow) -> str:
    """Return the name for opening a session, with its notebook if it is another one."""
    if row.notebook is None or row.notebook == notebook_path():
        return row.name
    return f"{row.name}@{Path(row.notebook).stem}"


def stored_session(name: str, otherwise: str = "%chat sessions lists them.") -> SessionRow:
    """Return the session NAME or NAME@NOTEBOOK: this notebook's, else the last used.

    Raises SessionError, which ends with `otherwise` if no name is close.
    """
    rows = stored_sessions()
    for row in rows:
        if name in (row.name, title(row)):
            return row
    hint = nearest(name, [title(row) for row in rows]) or f" {otherwise}"
    raise SessionError(f"There is no session {name!r}.{hint}")
