"""Markdown's block structure, one line at a time: which lines are code, and in which containers they stand.

This is the first phase of CommonMark 0.31's parsing strategy (its appendix) with GFM's tables, kept incremental
because a reply grows while it is shown. Raw HTML opens no block here: `sanitise` makes text of it.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

__all__ = ["BlockScanner", "Fence", "Item", "Kind", "Line", "Quote"]

MAX_DEPTH = 32
"""Containers nested deeper than this count as text: every line costs its depth."""


class Kind(Enum):
    """What a line is."""

    BLANK = "blank"
    TEXT = "text"  # of a paragraph, of a link definition, or a setext heading with its underline
    HEADING = "heading"
    RULE = "rule"
    TABLE = "table"  # its delimiter row and what follows; its head was TEXT, for nobody could know
    OPEN = "fence opens"
    CODE = "fenced code"
    CLOSE = "fence closes"
    INDENTED = "indented code"


class Quote(NamedTuple):
    """A block quote."""


class Item(NamedTuple):
    """A list item: its content begins `width` columns after that of the container around it."""

    width: int


class Fence(NamedTuple):
    """A fence: its run of backticks or tildes, its info string, its own indent, the number of containers around it."""

    mark: str
    info: str
    indent: int
    depth: int


class Line(NamedTuple):
    """One line, read.

    `column` is where its own content begins, behind the marks of all containers (a tab reaches to the next multiple
    of four). Lines of one block have one `leaf`. `starts` tells that a block begins here that is no continuation of
    what was before, `item` that it is in a list item that begins here. `lazy` marks a paragraph's line that lacks the
    marks of its containers, `kept` counts those that go on from the line before, `abrupt` what ends containers
    without a blank line between, in a way that parsers differ about.
    """

    kind: Kind
    column: int
    leaf: int
    depth: int
    starts: bool
    item: bool
    lazy: bool = False
    abrupt: bool = False
    kept: int = 0


_FENCE = re.compile(r"(`{3,})([^`]*)\Z|(~{3,})(.*)\Z")
_HEADING = re.compile(r"#{1,6}(?: |\Z)")
_RULE = re.compile(r"(?:(?:- *){3,}|(?:_ *){3,}|(?:\* *){3,})\Z")
_MARKER = re.compile(r"(?:[-+*]|(\d{1,9})[.)])(?= |\Z)")
_UNDERLINE = re.compile(r"(?:=+|-+) *\Z")
_DELIMITERS = re.compile(r"\|? *:?-+:? *(?:\| *:?-+:? *)*\|? *\Z")
_PIPE = re.compile(r"\\.|(\|)")
_SPECIAL = frozenset("`~#>-_*+=|:0123456789")
_STRUCTURAL = _SPECIAL | {" "}


def closed(text: str) -> str:
    """The text, with an end for the fence that it leaves open: what is put behind it is then no code."""
    scanner = BlockScanner()
    for line in text.split("\n"):
        scanner.feed(line.removesuffix("\r"))
    fence = scanner.fence
    return text if fence is None or fence.depth else f"{text}\n{fence.mark}"


class BlockScanner:
    """Reads a document line by line; `feed` tells what each line is.

    `containers` are the quotes and list items open after the last line, `fence` the fence still open (None: none).
    """

    def __init__(self) -> None:
        self.containers: list[Quote | Item] = []
        self.fence: Fence | None = None
        self._open = Kind.BLANK  # the kind of the leaf that the next line may go on with
        self._leaf = 0
        self._head = ""  # the last line of the open paragraph: it may turn out to be a table's head
        self._after_blank = False
        self._hollow = False  # the innermost item has begun with a blank line

    def feed(self, line: str) -> Line:
        """Take the next line, without its line end."""
        if "\t" in line:
            line = line.expandtabs(4)
        if not self.containers and line and line[0] not in _STRUCTURAL:
            return self._plain(line)
        at, matched = self._match(line)
        if self.fence is not None:
            if matched >= self.fence.depth:
                return self._fenced(line, at, self.fence)
            self._end_leaf()
        ended = self.containers[matched:]
        read = self._outside(line, at, matched)
        abrupt = bool(ended) and not self._after_blank and not read.lazy and self._is_odd_end(ended, read, matched)
        self._after_blank = not line.strip(" ")
        return read._replace(abrupt=abrupt, kept=matched) if abrupt or matched else read

    def _is_odd_end(self, ended: list[Quote | Item], read: Line, matched: int) -> bool:
        """Whether the line ends containers by what other parsers take for their own."""
        if any(isinstance(container, Quote) for container in ended):
            return read.kind is not Kind.BLANK
        if read.depth > matched:
            return isinstance(self.containers[matched], Quote)
        return read.kind is Kind.TEXT or (self.fence is not None and self.fence.indent > 0)

    def _plain(self, line: str) -> Line:
        """The short way for most lines: outside containers, a letter or the like at the margin."""
        if self.fence is not None:
            return Line(Kind.CODE, 0, self._leaf, 0, starts=False, item=False)
        self._after_blank = False
        if self._open is Kind.TABLE:
            return Line(Kind.TABLE, 0, self._leaf, 0, starts=False, item=False)
        starts = self._open is not Kind.TEXT
        if starts:
            self._leaf += 1
            self._open = Kind.TEXT
        self._head = line.rstrip(" ")
        return Line(Kind.TEXT, 0, self._leaf, 0, starts=starts, item=False)

    def _match(self, line: str) -> tuple[int, int]:
        """The column behind the marks of those open containers that this line goes on with, and their number."""
        at = 0
        blank = not line.strip(" ")
        for matched, container in enumerate(self.containers):
            text = _text_at(line, at)
            if isinstance(container, Quote):
                if line[text : text + 1] != ">" or text - at > 3:
                    return at, matched
                at = text + 2 if line[text + 1 : text + 2] == " " else text + 1
            elif blank or text >= len(line):
                if self._hollow and matched == len(self.containers) - 1:
                    return at, matched
                at = min(at + container.width, len(line))
            elif text - at >= container.width:
                at += container.width
            else:
                return at, matched
        return at, len(self.containers)

    def _fenced(self, line: str, at: int, fence: Fence) -> Line:
        rest = line[at:].rstrip(" ")
        mark = rest.lstrip(" ")
        closes = len(mark) >= len(fence.mark) and not mark.strip(fence.mark[0]) and len(rest) - len(mark) <= 3
        if closes:
            self._end_leaf()
        kind = Kind.CLOSE if closes else Kind.CODE
        return Line(kind, at, self._leaf, fence.depth, starts=False, item=False, kept=fence.depth)

    def _outside(self, line: str, at: int, matched: int) -> Line:
        """A line outside fences: open the containers that begin on it, then see what its content is."""
        opened = item = False
        while True:
            text = _text_at(line, at)
            whole = opened or matched == len(self.containers)
            paragraph = self._open is Kind.TEXT and not opened
            if text >= len(line):
                return self._blank(at, matched, opened, item)
            if text - at > 3:
                break
            rest = line[text:]
            if rest[0] not in _SPECIAL:
                break
            container, width = self._container(rest, text - at, paragraph=paragraph, whole=whole)
            if container is None:
                break
            if not opened:
                self._leave(matched)
            if len(self.containers) >= MAX_DEPTH:
                break
            self.containers.append(container)
            at = text + width
            opened, item = True, item or isinstance(container, Item)
            self._hollow = isinstance(container, Item) and _text_at(line, at) >= len(line)
        return self._content(line, at, matched, opened, item)

    def _container(self, rest: str, indent: int, *, paragraph: bool, whole: bool) -> tuple[Quote | Item | None, int]:
        """The container whose mark `rest` begins with, and the columns from there to its content."""
        if rest[0] == ">":
            return Quote(), 2 if rest[1:2] == " " else 1
        marker = _MARKER.match(rest)
        if marker is None or _RULE.match(rest):
            return None, 0
        size = marker.end()
        spaces = _text_at(rest, size) - size
        empty = size + spaces >= len(rest)
        if paragraph and whole and (empty or (marker[1] and int(marker[1]) != 1)):
            return None, 0  # such a list can't interrupt a paragraph
        if empty or spaces > 4:
            spaces = 1
        return Item(indent + size + spaces), size + spaces

    def _content(self, line: str, at: int, matched: int, opened: bool, item: bool) -> Line:
        """The leaf of a line whose containers are known."""
        text = _text_at(line, at)
        rest = line[text:].rstrip(" ")
        whole = opened or matched == len(self.containers)
        paragraph = self._open is Kind.TEXT and not opened
        if text - at > 3:
            if paragraph:
                return self._go_on(text, rest, lazy=not whole)
            return self._begin(Kind.INDENTED, at + 4, matched, opened, item, same=whole)
        if rest[0] in _SPECIAL:
            if paragraph and whole and _UNDERLINE.match(rest):
                self._end_leaf()
                return Line(Kind.TEXT, text, self._leaf, len(self.containers), starts=False, item=False)
            if _RULE.match(rest):
                return self._begin(Kind.RULE, text, matched, opened, item)
            if fence := _FENCE.match(rest):
                begun = self._begin(Kind.OPEN, text, matched, opened, item)
                mark, info = (fence[1], fence[2]) if fence[1] else (fence[3], fence[4])
                self.fence = Fence(mark, info.strip(), text - at, len(self.containers))
                return begun
            if _HEADING.match(rest):
                return self._begin(Kind.HEADING, text, matched, opened, item)
            if paragraph and whole and self._is_delimiter_row(rest):
                return self._begin(Kind.TABLE, text, matched, opened, item)
        if paragraph:
            return self._go_on(text, rest, lazy=not whole)
        if self._open is Kind.TABLE and whole and not opened:
            return self._begin(Kind.TABLE, text, matched, opened, item, same=True)
        begun = self._begin(Kind.TEXT, text, matched, opened, item)
        self._head = rest
        return begun

    def _go_on(self, text: int, rest: str, *, lazy: bool) -> Line:
        self._head = rest
        return Line(Kind.TEXT, text, self._leaf, len(self.containers), starts=False, item=False, lazy=lazy)

    def _blank(self, at: int, matched: int, opened: bool, item: bool) -> Line:
        if not opened:
            self.containers = self.containers[:matched]
        if self._open is not Kind.INDENTED or opened:
            self._open = Kind.BLANK
        return Line(Kind.BLANK, at, self._leaf, len(self.containers), starts=opened, item=item)

    def _begin(self, kind: Kind, column: int, matched: int, opened: bool, item: bool, *, same: bool = False) -> Line:
        """A leaf of this kind; with `same` it is the open one if that is of this kind too."""
        goes_on = same and not opened and self._open is kind
        if not opened:
            self._leave(matched)
        if not goes_on:
            self._leaf += 1
        self._open = kind if kind in (Kind.TEXT, Kind.TABLE, Kind.INDENTED) else Kind.BLANK
        self._hollow = False
        return Line(kind, column, self._leaf, len(self.containers), starts=not goes_on, item=item)

    def _leave(self, matched: int) -> None:
        """End the open leaf and all containers but the first `matched`."""
        if matched < len(self.containers):
            self.containers = self.containers[:matched]
            self._open = Kind.BLANK

    def _end_leaf(self) -> None:
        self.fence = None
        self._open = Kind.BLANK

    def _is_delimiter_row(self, rest: str) -> bool:
        return (
            ("|" in rest or ":" in rest) and _DELIMITERS.match(rest) is not None and _cells(rest) == _cells(self._head)
        )


def _text_at(line: str, at: int) -> int:
    """The first column from `at` on that is not blank; the line's length when all are."""
    length = len(line)
    while at < length and line[at] == " ":
        at += 1
    return at


def _cells(row: str) -> int:
    row = row.strip(" ")
    pipes = sum(1 for pipe in _PIPE.finditer(row) if pipe[1])
    outer = row.startswith("|") + (len(row) > 1 and row.endswith("|") and not row.endswith("\\|"))
    return pipes + 1 - outer
