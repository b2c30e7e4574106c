"""Where the rooms meet: hands the session what stands above it, each imported when it is first needed.

Importing this does it, and importing the room `session` imports this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbchat.api.keys import Key
from nbchat.conversation.description import written_whole
from nbchat.conversation.presenter import Presenter, presenters
from nbchat.values.messages import Message

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["join"]


def join() -> None:
    """Give the sessions of this process their display, their guard and their bench."""
    presenters.make = _make_presenter
    presenters.clean = _clean
    presenters.panel = _panel
    presenters.guard = _guard
    presenters.sweep = _sweep
    presenters.explore = _explore
    presenters.describe = _describe


def _make_presenter(wanted: bool | None, *, choices: int = 1, waiting: str = "") -> Presenter | None:
    if wanted is False:
        return None
    from nbchat.display.presenting import make_presenter

    return make_presenter(wanted, choices=choices, waiting=waiting)


def _panel(session: Session) -> Any:
    from nbchat.panel.panel import Panel

    return Panel(session)


def _sweep(session: Session, message: Any, **options: Any) -> Any:
    from nbchat.views.watched_sweep import watched_sweep

    return watched_sweep(session, message, **options)


def _explore(sweep: Any) -> Any:
    from nbchat.views.explorer import Explorer

    return Explorer(sweep)


def _clean(text: str) -> str:
    from nbchat.markdown.render import render

    return render(text)


def _describe(value: object) -> str:
    from nbchat.data.describe import describe

    whole = written_whole(value)
    return describe(value).text if whole is None else whole


def _guard(messages: Sequence[Message], key: Key | None) -> None:
    from nbchat.data.guard import check, environment_secrets

    secrets = environment_secrets(os.environ)
    if key is not None:
        secrets["the key in use"] = key.reveal()
    marked = sys.modules.get("nbchat.data.private")  # unless that was imported, no column was marked
    columns = marked.private_columns() if marked is not None else ()
    places = [_place(message, index, len(messages)) for index, message in enumerate(messages)]
    check(zip(places, map(_all_text, messages), strict=True), secrets, columns)


def _place(message: Message, index: int, count: int) -> str:
    """Where a message stands, in the words of a refusal."""
    if message.role == "system":
        return "the system text"
    if message.role == "tool":
        return "a tool's result"
    return "the message" if index == count - 1 else "the history"


def _all_text(message: Message) -> str:
    return "\n".join((message.text, *(call.arguments for call in message.tool_calls)))


join()
