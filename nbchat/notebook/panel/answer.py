"""The panel's reply area: a canvas made of output widgets, on which the same painter paints as in a cell."""

from __future__ import annotations

from typing import Any

from ipywidgets import Output, VBox

from nbchat.notebook.canvas import Bundle
from nbchat.notebook.panel.parts import Parts

__all__ = ["ReplyArea"]


class ReplyArea:
    """A `Canvas`. Each output is a widget of its own, so that only what changes is rendered anew.

    An output widget takes outputs that are set, from any thread; `with output:` loses what another thread displays.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.widget = parts.make(VBox, classes="nbchat-reply")
        self._outputs: list[Any] = []
        self._used = 0

    def show(self, bundle: Bundle) -> str:
        """Add an output below the others."""
        if self._used == len(self._outputs):
            self._outputs.append(self._parts.make(Output))
            self.widget.children = tuple(self._outputs)
        self._used += 1
        self.update(str(self._used - 1), bundle)
        return str(self._used - 1)

    def update(self, output: str, bundle: Bundle) -> None:
        """Change an output where it stands."""
        shown = {"output_type": "display_data", "data": dict(bundle), "metadata": {}}
        self._outputs[int(output)].outputs = (shown,)

    def clear(self) -> None:
        """Empty it; the widgets are kept for what comes next."""
        for output in self._outputs[: self._used]:
            output.outputs = ()
        self._used = 0
