"""Cell outputs that can be shown and later updated, from any thread."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from nbchat.display.kernel import pinned_publish

__all__ = ["BYTES_PER_SECOND", "Bundle", "Canvas", "CellCanvas", "PinnedCanvas", "TextOutput", "message_size"]

Bundle = Mapping[str, Any]
"""One output by MIME type; the final version always includes `text/plain`."""

BYTES_PER_SECOND = 18_000
"""The rate of updates that one growing output may cause, for slow lines between kernel and browser."""

_ENVELOPE = 600
"""Bytes of a message beside its content."""


def message_size(bundle: Bundle) -> int:
    """The bytes of the message that shows a bundle."""
    return _ENVELOPE + sum(len(str(content).encode("utf-8", "replace")) for content in bundle.values())


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


_SPELLED = str.maketrans({"→": "->", "·": "-", "…": "...", "–": "-", "×": "x", "“": '"', "”": '"', "‘": "'", "’": "'"})
"""Replacements for nbchat's own non-ASCII characters in narrow encodings."""


class TextOutput:
    """A text stream that may be missing (None), closed, or in a narrow encoding such as cp1252 or ASCII.

    After a write error nothing more is written; the answer is still in the session.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @classmethod
    def standard(cls) -> TextOutput:
        """Standard output, as it is now."""
        return cls(sys.stdout)

    @property
    def is_terminal(self) -> bool:
        """Whether the stream is a terminal."""
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError, AttributeError):
            return False

    def write(self, text: str) -> None:
        """Write text."""
        if self._stream is None or not text:
            return
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = getattr(self._stream, "encoding", None) or "ascii"
                self._stream.write(text.translate(_SPELLED).encode(encoding, "replace").decode(encoding))
        except (OSError, ValueError):
            self._stream = None

    def flush(self) -> None:
        """Flush the stream."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None
