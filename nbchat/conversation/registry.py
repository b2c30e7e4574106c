"""The sessions of this process by name, and the one that the magics use."""

from __future__ import annotations

import itertools
import threading

from nbchat.conversation.session import Session
from nbchat.values.errors import SessionError
from nbchat.values.params import nearest

__all__ = ["Registry", "registry"]

DEFAULT = "default"


class Registry:
    """Sessions by name. One of them is current; there is always one. Safe from any thread."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._current = DEFAULT
        self._lock = threading.RLock()

    @property
    def current(self) -> Session:
        """The session that a cell asks in unless it names another."""
        return self.open(None)

    def open(self, name: str | None) -> Session:
        """The session of this name, new if there is none; None = the current one. It does not become current."""
        with self._lock:
            name = self._current if name is None else name
            if name not in self._sessions:
                self._sessions[name] = Session(name=name)
            return self._sessions[name]

    def switch(self, name: str) -> Session:
        """Make an existing session the current one. Raises SessionError."""
        with self._lock:
            if name not in self._sessions and name != DEFAULT:
                hint = nearest(name, self._sessions) or f" %chat fork {name} makes one."
                raise SessionError(f"There is no session {name!r}.{hint}")
            self._current = name
            return self.open(name)

    def add(self, session: Session, *, current: bool = True) -> Session:
        """Take in a session under its own name, in place of one that had it."""
        with self._lock:
            self._sessions[session.name] = session
            if current:
                self._current = session.name
            return session

    def fork(self, name: str | None = None) -> Session:
        """A copy of the current session, which becomes current. Raises SessionError for a name in use."""
        with self._lock:
            here = self.current
            if name is None:
                name = next(f"{here.name}-{n}" for n in itertools.count(2) if f"{here.name}-{n}" not in self._sessions)
            if name in self._sessions:
                raise SessionError(f"There is a session {name!r} already: %chat switch {name} goes to it.")
            return self.add(here.fork(name))

    def __iter__(self) -> itertools.chain[Session]:
        with self._lock:
            return itertools.chain(list(self._sessions.values()))

    def names(self) -> list[str]:
        """The names of all sessions, in the order of their making."""
        with self._lock:
            return list(self._sessions)


registry = Registry()
"""The sessions of this process."""
