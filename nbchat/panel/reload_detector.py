"""Which load of a page shows the panel: an output of a cell can be changed only in the page that ran the cell."""

from __future__ import annotations

from typing import Any

from ipywidgets import Text

from nbchat.display.widget_factory import Note, Parts

__all__ = ["PageMark"]

LATER = (
    "This page was loaded after the panel's cell ran. Run that cell again so that the notebook saves the conversation, "
    "with all that was asked meanwhile."
)


class PageMark:
    """An unseen box into which each load of the page writes a number of its own; a second number is said in the note.

    A front-end addresses what a kernel adds to a cell by the request that ran it, and forgets that with the page.
    Widgets go on, so the panel works; the transcript below it would not be in the saved notebook.
    """

    def __init__(self, parts: Parts, note: Note) -> None:
        self._note = note
        self.widget = parts.make(Text, continuous_update=False, classes="nbchat-none nbchat-page")
        self.widget.observe(self._loaded, "value")

    def _loaded(self, change: Any) -> None:
        if change["old"]:
            self._note.say(LATER)
