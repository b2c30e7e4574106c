"""A row for the score and note of the selected answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import HBox, Text

from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.panel.redraw import Redraw
from nbchat.values.answer.rating import Rating, score_of
from nbchat.values.errors import ParameterError

__all__ = ["RatingRow"]


class RatingRow:
    """Two fields, created when they are first opened. `given` is called with the rating that they make."""

    def __init__(self, factory: WidgetFactory, given: Callable[[Rating], None]) -> None:
        self._factory = factory
        self._given = given
        self._rating = Rating()
        self._redrawing = Redraw()
        self._score: Any = None
        self._note: Any = None
        self._opened = False
        self._disabled = False
        self.widget = factory.make(HBox, classes="nbchat-rating nbchat-none")
        self._message = factory.note(self.widget)

    def toggle(self) -> None:
        """Open or close the row."""
        if self._score is None:
            self._score = self._factory.make(
                Text, description="Score", placeholder="any number", tooltip="Higher is better", continuous_update=False
            )
            self._note = self._factory.make(Text, description="Note", placeholder="why", continuous_update=False)
            for field in (self._score, self._note):
                field.observe(self._entered, "value")
            self.widget.children = (self._score, self._note)
        self.show(self._rating, disabled=self._disabled)
        self._opened = not self._opened
        mark(self.widget, "nbchat-none", not self._opened)

    def show(self, rating: Rating | None, *, disabled: bool) -> None:
        """Show the rating of another answer; None = it has none."""
        self._rating, self._disabled = rating or Rating(), disabled
        if self._score is not None:
            with self._redrawing:
                self._score.value = "" if self._rating.score is None else f"{self._rating.score:g}"
                self._note.value = self._rating.note
            self._score.disabled = self._note.disabled = disabled
            self._message.say("")

    def _entered(self, _change: Any) -> None:
        if self._redrawing.active:
            return
        try:
            rating = Rating(self._rating.thumb, score_of(self._score.value), self._note.value)
        except ParameterError as error:
            self._message.say(str(error), wrong=True)
            return
        self._message.say("")
        self._given(rating)
