"""What a front end brings to one request: a way to show the answer, and a way to ask for the user's approval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from nbchat.values.events import Event
from nbchat.values.messages import Message, ToolCall
from nbchat.values.reply import Reply

__all__ = ["Approve", "Presenter"]

Approve = Callable[[ToolCall], bool]
"""Whether a tool call may run. Raises EOFError, OSError or NotImplementedError where nobody can be asked."""


class Presenter(Protocol):
    """Shows one answer while it comes. Its methods are called in the thread that asked."""

    def show(self, events: Sequence[Event]) -> None:
        """Show new events. Called with none at least every 50 ms, so that time can be told."""

    def call_result(self, call: ToolCall, result: Message) -> None:
        """Show a tool call and its result. More of the answer follows."""

    def restart(self, reason: str) -> None:
        """Discard what was shown: the model is asked again, for this reason."""

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        """Show the end: the whole or partial reply (None = nothing came) and what went wrong (None = nothing)."""
