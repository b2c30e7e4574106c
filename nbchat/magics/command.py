"""The words of `%chat`: how they are declared, and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nbchat.display import chrome
from nbchat.display.canvas import Bundle, CellCanvas

__all__ = ["COMMANDS", "Command", "command", "say", "show"]


class Command(NamedTuple):
    """One word of `%chat`: what follows it, what it does, and the function of shell and rest of line that does it."""

    name: str
    takes: str
    meaning: str
    run: Callable[[Any, str], Any]


COMMANDS: dict[str, Command] = {}
"""The words of `%chat`, in the order in which help shows them."""


def command(name: str, takes: str = "") -> Callable[[Callable[[Any, str], Any]], Callable[[Any, str], Any]]:
    """Make a function a word of `%chat`; its docstring is what help says."""

    def register(function: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
        meaning = (function.__doc__ or "").strip().split("\n")[0].rstrip(".")
        COMMANDS[name] = Command(name, takes, meaning[:1].lower() + meaning[1:], function)
        return function

    return register


def show(shell: Any, bundle: Bundle) -> None:
    """Show something below the line."""
    CellCanvas(shell).show(bundle)


def say(shell: Any, text: str | Sequence[str]) -> None:
    """Show one quiet line; several facts are parted by dots."""
    show(shell, chrome.line(text))
