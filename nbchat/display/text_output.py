"""Where plain text goes: a terminal, a file, a pipe. What it can't take is written as it can, and never fails an answer."""

from __future__ import annotations

import sys
from typing import TextIO

__all__ = ["TextOutput"]

_SPELLED = str.maketrans({"→": "->", "·": "-", "…": "...", "–": "-", "×": "x", "“": '"', "”": '"', "‘": "'", "’": "'"})
"""What nbchat's own lines hold, for encodings without it."""


class TextOutput:
    """A text stream that may be missing (None), closed, or in a narrow encoding such as cp1252 or ASCII.

    A stream that fails is written no more: the answer is in the session all the same.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @classmethod
    def standard(cls) -> TextOutput:
        """Standard output, as it is now."""
        return cls(sys.stdout)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody sees it as it comes."""
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
        """Let it be seen."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None
