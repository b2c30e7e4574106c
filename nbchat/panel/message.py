"""The panel's message box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import HTML, Button, Textarea, ToggleButton

from nbchat.display.widget_factory import Parts, mark
from nbchat.markdown.inline import html_text

__all__ = ["MessageBox"]


SENDS, SENDS_AGAIN = "Ctrl+Enter sends", "Ctrl+Enter sends again"
WITH_HISTORY, ALONE = "with history", "alone"


class MessageBox:
    """Message, Send, Stop and a line that says how things stand."""

    def __init__(self, parts: Parts, send: Callable[[], None], stop: Callable[[], None]) -> None:
        self.message = parts.make(
            Textarea,
            description="Message",
            rows=3,
            continuous_update=False,
            placeholder=SENDS,
            classes="nbchat-message",
        )
        self.send = parts.make(
            Button, description="Send", tooltip="Send the message (Ctrl+Enter)", classes="nbchat-send"
        )
        meaning = "Stop the answer and keep what has arrived"
        self.stop = parts.make(Button, description="Stop", tooltip=meaning, disabled=True, classes="nbchat-stop")
        self.send.on_click(lambda _button: send())
        self.stop.on_click(lambda _button: stop())
        self.alone = parts.make(
            ToggleButton,
            description=WITH_HISTORY,
            tooltip="Send with the conversation so far, or alone and without joining it",
            classes="nbchat-toggle",
        )
        self.alone.observe(self._turned, "value")
        self.keeps = parts.make(
            ToggleButton,
            description="keep text",
            tooltip="Keep the message in the box after sending it",
            classes="nbchat-toggle",
        )
        self.choices = (self.alone, self.keeps)
        self.status = parts.make(HTML, classes="nbchat-status")

    def _turned(self, change: Any) -> None:
        self.alone.description = ALONE if change["new"] else WITH_HISTORY

    def take(self) -> None:
        """Empty the box, unless its text is to stay: what stands there is sent."""
        if self.keeps.value:
            return
        self.message.value = ""
        self.message.placeholder = SENDS

    def give_back(self, text: str) -> None:
        """Put a message back that nothing came of, unless there is another already.

        The front-end may have one half typed of which the kernel knows nothing: the script `style.KEYS` keeps that in
        its place when, behind the text, something else of the box changes.
        """
        if not self.message.value:
            self.message.value = text
            self.message.placeholder = SENDS_AGAIN

    def running(self, on: bool) -> None:
        """Whether an answer is coming."""
        self.send.disabled = on
        self.stop.disabled = not on

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say how things stand; empty = nothing to say."""
        self.status.value = html_text(text)
        mark(self.status, "nbchat-wrong", wrong)
