"""Plain-text output to a terminal, file or pipe. Writing never fails an answer."""

from __future__ import annotations

import sys
from typing import TextIO

__all__ = ["TextOutput"]

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
