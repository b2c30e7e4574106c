"""The panel's history: the session's turns as a list, and what can be done from each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ipywidgets import Select

from nbchat.notebook.plain import plain_text
from nbchat.session.turn import Turn

__all__ = ["History"]

MOST_SHOWN = 200
"""Turns in the list, the latest ones: a browser is slow with thousands."""


class History:
    """The turns; `chosen` is told which one the user looks at."""

    def __init__(self, chosen: Callable[[Turn], None]) -> None:
        self._turns: tuple[Turn, ...] = ()
        self._chosen = chosen
        self._drawing = False
        self._list = Select(options=[], description="History", rows=4)
        self._list.layout.height = "auto"
        self._list.observe(self._moved, "index")
        self.widget = self._list
        self.widget.add_class("nbchat-history")

    @property
    def turn(self) -> Turn | None:
        """The turn that is chosen, the last one if none is; None = there is none."""
        index = self._list.index
        return self._turns[self._offset + index] if index is not None and self._turns else None

    @property
    def later(self) -> int:
        """How many turns stand behind the chosen one."""
        index = self._list.index
        return 0 if index is None else len(self._turns) - 1 - self._offset - index

    @property
    def _offset(self) -> int:
        return max(0, len(self._turns) - MOST_SHOWN)

    def show(self, turns: Sequence[Turn]) -> None:
        """Draw these turns; the last one is chosen where they have changed."""
        turns = tuple(turns)
        if len(turns) == len(self._turns) and all(a is b for a, b in zip(turns, self._turns, strict=True)):
            return
        self._drawing = True
        try:
            self._turns = turns
            shown = turns[self._offset :]
            self._list.options = [_label(number, turn) for number, turn in enumerate(shown, self._offset + 1)]
            self._list.index = len(shown) - 1 if shown else None
        finally:
            self._drawing = False

    def _moved(self, _change: Any) -> None:
        if not self._drawing and (turn := self.turn) is not None:
            self._chosen(turn)


def _label(number: int, turn: Turn) -> str:
    reply = turn.reply
    state = "" if reply.status == "complete" else f"[{reply.status.replace('_', ' ')}] "
    edited = "[before an edit] " if turn.before_edit else ""
    return plain_text(f"{number}  {_first(turn.message.text, 45)}  →  {state}{edited}{_first(reply.text, 70)}")


def _first(text: str, most: int) -> str:
    words = " ".join(text[: 4 * most].split())
    return words if len(words) <= most else words[: most - 1] + "…"
