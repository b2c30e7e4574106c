"""A growing answer cut into pieces, so that showing more of it costs no more."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Segment", "Segments"]

_SMALLEST = 1500
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the answer. `source` is exactly what the model wrote; `text` is the Markdown to show for it, not yet sanitised."""

    source: str
    opening: str = ""
    closing: str = ""

    @property
    def text(self) -> str:
        """The Markdown to show: a fence or table that was cut is closed here and opened again in the next piece."""
        return self.opening + self.source + self.closing


class Segments:
    """The answer so far: `closed` pieces, which never change again, and the `tail`, which grows.

    There are never more than `limit` pieces, the tail included, however long the answer.
    """

    def __init__(self, limit: int = 40) -> None:
        self.closed: list[Segment] = []
        self._limit = limit
        self._tail = ""

    @property
    def tail(self) -> Segment:
        """What comes after the closed pieces; its source may be empty."""
        return Segment(self._tail)

    def append(self, text: str) -> list[Segment]:
        """Take the next characters of the answer; the pieces that closed by it."""
        self._tail += text
        before = len(self.closed)
        while len(self.closed) < self._limit - 1 and (cut := self._cut()):
            self.closed.append(Segment(self._tail[:cut]))
            self._tail = self._tail[cut:]
        return self.closed[before:]

    def _cut(self) -> int:
        least = int(_SMALLEST * 1.145 ** len(self.closed))
        if len(self._tail) < least:
            return 0
        at, fence = 0, ""
        for line in self._tail.splitlines(keepends=True):
            if not fence and at >= least and not line.strip():
                return at + len(line)
            if mark := _FENCE.match(line):
                fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
            at += len(line)
        return 0
