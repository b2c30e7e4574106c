"""Find the code in a Markdown text: spans, fences and indented blocks, by CommonMark's rules."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

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
    found = sorted(_stretches(text))
    return Code(tuple(start for start, _ in found), tuple(end for _, end in found))


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
