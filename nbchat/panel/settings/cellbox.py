"""The equivalent `%%chat` line, to copy, edit or replace; edits are loaded into the panel."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import Button, HBox, Textarea

from nbchat.api.endpoints import Endpoint
from nbchat.display.widget_factory import WidgetFactory
from nbchat.panel.redraw import Redraw
from nbchat.panel.settings.cellline import ONE, Loaded, Tried, cell_line, load_cell, omitted
from nbchat.values.errors import NbchatError
from nbchat.values.params import Params

__all__ = ["CellBox"]

LINE_CHARACTERS = 84
"""Approximate characters per line of the box."""


class CellBox:
    """`loaded` is called with the settings that the user typed or pasted; its errors are shown below the box."""

    def __init__(self, factory: WidgetFactory, loaded: Callable[[Loaded], None]) -> None:
        self._loaded = loaded
        self.problem = ""
        """The error in the edited line; empty = none."""
        self._shown: tuple[Params, str | None, Endpoint, Tried] | None = None
        self._line = ""
        self._redrawing = Redraw()
        meaning = "The cell that sends the same request. Edit it, or paste another cell's options, to load them"
        self._box = factory.make(
            Textarea, description="Cell", rows=1, continuous_update=False, classes="nbchat-cell", tooltip=meaning
        )
        self._box.observe(lambda change: self._typed(change["new"]), "value")
        copy = factory.make(Button, description="Copy", tooltip="Copy the line", classes="nbchat-copy")
        self.widget = factory.make(HBox, [self._box, copy], classes="nbchat-side")
        self._note = factory.note(self.widget)

    def show(self, params: Params, system: str | None, endpoint: Endpoint, tried: Tried = ONE) -> None:
        """Show the line equivalent to these settings."""
        if (params, system, endpoint, tried) == self._shown:
            return
        self._shown = (params, system, endpoint, tried)
        try:
            text, note = cell_line(params, system, endpoint, tried), omitted(endpoint)
        except NbchatError as error:
            text, note = "", str(error)
        self._line = text
        self.problem = ""
        self._draw(text)
        self._note.say(note)

    def _draw(self, text: str) -> None:
        with self._redrawing:
            self._box.value = text
            self._box.rows = min(5, 1 + len(text) // LINE_CHARACTERS)

    def _typed(self, text: str) -> None:
        if self._redrawing.active:
            return
        self.problem = ""
        if not text.strip():
            self._draw(self._line)
            self._note.say("")
            return
        try:
            loaded = load_cell(text)
            self._loaded(loaded)
        except NbchatError as error:
            self.problem = str(error)
            self._note.say(self.problem, wrong=True)
            return
        self._draw(self._line)
        left = ", ".join(f"--{name}" for name in loaded.left_out)
        self._note.say(f"loaded; the panel has no setting for {left}" if left else "loaded")
