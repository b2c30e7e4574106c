"""What the page tells the kernel through hidden fields, which the script `style.KEYS` writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import Text

from nbchat.display.widget_factory import Note, WidgetFactory

__all__ = ["ASK", "SEND", "ReloadDetector", "SendHandshake"]

ASK, SEND = "ask ", "send "
"""How the script's two messages begin; a number of the click follows."""


class SendHandshake:
    """A hidden field in which the panel's script and the kernel agree on a click on Send.

    While the kernel handles a widget's last change, ipywidgets holds back that widget's next one, but no click: a click
    on Send could overtake the text, or a setting, that was typed before it. So the script writes "ask N" in place of the
    click, the kernel puts N into the placeholder, and the script writes "send N". What was held back has been sent by
    then, because the end of the handling reaches the page before the placeholder does. Several pages that show the panel
    write the same, which is one change.
    """

    def __init__(self, factory: WidgetFactory, send: Callable[[], None]) -> None:
        self._send = send
        self.widget = factory.make(Text, continuous_update=False, classes="nbchat-none nbchat-sending")
        self.widget.observe(self._written, "value")

    def _written(self, change: Any) -> None:
        text = change["new"]
        if text.startswith(ASK):
            self.widget.placeholder = text.removeprefix(ASK)
        elif text == SEND + self.widget.placeholder:
            self._send()


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
