"""The panel's message box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import HTML, Button, Textarea, ToggleButton

from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.markdown.inline import html_text
from nbchat.panel.page import SendHandshake

__all__ = ["MessageBox"]


SENDS, SENDS_AGAIN = "Ctrl+Enter sends", "Ctrl+Enter sends again"
WITH_HISTORY, ALONE = "with history", "alone"


class MessageBox:
    """The message text, Send and Stop buttons, and a status line."""

    def __init__(self, factory: WidgetFactory, send: Callable[[], None], stop: Callable[[], None]) -> None:
        self.message = factory.make(
            Textarea,
            description="Message",
            rows=3,
            continuous_update=False,
            placeholder=SENDS,
            classes="nbchat-message",
        )
        self.send = factory.make(
            Button, description="Send", tooltip="Send the message (Ctrl+Enter)", classes="nbchat-send"
        )
        meaning = "Stop the answer and keep what has arrived"
        self.stop = factory.make(Button, description="Stop", tooltip=meaning, disabled=True, classes="nbchat-stop")
        self.send.on_click(lambda _button: send())  # where the page does not run the panel's script
        self.handshake = SendHandshake(factory, send)
        self.stop.on_click(lambda _button: stop())
        self.alone = factory.make(
            ToggleButton,
            description=WITH_HISTORY,
            tooltip="Send with the conversation so far, or alone and without joining it",
            classes="nbchat-toggle",
        )
        self.alone.observe(self._turned, "value")
        self.keeps = factory.make(
            ToggleButton,
            description="keep text",
            tooltip="Keep the message in the box after sending it",
            classes="nbchat-toggle",
        )
        self.choices = (self.alone, self.keeps)
        self.status = factory.make(HTML, classes="nbchat-status")

    def _turned(self, change: Any) -> None:
        self.alone.description = ALONE if change["new"] else WITH_HISTORY

    def take(self) -> None:
        """Return the text and clear the box, unless the text is to be kept."""
        if self.keeps.value:
            return
        self.message.value = ""
        self.message.placeholder = SENDS

    def give_back(self, text: str) -> None:
        """Restore a message that got no answer, unless the box has another one.

        The front end may hold half-typed text unknown to the kernel; the script `style.KEYS` preserves it when other
        properties of the box change.
        """
        if not self.message.value:
            self.message.value = text
            self.message.placeholder = SENDS_AGAIN

    def running(self, on: bool) -> None:
        """Show whether an answer is arriving."""
        self.send.disabled = on
        self.stop.disabled = not on

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a status text; empty = none."""
        self.status.value = html_text(text)
        mark(self.status, "nbchat-wrong", wrong)
