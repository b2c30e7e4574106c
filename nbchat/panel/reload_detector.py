"""Detects a page reload, after which the cell's outputs can no longer be updated."""

from __future__ import annotations

from typing import Any

from ipywidgets import Text

from nbchat.display.widget_factory import Note, WidgetFactory

__all__ = ["ReloadDetector"]

LATER = (
    "This page was loaded after the panel's cell ran. Run that cell again so that the notebook saves the conversation, "
    "with all that was asked meanwhile."
)


class ReloadDetector:
    """A hidden field into which each page load writes its own number; a second number shows the note.

    A front end routes a kernel's output to a cell by the request that ran it, and forgets that on reload. The panel's
    widgets still work, but the transcript below them would be missing from the saved notebook.
    """

    def __init__(self, factory: WidgetFactory, note: Note) -> None:
        self._note = note
        self.widget = factory.make(Text, continuous_update=False, classes="nbchat-none nbchat-page")
        self.widget.observe(self._loaded, "value")

    def _loaded(self, change: Any) -> None:
        if change["old"]:
            self._note.say(LATER)
