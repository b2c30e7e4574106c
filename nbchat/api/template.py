"""Chunks that differ in nothing but their text, read without parsing them again."""

from __future__ import annotations

import json
from collections.abc import Callable

__all__ = ["ChunkTemplate"]

_KEY = b'"content":'
_PROBE = "nbchat's probe \u2713"

WORTH_A_PROBE = 6
"""Chunks in a row that must agree: a short answer is over before a probe would have paid."""


class ChunkTemplate:
    """Recognises a chunk by the bytes before and behind its text.

    Nearly all chunks of a stream are the same JSON but for one string. Where several chunks in a row agree in all
    bytes around it, those bytes become the template: a probe is put in the string's place, and only if the reader
    makes exactly one piece of text of that, and nothing else, do later chunks that fit take the short way. Anything
    else is parsed as ever.
    """

    def __init__(self, reads_as_text: Callable[[bytes, str], bool]) -> None:
        self._reads_as_text = reads_as_text
        self._before = b""
        self._behind = b""
        self._last: tuple[bytes, bytes] = (b"", b"")
        self._agreed = 0  # chunks in a row that were like the last one

    def text(self, data: bytes) -> str | None:
        """The text of a chunk that fits; None where it must be parsed."""
        before, behind = self._before, self._behind
        if not before or not (data.startswith(before) and data.endswith(behind)):
            return None
        middle = data[len(before) : len(data) - len(behind)]
        if b'"' in middle or b"\\" in middle or len(data) < len(before) + len(behind):
            return None
        return middle.decode("utf-8", "replace")

    def learn(self, data: bytes) -> None:
        """Look at a chunk that was parsed: it may be like the one before it."""
        key = data.find(_KEY)
        if key < 0:
            return
        start = data.find(b'"', key + len(_KEY)) + 1
        end = data.find(b'"', start)
        if not start or end < 0 or data[key + len(_KEY) : start - 1].strip() or b"\\" in data[start:end]:
            return
        around = data[:start], data[end:]
        self._agreed = self._agreed + 1 if around == self._last else 1
        self._last = around
        if self._agreed == WORTH_A_PROBE:
            probe = around[0] + json.dumps(_PROBE)[1:-1].encode() + around[1]
            if self._reads_as_text(probe, _PROBE):
                self._before, self._behind = around
