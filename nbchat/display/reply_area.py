"""The panel's reply area: output widgets used as a canvas by the same painter as in a cell."""

from __future__ import annotations

import threading
from typing import Any

from ipywidgets import Output, VBox

from nbchat.display.canvas import Bundle, Canvas
from nbchat.display.widget_factory import WidgetFactory

__all__ = ["ReplyArea"]


class ReplyArea:
    """Shows one answer at a time: `fresh` clears it for the next; later writes to an earlier canvas are ignored.

    Each output is a separate widget, so that only changed outputs are re-rendered. Outputs are assigned, which works from
    any thread; `with output:` loses what other threads display.
    """

    def __init__(self, factory: WidgetFactory) -> None:
        self._factory = factory
        self.widget = factory.make(VBox, classes="nbchat-reply")
        self._outputs: list[Any] = []
        self._used = 0
        self._sheet: _Sheet | None = None
        self._lock = threading.Lock()

    def fresh(self) -> Canvas:
        """Clear the area and return a new canvas; the widgets are reused."""
        with self._lock:
            for output in self._outputs[: self._used]:
                output.outputs = ()
            self._used = 0
            self._sheet = _Sheet(self)
            return self._sheet

    def write(self, sheet: Canvas, bundle: Bundle, output: str | None = None) -> str:
        """Append an output to a sheet or update one, unless a newer sheet has replaced it."""
        with self._lock:
            if sheet is not self._sheet:
                return ""
            if output is None:
                output = self._one_more()
            shown = {"output_type": "display_data", "data": dict(bundle), "metadata": {}}
            self._outputs[int(output)].outputs = (shown,)
            return output

    def _one_more(self) -> str:
        if self._used == len(self._outputs):
            self._outputs.append(self._factory.make(Output))
            self.widget.children = tuple(self._outputs)
        self._used += 1
        return str(self._used - 1)


class _Sheet:
    """A `Canvas` on the area."""

    def __init__(self, area: ReplyArea) -> None:
        self._area = area

    def show(self, bundle: Bundle) -> str:
        return self._area.write(self, bundle)

    def update(self, output: str, bundle: Bundle) -> None:
        self._area.write(self, bundle, output)
