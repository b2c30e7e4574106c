"""Cut the end off a long Markdown text, for views of growing answers."""

from __future__ import annotations

import re

__all__ = ["markdown_tail"]

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


def markdown_tail(text: str, most: int) -> str:
    """Return about the last `most` characters of a text, starting at a block, a line or a word.

    If the start is within a fence, its opening line comes first, so that code stays code.
    """
    if len(text) <= most:
        return text
    start = len(text) - most
    for mark in ("\n\n", "\n", " "):
        if (cut := text.find(mark, start, start + most // 2)) != -1:
            start = cut + len(mark)
            break
    opening = _open_fence(text, start)
    return f"{opening}\n{text[start:]}" if opening else text[start:]


def _open_fence(text: str, end: int) -> str:
    """Return the line of the fence that is open at a position; empty = none."""
    opening = marks = ""
    for match in _FENCE.finditer(text[:end]):
        found, rest = match.groups()
        if not opening:
            if "`" not in found or "`" not in rest:
                opening, marks = match[0], found
        elif found.startswith(marks) and not rest.strip():
            opening = ""
    return opening
