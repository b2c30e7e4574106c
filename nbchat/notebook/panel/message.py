"""The panel's message box."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import HTML, Button, Textarea

from nbchat.notebook.inline import html_text

__all__ = ["MessageBox"]


class MessageBox:
    """Message, Send, Stop and a line that says how things stand."""

    def __init__(self, send: Callable[[], None], stop: Callable[[], None]) -> None:
        self.message = Textarea(description="Message", rows=3, continuous_update=False, placeholder="Ctrl+Enter sends")
        self.message.add_class("nbchat-message")
        self.send = Button(description="Send", tooltip="Send the message (Ctrl+Enter)")
        self.send.add_class("nbchat-send")
        self.stop = Button(description="Stop", tooltip="Stop the answer; what has come is kept", disabled=True)
        self.send.on_click(lambda _button: send())
        self.stop.on_click(lambda _button: stop())
        self.status = HTML()
        self.status.add_class("nbchat-status")

    def running(self, on: bool) -> None:
        """Whether an answer is coming."""
        self.send.disabled = on
        self.stop.disabled = not on

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say how things stand; empty = nothing to say."""
        self.status.value = html_text(text)
        (self.status.add_class if wrong else self.status.remove_class)("nbchat-wrong")
