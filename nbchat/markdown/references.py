"""Let the definitions of links reach every piece of an answer, as they do in the whole."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from msgspec.structs import replace

from nbchat.markdown.segments import Segment

__all__ = ["with_definitions"]

_LONGEST, _MOST = 1000, 4000
"""Longest definition, and most of them together that a piece is given, in characters."""

_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){1,200})\]", re.DOTALL)


def with_definitions(pieces: Sequence[Segment]) -> list[Segment]:
    """Return the pieces, each beginning with the definitions in other pieces that its links refer to.

    A definition shows nothing, so a piece looks the same but for its links. Of several for one label, the first counts.
    """
    if not any("]:" in piece.text for piece in pieces):
        return list(pieces)
    known: dict[str, tuple[int, str]] = {}
    for number, piece in enumerate(pieces):
        for label, definition in _definitions(piece.text).items():
            known.setdefault(label, (number, definition))
    return [_linked(number, piece, known) for number, piece in enumerate(pieces)]


def _linked(number: int, piece: Segment, known: dict[str, tuple[int, str]]) -> Segment:
    head, size = [], 0
    for label in _labels(piece.text):
        place, definition = known.get(label, (number, ""))
        if place != number and size + len(definition) <= _MOST:
            head.append(f"{definition}\n")
            size += len(definition)
    return replace(piece, text="".join([*head, "\n", piece.text])) if head else piece


@functools.lru_cache
def _definitions(text: str) -> dict[str, str]:
    """The definitions in a text, each on a line of its own, by label."""
    if "]:" not in text:
        return {}
    from nbchat.markdown.parsing import block_references

    lines = text.split("\n")
    found = {}
    for label, (start, end) in block_references(text).items():
        definition = " ".join(line.lstrip(" \t>") for line in lines[start:end])
        if len(definition) <= _LONGEST:
            found[label] = definition[definition.find("[") :]
    return found


@functools.lru_cache
def _labels(text: str) -> tuple[str, ...]:
    """The labels that a text's links may refer to, each once."""
    from markdown_it.common.utils import normalizeReference

    return tuple(dict.fromkeys(normalizeReference(label) for label in _LABEL.findall(text)))
