"""Sessions stored in the journal: listing and look-up by name."""

from __future__ import annotations

from pathlib import Path

from nbchat.store.journal import SessionRow
from nbchat.store.opening import journal, notebook_path
from nbchat.values.errors import SessionError
from nbchat.values.params import nearest

__all__ = ["stored_session", "stored_sessions", "title"]


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


def stored_session(name: str) -> SessionRow:
    """Return the session NAME or NAME@NOTEBOOK: this notebook's, else the last used. Raises SessionError."""
    rows = stored_sessions()
    for row in rows:
        if name in (row.name, title(row)):
            return row
    hint = nearest(name, [title(row) for row in rows]) or " %chat sessions lists them."
    raise SessionError(f"There is no session {name!r}.{hint}")
