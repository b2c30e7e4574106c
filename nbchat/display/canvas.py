"""Cell outputs that can be shown and later updated, from any thread."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from nbchat.display.kernel import pinned_publish
from nbchat.display.text_output import TextOutput

__all__ = ["Bundle", "Canvas", "CellCanvas", "PinnedCanvas"]

Bundle = Mapping[str, Any]
"""One output by MIME type; the final version always includes `text/plain`."""


class Canvas(Protocol):
    """A place to show outputs."""

    def show(self, bundle: Bundle) -> str:
        """Add an output and return its id for updates."""

    def update(self, output: str, bundle: Bundle) -> None:
        """Update an output."""


class CellCanvas:
    """The outputs of the running cell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def show(self, bundle: Bundle) -> str:
        """Append an output."""
        output = uuid.uuid4().hex
        self._publish(bundle, output, update=False)
        return output

    def update(self, output: str, bundle: Bundle) -> None:
        """Update an output in place."""
        self._publish(bundle, output, update=True)

    def _publish(self, bundle: Bundle, output: str, *, update: bool) -> None:
        # The publisher is looked up each time, because `%%capture` and the like replace it.
        publish = self._shell.display_pub.publish
        try:
            publish(data=dict(bundle), metadata={}, transient={"display_id": output}, update=update)
        except UnicodeEncodeError:  # publishing prints in a terminal, whose encoding may be narrow
            TextOutput.standard().write(f"{bundle.get('text/plain', '')}\n")


class PinnedCanvas(CellCanvas):
    """The outputs of one cell, even after it has ended and while others run."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._pinned = pinned_publish(shell)

    def _publish(self, bundle: Bundle, output: str, *, update: bool) -> None:
        self._pinned(bundle, output, update)
