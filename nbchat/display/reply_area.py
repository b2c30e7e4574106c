"""The panel's reply area: output widgets, on which the same painter paints as in a cell."""

from __future__ import annotations

import threading
from typing import Any

from ipywidgets import Output, VBox

from nbchat.display.canvas import Bundle, Canvas
from nbchat.display.widget_factory import Parts

__all__ = ["ReplyArea"]


class ReplyArea:
    """Shows one thing at a time: `fresh` empties it for the next, and what still writes on an earlier one is not seen.

    Each output is a widget of its own, so that only what changes is rendered anew. An output widget takes outputs that
    are set, from any thread; `with output:` loses what another thread displays.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.widget = parts.make(VBox, classes="nbchat-reply")
        self._outputs: list[Any] = []
        self._used = 0
        self._sheet: _Sheet | None = None
        self._lock = threading.Lock()

    def fresh(self) -> Canvas:
        """Empty it, and give the canvas for what comes next. The widgets are kept."""
        with self._lock:
            for output in self._outputs[: self._used]:
                output.outputs = ()
            self._used = 0
            self._sheet = _Sheet(self)
            return self._sheet

    def write(self, sheet: Canvas, bundle: Bundle, output: str | None = None) -> str:
        """Write on a sheet, unless another has taken its place: a new output below the others, or that one anew."""
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
            self._outputs.append(self._parts.make(Output))
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
