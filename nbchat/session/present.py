"""How a session shows an answer: a protocol, and the place where a front end puts its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from nbchat.values.events import Event
from nbchat.values.messages import Message, ToolCall
from nbchat.values.reply import Reply

__all__ = ["Presenter", "Presenters", "presenters"]


class Presenter(Protocol):
    """Shows one exchange while it happens. Calls come from the thread that asked."""

    def show(self, events: Sequence[Event]) -> None:
        """Some events came; none = time passed (at least every 50 ms)."""

    def call_result(self, call: ToolCall, result: Message) -> None:
        """A tool was called, with this result. More of the answer follows."""

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        """It is over, with the whole or partial reply (None = nothing came), and what went wrong (None = nothing)."""


class Presenters:
    """What the front end offers. Without one, answers are quiet."""

    def __init__(self) -> None:
        self.make: Callable[[bool | None], Presenter | None] = lambda _wanted: None
        """A presenter for one exchange: wanted (True), not wanted (False), or as the place suggests (None)."""
        self.clean: Callable[[str], str] = str
        """Model text made safe to display as Markdown."""


presenters = Presenters()
