"""The equivalent `%%chat` line: to copy, or to edit or paste over, which loads it."""

from __future__ import annotations

from collections.abc import Callable

from IPython.core.error import UsageError
from ipywidgets import Button, HBox, Textarea, VBox

from nbchat.notebook.panel.cellline import Loaded, cell_line, load_cell
from nbchat.notebook.panel.controls import explain
from nbchat.notebook.panel.drawing import Drawing
from nbchat.notebook.panel.note import Note
from nbchat.session.session import Session
from nbchat.values.errors import NbchatError

__all__ = ["CellBox"]

LINE_CHARACTERS = 84
"""About what a line of the box holds."""


class CellBox:
    """`loaded` is given what a line or cell asks for that the user has put there. Raises from it are said beside."""

    def __init__(self, loaded: Callable[[Loaded], None]) -> None:
        self._loaded = loaded
        self._drawing = Drawing()
        self._box = Textarea(description="Cell", rows=1, continuous_update=False)
        self._box.add_class("nbchat-cell")
        explain(
            self._box, "The cell that sends the same. Edit it, or paste a cell's options over it, to load them here"
        )
        self._box.observe(lambda change: self._typed(change["new"]), "value")
        copy = Button(description="Copy", tooltip="Copy the line")
        copy.add_class("nbchat-copy")
        line = HBox([self._box, copy])
        line.add_class("nbchat-side")
        self._note = Note()
        self.widget = VBox([line, self._note.widget])

    def show(self, session: Session) -> None:
        """Draw the line of a session."""
        try:
            text, problem = cell_line(session), ""
        except NbchatError as error:
            text, problem = "", str(error)
        self._draw(text)
        self._note.say(problem)

    def _draw(self, text: str) -> None:
        with self._drawing:
            self._box.value = text
            self._box.rows = min(5, 1 + len(text) // LINE_CHARACTERS)

    def _typed(self, text: str) -> None:
        if self._drawing.here or not text.strip():
            return
        try:
            loaded = load_cell(text)
            self._loaded(loaded)
        except (UsageError, NbchatError) as error:
            self._note.say(str(error), wrong=True)
            return
        left = ", ".join(f"--{name}" for name in loaded.left_out)
        self._note.say(f"loaded; a panel does not hold {left}" if left else "loaded")
