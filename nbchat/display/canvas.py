"""Outputs of a cell: shown once, changed later, from any thread."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

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
        self._shell.display_pub.publish(data=dict(bundle), metadata={}, transient={"display_id": output}, update=update)


class PinnedCanvas(CellCanvas):
    """The outputs of one cell, also after it has ended and while others run.

    A kernel addresses each output to the cell whose request it is handling at that time; which that is in another
    thread differs between versions. So the messages are made here, with the cell's own request as their parent.
    """

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._publisher = shell.display_pub
        self._parent = dict(self._publisher.parent_header)

    def _publish(self, bundle: Bundle, output: str, *, update: bool) -> None:
        publisher = self._publisher
        kind = "update_display_data" if update else "display_data"
        content = {"data": dict(bundle), "metadata": {}, "transient": {"display_id": output}}
        message = publisher.session.msg(
            kind, content, parent={"header": self._parent} if "msg_id" in self._parent else self._parent
        )
        publisher.session.send(publisher.pub_socket, message, ident=publisher.topic)
