"""Creates widgets with shared layouts and styles, so that a panel opens quickly.

Each widget's layout and style are widgets themselves, and each costs a message to the front end. Here they are shared;
appearance is left to the style sheet, by class names.
"""

from __future__ import annotations

from typing import Any

from ipywidgets import HTML, Layout

from nbchat.markdown.inline import html_text

__all__ = ["Note", "WidgetFactory"]


class WidgetFactory:
    """Creates widgets that share layouts and styles, and closes them together; ipywidgets keeps each until closed."""

    def __init__(self) -> None:
        self._layout = Layout()
        self._styles: dict[Any, Any] = {}
        self._made: list[Any] = [self._layout]
        self._closed = False

    def make(self, kind: Any, *content: Any, classes: str = "", tooltip: str = "", **traits: Any) -> Any:
        """Create a widget of this kind, with space-separated class names and a tooltip."""
        if self._closed:  # created for an answer that outlives the panel: hidden, and nothing to share
            self._layout, self._styles = Layout(), {}
            self._made.append(self._layout)
        if kind in self._styles:
            traits["style"] = self._styles[kind]
        if tooltip:  # ipywidgets 7 uses another name, except for buttons
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
        """Close all widgets created so far, and any created later."""
        self._closed = True
        for widget in self._made:
            widget.close()
        self._made.clear()

    def note(self, box: Any) -> Note:
        """Create a note at the end of a box."""
        return Note(self, box)


class Note:
    """A line below a control for errors and hints, created when it is first needed."""

    def __init__(self, factory: WidgetFactory, box: Any) -> None:
        self._factory = factory
        self._box = box
        self._line: Any = None

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a text; empty = none. Foreign text is escaped."""
        if self._line is None:
            if not text:
                return
            self._line = self._factory.make(HTML, classes="nbchat-note")
            self._box.children = (*self._box.children, self._line)
        words = html_text(text)
        self._line.value = words and f'<div class="nbchat-words" title="{words}">{words}</div>'
        mark(self._line, "nbchat-wrong", wrong)
        mark(self._line, "nbchat-none", not words)  # an empty line would still take up space


def mark(widget: Any, name: str, on: bool) -> None:
    """Add or remove a widget's class name."""
    (widget.add_class if on else widget.remove_class)(name)
