"""Widgets for one panel, made so that opening it is quick.

Each widget's layout and style are widgets themselves, and every one of them is a message to the front-end. Here they
are shared: looks are the style sheet's business, reached by class names.
"""

from __future__ import annotations

from typing import Any

from ipywidgets import HTML, Layout

from nbchat.markdown.inline import html_text

__all__ = ["Note", "Parts"]


class Parts:
    """Makes widgets that share what can be shared, and closes them together: ipywidgets keeps each until then."""

    def __init__(self) -> None:
        self._layout = Layout()
        self._styles: dict[Any, Any] = {}
        self._made: list[Any] = [self._layout]
        self._closed = False

    def make(self, kind: Any, *content: Any, classes: str = "", tooltip: str = "", **traits: Any) -> Any:
        """A widget of this kind, with these (blank-parted) class names and this tooltip."""
        if (
            self._closed
        ):  # for an answer that still comes, and is kept elsewhere: it shares nothing, and is seen by nobody
            self._layout, self._styles = Layout(), {}
            self._made.append(self._layout)
        if kind in self._styles:
            traits["style"] = self._styles[kind]
        if tooltip:  # ipywidgets 7 calls it otherwise, except on buttons
            traits["tooltip" if kind.class_traits().get("tooltip") else "description_tooltip"] = tooltip
        widget = kind(*content, layout=self._layout, _dom_classes=tuple(classes.split()), **traits)
        if widget.has_trait("style") and kind not in self._styles:
            self._styles[kind] = widget.style
            self._made.append(widget.style)
        self._made.append(widget)
        if self._closed:
            self.close()
        return widget

    def close(self) -> None:
        """Close all that was made, and what will be."""
        self._closed = True
        for widget in self._made:
            widget.close()
        self._made.clear()

    def note(self, box: Any) -> Note:
        """A line at the end of a box that says something at times."""
        return Note(self, box)


class Note:
    """A line below a control: what is wrong with it, or what to know. There is none until there is something to say."""

    def __init__(self, parts: Parts, box: Any) -> None:
        self._parts = parts
        self._box = box
        self._line: Any = None

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say something; empty = nothing to say. Foreign words in it are harmless."""
        if self._line is None:
            if not text:
                return
            self._line = self._parts.make(HTML, classes="nbchat-note")
            self._box.children = (*self._box.children, self._line)
        words = html_text(text)
        self._line.value = words and f'<div class="nbchat-words" title="{words}">{words}</div>'
        mark(self._line, "nbchat-wrong", wrong)
        mark(self._line, "nbchat-none", not words)  # an empty line would still push what stands below it


def mark(widget: Any, name: str, on: bool) -> None:
    """Give a widget a class name, or take it away."""
    (widget.add_class if on else widget.remove_class)(name)
