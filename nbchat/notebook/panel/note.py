"""A line below a control that says what is wrong with it, or what to know; it takes no room while it says nothing."""

from __future__ import annotations

from ipywidgets import HTML

from nbchat.notebook.inline import html_text

__all__ = ["Note"]


class Note:
    """`widget` is the line."""

    def __init__(self) -> None:
        self.widget = HTML(layout={"display": "none"})
        self.widget.add_class("nbchat-note")

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say something; empty = nothing to say. Foreign words in it are harmless."""
        self.widget.value = html_text(text)
        self.widget.layout.display = None if text else "none"
        (self.widget.add_class if wrong else self.widget.remove_class)("nbchat-wrong")
