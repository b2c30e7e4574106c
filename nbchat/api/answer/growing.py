"""Join the pieces of a text, some of which may repeat earlier text."""

from __future__ import annotations

import io
import sys

__all__ = ["GrowingText"]

TELLING = 12
"""Shortest repetition, in characters, that can't be chance."""

WATCHED = 1_000_000
"""Longest text that is compared; real answers are shorter, and keeping it doubles the memory."""

VARIED = 3
"""Distinct characters below which a repetition may be genuine: `----`, `haha`."""


class GrowingText:
    """Extracts the new text of each piece.

    Some servers repeat the text so far in each piece, and some in the last one. An ambiguous piece is held back until the
    next one decides; ordinary streams practically never contain one.
    """

    __slots__ = ("_buffer", "_count", "_cumulative", "_held", "_size")

    def __init__(self) -> None:
        self._buffer = io.StringIO()  # a million separate pieces would take ten times the memory of their text
        self._count = 0  # pieces that made the text
        self._size = 0
        self._held: list[str] = []  # pieces that each begin with all the text before them, if it was repeated
        self._cumulative = False

    @property
    def holds(self) -> bool:
        """Whether a piece is held back."""
        return bool(self._held)

    @property
    def text(self) -> str:
        """The text so far."""
        return self._buffer.getvalue()

    @property
    def room(self) -> int:
        """The length from which a piece could repeat the text; 0 = any piece could."""
        if self._size > WATCHED:
            return sys.maxsize
        return 0 if self._held else self._size

    def more(self, pieces: list[str]) -> str:
        """Add pieces that are each shorter than `room`; return them joined."""
        if self._size <= WATCHED:
            self._count += len(pieces) - 1
            return self._add("".join(pieces))
        return "".join(pieces)

    def feed(self, piece: str, *, last: bool = False) -> str:
        """Return the new text of a piece; `last`: the server marked it as the last."""
        if self._size > WATCHED:
            return piece
        if self._held and piece:
            return self._decide(piece, last=last)
        if len(piece) < self._size or not self._size:
            return self._add(piece)
        return self._judge(piece, last=last)

    def flush(self) -> str:
        """Return what was held back, at the end."""
        if self._held and self._count > 1 and _is_telling(self.text):
            return self._grow(self._take_held()[-1])
        return self._add_held()

    def whole(self, text: str) -> str | None:
        """Return the new text of a complete text; None = it differs from the pieces."""
        if self._size > WATCHED:
            return ""
        so_far = self._held and text.startswith(self._held[-1])
        new = self._grow(self._take_held()[-1]) if so_far else self._add_held()
        if text.startswith(self.text):
            return new + self._grow(text)
        return new or ("" if text.strip() in self.text else None)

    def _decide(self, piece: str, *, last: bool) -> str:
        """Decide about held-back pieces with the help of the next one."""
        held = self._held[-1]
        goes_on = len(piece) > len(held) or (last and len(held) > self._size)
        if not (piece.startswith(held) and goes_on):
            return self._add_held() + self.feed(piece, last=last)
        if len(set(piece[:200])) < VARIED or _is_run(held, self.text):
            self._held.append(piece)
            return ""
        self._held, self._cumulative = [], True
        return self._grow(piece)

    def _take_held(self) -> list[str]:
        held, self._held = self._held, []
        return held

    def _add_held(self) -> str:
        return "".join(map(self._add, self._take_held()))

    def _judge(self, piece: str, *, last: bool) -> str:
        """Return the new text of a piece that is at least as long as all text before it."""
        so_far = self.text
        if not piece.startswith(so_far):
            return self._add(piece)
        again = len(piece) == self._size
        long = self._count > 2 and _is_telling(so_far)
        if self._cumulative or (last and (long or (again and _is_telling(so_far)))):
            return self._grow(piece)
        if long or not again:
            self._held = [piece]
            return ""
        return "" if last and self._count > 1 and len(set(piece)) >= VARIED else self._add(piece)

    def _grow(self, text: str) -> str:
        return self._add(text[self._size :])

    def _add(self, piece: str) -> str:
        if piece:
            self._buffer.write(piece)
            self._count += 1
            self._size += len(piece)
            if self._size > WATCHED:
                self._buffer = io.StringIO()
        return piece


def _is_run(text: str, unit: str) -> bool:
    """Whether a text is one unit over and over, so that what begins with it may go on rather than repeat it."""
    return (unit * (len(text) // len(unit) + 1)).startswith(text)


def _is_telling(text: str) -> bool:
    return len(text) >= TELLING and len(set(text[:200])) > VARIED
