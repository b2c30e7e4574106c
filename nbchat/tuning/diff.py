"""Word-by-word differences between two answers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

__all__ = ["Diff", "Piece"]

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

LONG = 2_000
"""Number of words above which very frequent ones are not used as anchors, since matching them all takes seconds."""


class Piece(Struct, frozen=True):
    """A piece of text that is in both answers, only in the first, or only in the second."""

    kind: Literal["same", "removed", "added"]
    text: str


class Diff(Struct, frozen=True):
    """The difference between two answers: pieces not "added" form the first one, pieces not "removed" the second."""

    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, before: str, after: str) -> Diff:
        """Compare two texts by words, white space and punctuation marks."""
        a, b = _WORDS.findall(before), _WORDS.findall(after)
        matcher = SequenceMatcher(None, a, b, autojunk=max(len(a), len(b)) > LONG)
        return cls(tuple(_pieces(matcher, a, b)))

    @property
    def same(self) -> bool:
        """Whether the answers are equal."""
        return all(piece.kind == "same" for piece in self.pieces)

    def __str__(self) -> str:
        """Return the format of `wdiff`: `the [-red-] {+blue+} car`."""
        marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
        return "".join(marks[piece.kind].format(piece.text) for piece in self.pieces)

    @property
    def html(self) -> str:
        """Return escaped HTML with `<del>` and `<ins>` around differences, for an element with `white-space: pre-wrap`."""
        tags = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}
        return "".join(tags[piece.kind].format(html.escape(piece.text)) for piece in self.pieces)


def _pieces(matcher: SequenceMatcher[str], a: list[str], b: list[str]) -> Iterator[Piece]:
    """Yield equal and changed runs of words; a single space between two changes is part of them."""
    removed = added = ""
    codes = matcher.get_opcodes()
    for place, (kind, a_from, a_to, b_from, b_to) in enumerate(codes):
        old, new = "".join(a[a_from:a_to]), "".join(b[b_from:b_to])
        if kind != "equal" or (old.isspace() and 0 < place < len(codes) - 1):
            removed, added = removed + old, added + new
            continue
        yield from _change(removed, added)
        removed = added = ""
        yield Piece("same", old)
    yield from _change(removed, added)


def _change(removed: str, added: str) -> Iterator[Piece]:
    if removed:
        yield Piece("removed", removed)
    if added:
        yield Piece("added", added)
