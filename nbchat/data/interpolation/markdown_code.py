"""Find the code in a Markdown text: spans, fences and indented blocks, by CommonMark's rules."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

__all__ = ["Code", "code_in"]

_LINE_END = re.compile(r"\r\n?|\n")
_MAY_HOLD_CODE = re.compile(r"`|~~~|^(?: {0,3}\t| {4})|[-+*>.)][ \t]{4}|[-+*>.)] ?\t", re.MULTILINE)
_INLINE = re.compile(
    r"\\[!-/:-@\[-`{-~]"  # an escaped character; an escaped backtick opens nothing
    r"|(?P<ticks>`+)"
    r"|<[A-Za-z][A-Za-z0-9.+-]{1,31}:[^\s<>]*>"  # an autolink, and a tag: backticks in them are text
    r"|<[A-Za-z][A-Za-z0-9-]*(?:\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?)*\s*/?>"
)

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LATE = re.compile(r"^([^`\r\n]++)(`{3,})[\w+#.-]*[ \t]*$", re.MULTILINE)
_CLOSING = re.compile(r"^ {0,3}(`{3,})[ \t]*$", re.MULTILINE)
_CONTAINERS = re.compile(r"(?:[ \t>*+-]|\d{1,9}[.)])*")
"""What may stand before a fence by CommonMark's rules: quotes, lists, indentation."""

MOST_CLOSINGS = 100
"""Closing lines that are looked at for one fence."""


class Code(Struct, frozen=True):
    """The sorted start and end offsets of the code in a text."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def touches(self, start: int, end: int) -> bool:
        """Whether any of `text[start:end]` is code."""
        place = bisect_right(self.starts, start) - 1
        if place >= 0 and self.ends[place] > start:
            return True
        return place + 1 < len(self.starts) and self.starts[place + 1] < end


def code_in(text: str) -> Code:
    """Find the code in a text: blocks with markdown-it; spans here, since markdown-it does not report their positions."""
    if not _MAY_HOLD_CODE.search(text):
        return Code((), ())
    late = _late_fences(text)
    found = sorted(_with_late_fences(text, late) if late else _stretches(text))
    return Code(tuple(start for start, _ in found), tuple(end for _, end in found))


def _late_fences(text: str) -> list[int]:
    """Return where fences begin behind words on the same line, as in `See: ```python`, if a later line closes them.

    CommonMark knows no such fences, but people and models write them, and mean code.
    """
    late: list[int] = []
    if not any(_CONTAINERS.fullmatch(found[1]) is None for found in _LATE.finditer(text)):
        return late
    closing = [(found.start(), len(found[1])) for found in _CLOSING.finditer(text)]
    fence = ""  # the marks of the fence that is open
    for line in _LINE.finditer(text):
        if fence:
            bare = line[0].strip()
            fence = "" if bare.startswith(fence) and not bare.strip(fence[0]) else fence
        elif opening := _FENCE.match(line[0]):
            fence = opening[1]
        elif (found := _LATE.match(line[0])) and _CONTAINERS.fullmatch(found[1]) is None:
            while closing and closing[0][0] <= line.start():
                closing.pop(0)
            if any(length >= len(found[2]) for _, length in closing[:MOST_CLOSINGS]):
                fence = found[2]
                late.append(line.start() + found.start(2))
    return late


def _with_late_fences(text: str, late: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the code of a text as if each of these fences began on a line of its own."""
    breaks = [place + number for number, place in enumerate(late)]  # in the text that has them
    for start, end in _stretches("\n".join(text[a:b] for a, b in pairwise([0, *late, len(text)]))):
        yield start - bisect_left(breaks, start), end - bisect_left(breaks, end)


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    lines = [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    last = len(lines) - 1
    for token in parser.parse(text):
        if token.map is None:
            continue
        start, end = (lines[min(line, last)] for line in token.map)
        if token.type in ("fence", "code_block"):
            yield start, end
        elif token.type == "inline":
            yield from _spans(text, start, end)


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the code spans of one paragraph or heading: a run of backticks up to the next run of the same length."""
    place = start
    while (match := _INLINE.search(text, place, end)) is not None:
        place = match.end()
        ticks = match["ticks"]
        if not ticks:
            continue
        close = _closing(text, place, end, len(ticks))
        if close is not None:
            yield match.start(), close
            place = close


def _closing(text: str, place: int, end: int, length: int) -> int | None:
    for run in re.compile("`+").finditer(text, place, end):
        if len(run[0]) == length:
            return run.end()
    return None
