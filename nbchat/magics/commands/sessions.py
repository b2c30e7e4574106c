"""`%chat sessions` and related commands: the sessions of this kernel, of the journal and of files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import quoted, split
from nbchat.conversation.registry import DEFAULT, stored_session, stored_sessions, title
from nbchat.display import chrome
from nbchat.frontend import Session, registry
from nbchat.magics.commands.command import command, say, show
from nbchat.store.opening import journal
from nbchat.store.search_index import texts
from nbchat.values.errors import SessionError
from nbchat.values.key_shapes import without_keys
from nbchat.values.limits import one_line
from nbchat.values.wording import pluralize

__all__ = ["journal_location"]

MOST_FOUND = 20
WIDEST = 70


@command("sessions")
def _sessions(shell: Any, _rest: str) -> None:
    """List the sessions in this kernel and in the journal."""
    current = registry().current
    rows = [["*" if s is current else "", s.name, str(len(s.turns)), "in this kernel"] for s in registry()]
    opened = {session.journal_id for session in registry()}
    rows += [["", title(row), str(row.turns), _when(row.used)] for row in stored_sessions() if row.id not in opened]
    show(shell, chrome.table(["", "session", "turns", "last used"], rows))


@command("switch", "NAME")
def _switch(shell: Any, rest: str) -> None:
    """Switch to another session, of this kernel or from the journal."""
    if not rest:
        names = [*registry().names(), *(title(row) for row in stored_sessions())]
        raise UsageError(f"%chat switch needs a name: {', '.join(dict.fromkeys(names))}.")
    known = rest in registry().names() or rest == DEFAULT
    if any(title(row) == rest for row in stored_sessions()):
        known = known and registry().open(rest).journal_id is not None  # else a new one of the same name
    starts = f"%chat sessions lists them; %%chat --session {quoted(rest)} starts a new one."
    session = registry().switch(rest) if known else registry().add(Session.reopen(stored_session(rest, starts)))
    _say_session(shell, session)


@command("fork", "[NAME]")
def _fork(shell: Any, rest: str) -> None:
    """Copy this session and continue in the copy; the original stays as it is."""
    _say_session(shell, registry().fork(rest or None))


def _say_session(shell: Any, session: Session) -> None:
    say(shell, f"now in session {session.name}, {pluralize(len(session.turns), 'turn')}")


@command("export", "FILE")
def _export(shell: Any, rest: str) -> None:
    """Write the conversation to FILE: .md to read, .json, .jsonl or .ipynb to import again."""
    if not rest:
        raise UsageError("%chat export needs a file name ending in .md, .json, .jsonl or .ipynb.")
    path = registry().current.export(_path(rest))
    say(shell, f"wrote {pluralize(len(registry().current.turns), 'turn')} to {path}")


@command("import", "FILE")
def _import(shell: Any, rest: str) -> None:
    """Open a conversation exported as .json, .jsonl or .ipynb, as a new session."""
    if not rest:
        raise UsageError("%chat import needs the name of a .json, .jsonl or .ipynb file.")
    _say_session(shell, registry().add(Session.load(_path(rest))))


def _path(rest: str) -> str:
    """Return the path on a line, which may be quoted."""
    return "".join(split(rest)) if rest[0] in "'\"" else rest


@command("find", "WORDS")
def _find(shell: Any, rest: str) -> None:
    """Search the questions and answers of all sessions."""
    if not rest:
        raise UsageError("%chat find needs a word to search for.")
    if (file := journal()) is None:
        raise SessionError("There is no journal to search: NBCHAT_STORE turns it off.")
    rows = []
    for row, stored in file.find(rest, MOST_FOUND):
        question, answered = texts(stored.turn)
        rows.append([title(row) if row.id else "", _when(stored.at), _around(question, rest), _around(answered, rest)])
    if rows:
        show(shell, chrome.table(["session", "when", "you", "answer"], rows))
    else:
        say(shell, f"nothing found for {without_keys(rest)!r}")


def _around(text: str, sought: str, most: int = WIDEST) -> str:
    """Return an excerpt of a text around the first of the search words."""
    places = [place for word in sought.split() if (place := text.lower().find(word.lower())) >= 0]
    start = max(0, min(places) - most // 2) if places else 0
    return ("…" if start else "") + one_line(text[start:], most)


@command("forget", "NAME|all")
def _forget(shell: Any, rest: str) -> None:
    """Delete a session, or all of them, permanently; only the ledger keeps their figures."""
    if not rest:
        raise UsageError(f"%chat forget needs a session's name, or all; this one is {registry().current.name}.")
    if rest == "all":
        count = 0
        for session in registry():
            if session.journal_id is None:
                session.clear()
            else:
                count += session.forget()
        if (file := journal()) is not None and file.exists():
            count += file.forget(None)
        say(shell, f"forgot all sessions, {pluralize(count, 'answer')}; the ledger keeps their figures")
        return
    if rest in registry().names():
        count = registry().open(rest).forget()
    elif (file := journal()) is not None:
        count = file.forget(stored_session(rest).id)
    else:
        raise SessionError(f"There is no session {rest!r}. %chat sessions lists them.")
    say(shell, f"forgot session {rest}, {pluralize(count, 'answer')}; the ledger keeps their figures")


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def journal_location() -> str:
    """Return where the journal is, or why there is none."""
    if (file := journal()) is None:
        return "off (NBCHAT_STORE)"
    if file.trouble is not None:
        return f"not written: {file.trouble}"
    home = Path.home()  # written as ~, because a saved notebook shows this to others
    return f"~/{file.path.relative_to(home)}" if file.path.is_relative_to(home) else str(file.path)
