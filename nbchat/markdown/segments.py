"""A growing answer cut into pieces, so that showing more of it costs no more.

A front-end renders a display anew whenever it changes, so only the last piece may change, and it must stay short; yet
a cell shows fifty displays at most. The pieces therefore grow with the answer (`_schedule`). Where Markdown allows,
one ends at a blank line between blocks; a block that is too long for that is cut, closed in one piece and opened
again in the next.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nbchat.markdown.blocks import BlockScanner, Fence, Item, Kind, Line, Quote

__all__ = ["Segment", "Segments"]

_FIRST = 1500
"""The least length of a piece, in characters."""
_SHARE = 0.08
"""The least length of a piece as a share of all before it, while the pieces last."""
_LONGEST = 2_500_000
"""An answer of this length, in characters, uses up the pieces; behind it the last one grows."""
_SPARE = 5000
"""A piece is cut between any two lines when it has this much more than twice its least length."""
_LINE = 2000
"""A piece is cut within a line when it has this much more again."""
_FORMULA = 4
"""Blank lines after which a `$$` that nothing has closed was none."""

_NOT_QUOTE = re.compile("[^> ]")
_WORD = re.compile(r"(?<=\s)(?=\w)")
_UNDERLINE = re.compile(r"[ >]*(?:=+|-+)\s*")


class Segment(NamedTuple):
    """A piece of the answer: what the model wrote, and the Markdown to show for it (not yet sanitised).

    They differ where a block was cut: a fence or a table is closed and opened again, a list's indent is taken back.
    """

    source: str
    text: str


class _Seam(NamedTuple):
    """What closes the block that a cut goes through, and what opens it again."""

    closing: str = ""
    opening: str = ""


class _Piece:
    """The piece that grows. `indent` columns of each line are taken back while the list lasts in which it began."""

    def __init__(self, opening: str = "", indent: int = 0) -> None:
        self.size = 0
        self.indent = indent
        self._source: list[str] = []
        self._shown = [opening]

    def add(self, text: str, *, starts_line: bool) -> None:
        self._source.append(text)
        self._shown.append(_without_indent(text, self.indent) if starts_line else text)
        self.size += len(text)

    def segment(self, rest: str = "", *, starts_line: bool = False, closing: str = "") -> Segment:
        shown = _without_indent(rest, self.indent) if starts_line else rest
        return Segment("".join(self._source) + rest, "".join(self._shown) + shown + closing)


class Segments:
    """The answer so far: `closed` pieces, which never change again, and the `tail`, which grows.

    There are never more than `limit` pieces, the tail included, however long the answer. Where it is cut depends on the
    text alone, not on how it arrived.
    """

    def __init__(self, limit: int = 40) -> None:
        self.closed: list[Segment] = []
        self._least = _schedule(limit)
        self._scanner = BlockScanner()
        self._piece = _Piece()
        self._line: list[str] = []  # the line that has not ended
        self._rest: list[str] = []  # what of it is not in a closed piece
        self._rest_size = 0
        self._is_whole = True  # that is all of it
        self._before = ""  # the line before
        self._fence_prefix = ""  # what stands before the mark of the open fence
        self._table = ""  # head and delimiter row of the table that the line before is in
        self._formula = 0  # blank lines through which an open $$ still counts

    @property
    def tail(self) -> Segment:
        """What comes after the closed pieces; its source may be empty."""
        return self._piece.segment("".join(self._rest), starts_line=self._is_whole)

    def append(self, text: str) -> list[Segment]:
        """Take the next characters of the answer; the pieces that closed by it."""
        before = len(self.closed)
        at = 0
        while (end := text.find("\n", at)) >= 0:
            self._go_on(text[at:end])
            self._end_line()
            at = end + 1
        self._go_on(text[at:])
        return self.closed[before:]

    def _room(self) -> float:
        """How many characters the piece may still take before it is cut between two lines."""
        closed = len(self.closed)
        most = 2 * self._least[closed] + _SPARE if closed < len(self._least) else float("inf")
        return most - self._piece.size

    def _go_on(self, text: str) -> None:
        """More of the line that has not ended."""
        if text:
            self._line.append(text)
            self._rest.append(text)
            self._rest_size += len(text)
            while self._rest_size > self._room() + _LINE:
                self._cut_line()

    def _cut_line(self) -> None:
        """End the piece within the line, before a word if one is near."""
        rest = "".join(self._rest)
        most = max(1, int(self._room()) + _LINE)
        words = list(_WORD.finditer(rest, max(1, most - _LINE // 2), most))
        cut = words[-1].start() if words else most
        self._piece.add(rest[:cut], starts_line=self._is_whole)
        seam = self._seam(self._scanner.fence)
        self._close(
            _Seam("\n" + seam.closing, seam.opening) if self._scanner.fence else _Seam(), self._scanner.containers
        )
        self._rest, self._rest_size, self._is_whole = [rest[cut:]], len(rest) - cut, False

    def _end_line(self) -> None:
        line = "".join(self._line)
        fence, containers = self._scanner.fence, self._scanner.containers[:]
        read = self._scanner.feed(line.removesuffix("\r"))
        if self._is_whole and self._piece.size and len(self.closed) < len(self._least):
            if self._is_between(read, containers):
                self._close(_Seam(), [])
            elif self._room() <= 0 and self._may_part(read, line):
                self._close(self._seam(fence if read.kind is Kind.CODE else None, read), containers[: read.kept])
        if not read.kept and read.kind is not Kind.BLANK:
            self._piece.indent = 0
        self._piece.add("".join(self._rest) + "\n", starts_line=self._is_whole)
        self._remember(read, line)
        self._line, self._rest, self._rest_size, self._is_whole = [], [], 0, True

    def _is_between(self, read: Line, containers: list[Quote | Item]) -> bool:
        """Whether the piece is long enough and the line begins a block that has nothing to do with the ones before."""
        return (
            self._piece.size >= self._least[len(self.closed)]
            and not self._before.strip()
            and not self._formula
            and read.starts
            and not read.kept
            and read.kind is not Kind.BLANK
            and read.kind is not Kind.INDENTED
            and not (read.item and containers and isinstance(containers[0], Item))
        )

    def _may_part(self, read: Line, line: str) -> bool:
        """Whether the line can begin a piece: not when it closes or changes what is before it."""
        return (
            read.kind is not Kind.CLOSE
            and not (read.kind is Kind.TABLE and read.starts)
            and not (read.kind is Kind.TEXT and _UNDERLINE.fullmatch(line))
        )

    def _seam(self, fence: Fence | None, read: Line | None = None) -> _Seam:
        """How to cut through what is open; `read` is the line that the cut is before (None: it is within a line)."""
        if fence is not None:
            prefix = self._fence_prefix
            return _Seam(f"{prefix}{fence.mark}\n", f"{prefix}{fence.mark}{fence.info}\n")
        if read is not None and read.kind is Kind.TABLE and not read.starts:
            return _Seam("", self._table)
        return _Seam("$$\n", "$$\n") if read is not None and self._formula else _Seam()

    def _close(self, seam: _Seam, containers: list[Quote | Item]) -> None:
        self.closed.append(self._piece.segment(closing=_without_indent(seam.closing, self._piece.indent)))
        widths = [container.width for container in containers if isinstance(container, Item)]
        indent = sum(widths) if len(widths) == len(containers) else 0
        self._piece = _Piece(_without_indent(seam.opening, indent), indent)

    def _remember(self, read: Line, line: str) -> None:
        if read.kind is Kind.OPEN:
            self._fence_prefix = _NOT_QUOTE.sub(" ", line.expandtabs(4)[: read.column])
        if read.kind is not Kind.TABLE:
            self._table = ""
        elif read.starts:
            self._table = f"{self._before}\n{line}\n"
        self._formula = max(0, self._formula - (read.kind is Kind.BLANK))
        if read.kind is Kind.TEXT and line.count("$$") % 2:
            self._formula = 0 if self._formula else _FORMULA * line.lstrip(" >").startswith("$$")
        self._before = line


def _without_indent(line: str, columns: int) -> str:
    """The line with up to so many columns less of blanks before it."""
    if not columns:
        return line
    text = line.lstrip(" \t")
    blanks = len(line[: len(line) - len(text)].expandtabs(4))
    return " " * max(0, blanks - columns) + text


def _schedule(limit: int) -> list[int]:
    """The least lengths of the pieces that may close, at most `limit` - 1.

    Each is a share of all before it, a share that grows from piece to piece just so much that `_LONGEST` fits.
    """
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        growth = (low + high) / 2
        low, high = (low, growth) if sum(_lengths(limit, growth)) >= _LONGEST else (growth, high)
    return _lengths(limit, high)


def _lengths(limit: int, growth: float) -> list[int]:
    lengths: list[int] = []
    before = 0
    for number in range(limit - 1):
        lengths.append(max(_FIRST, int(before * (_SHARE + growth * number))))
        before += lengths[-1]
    return lengths
