"""The commands of `%chat`: how they are declared and how they reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nbchat.display import chrome
from nbchat.display.canvas import Bundle, CellCanvas

__all__ = ["COMMANDS", "Command", "command", "say", "show"]


class Command(NamedTuple):
    """A `%chat` command: its arguments, its meaning, and the function that runs it with the shell and the rest of the line."""

    name: str
    takes: str
    meaning: str
    run: Callable[[Any, str], Any]


COMMANDS: dict[str, Command] = {}
"""The commands of `%chat`, in the order in which help shows them."""


def command(name: str, takes: str = "") -> Callable[[Callable[[Any, str], Any]], Callable[[Any, str], Any]]:
    """Register a function as a `%chat` command; its docstring is its help."""

    def register(function: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
        meaning = (function.__doc__ or "").strip().split("\n")[0].rstrip(".")
        COMMANDS[name] = Command(name, takes, meaning[:1].lower() + meaning[1:], function)
        return function

    return register


def show(shell: Any, bundle: Bundle) -> None:
    """Show a bundle below the line."""
    CellCanvas(shell).show(bundle)


def say(shell: Any, text: str | Sequence[str]) -> None:
    """Show one quiet line of facts, separated by dots."""
    show(shell, chrome.line(text))
