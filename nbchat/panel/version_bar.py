"""The versions of the selected turn's answer: the number of the shown one, its neighbours, and differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import Button, HBox

from nbchat.conversation.turn import Turn
from nbchat.display.widget_factory import WidgetFactory, mark

__all__ = ["VersionBar"]


class VersionBar:
    """Buttons that are created for the first turn that has several versions, behind the first widget of `box`.

    `step` is called with -1 or 1, for the previous or the next version.
    """

    def __init__(self, factory: WidgetFactory, step: Callable[[int], None], compare: Callable[[], None]) -> None:
        self._factory = factory
        self._step = step
        self._compare = compare
        self._buttons: list[Any] = []
        self._bar: Any = None

    def show(self, box: Any, turn: Turn | None, *, busy: bool) -> None:
        """Show the versions of a turn; None, or a single version = nothing is shown."""
        count = 0 if turn is None else len(turn.versions)
        if turn is None or count < 2:
            if self._bar is not None:
                mark(self._bar, "nbchat-none", True)
            return
        if self._bar is None:
            self._make(box)
        mark(self._bar, "nbchat-none", False)
        older, newer, compare = self._buttons
        place = len(turn.earlier) + 1
        older.description = f"‹ {place}/{count}"
        older.disabled = busy or place == 1
        newer.disabled = busy or place == count
        compare.disabled = busy

    def _make(self, box: Any) -> None:
        for name, tooltip, act in (
            ("‹", "Use the previous version", lambda: self._step(-1)),
            ("›", "Use the next version", lambda: self._step(1)),
            ("Compare", "Compare with the previous version", self._compare),
        ):
            button = self._factory.make(Button, description=name, tooltip=tooltip)
            button.on_click(lambda _button, act=act: act())
            self._buttons.append(button)
        self._bar = self._factory.make(HBox, self._buttons, classes="nbchat-versions")
        first, *others = box.children
        box.children = (first, self._bar, *others)
