"""What a front end provides for one request: a display for the answer, and a way to ask for approval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from nbchat.values.answer.events import Event
from nbchat.values.answer.reply import Reply
from nbchat.values.messages import Message, ToolCall

__all__ = ["Approve", "Presenter"]

Approve = Callable[[ToolCall], bool]
"""Whether a tool call may run. Raises EOFError, OSError or NotImplementedError if the user can't be asked."""


@runtime_checkable
class Presenter(Protocol):
    """Displays one streaming answer. Methods are called in the thread that made the request."""

    def show(self, events: Sequence[Event]) -> None:
        """Show new events. Called at least every 50 ms, if need be with none, so that a clock can tick."""

    def call_result(self, call: ToolCall, result: Message) -> None:
        """Show a tool call and its result. More of the answer follows."""

    def restart(self, reason: str) -> None:
        """Discard what was shown: the request is repeated, for this reason."""

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        """Show the end: the whole or partial reply (None = nothing arrived) and what went wrong (None = nothing)."""
