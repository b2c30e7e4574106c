"""Outputs of a cell: shown once, changed later, from any thread."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from nbchat.display.kernel import pinned_publish
from nbchat.display.text_output import TextOutput

__all__ = ["Bundle", "Canvas", "CellCanvas", "PinnedCanvas"]

Bundle = Mapping[str, Any]
"""The forms of one output by MIME type; `text/plain` is always among the last ones shown."""


class Canvas(Protocol):
    """A place for outputs."""

    def show(self, bundle: Bundle) -> str:
        """Add an output; its id, to change it by."""

    def update(self, output: str, bundle: Bundle) -> None:
        """Change an output."""


class CellCanvas:
    """The outputs of the cell that is running."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def show(self, bundle: Bundle) -> str:
        """Add an output below the others."""
        output = uuid.uuid4().hex
        self._publish(bundle, output, update=False)
        return output

    def update(self, output: str, bundle: Bundle) -> None:
        """Change an output where it stands."""
        self._publish(bundle, output, update=True)

    def _publish(self, bundle: Bundle, output: str, *, update: bool) -> None:
        # The publisher is looked up each time: `%%capture` and its like put another in its place.
        publish = self._shell.display_pub.publish
        try:
            publish(data=dict(bundle), metadata={}, transient={"display_id": output}, update=update)
        except UnicodeEncodeError:  # a terminal in a narrow encoding, where publishing is printing
            TextOutput.standard().write(f"{bundle.get('text/plain', '')}\n")


class PinnedCanvas(CellCanvas):
    """The outputs of one cell, also after it has ended and while others run."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._pinned = pinned_publish(shell)

    def _publish(self, bundle: Bundle, output: str, *, update: bool) -> None:
        self._pinned(bundle, output, update)
