"""Split a growing answer into pieces, so that the cost of an update does not grow with its length.

A front end renders a display again whenever it changes, so only the last piece may change, and it must stay short; yet a
cell shows at most fifty displays. So the pieces grow with the answer (`_schedule`), and the last one, which may be long
by then, is split recursively into inner pieces, which are merged when it closes.

If possible, a piece ends at a blank line between blocks; a block that is too long is split: closed in one piece and
reopened in the next.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from msgspec import Struct

__all__ = ["Segment", "Segments"]

_FIRST = 1500
"""Shortest piece. Lengths are estimated bytes of what is sent (`_length`), not characters."""
_SHARE = 0.08
"""Shortest piece as a share of all text before it, while there are pieces left."""
_LONGEST = 1_050_000
"""An answer of this length uses all pieces; after that, the last one grows."""
_SPARE = 1000
"""A piece is split between any two lines when it exceeds 1.25 times its shortest length by this."""
_LINE = 900
"""A piece is split within a line when it exceeds that by this again."""
_FEWEST = 12
"""With fewer pieces than this, the last one is not split further."""
_INNER = 0.36
"""The share of the pieces that is kept for splitting the last one."""
_PATIENCE = 1.2
"""Factor on a piece's length between attempts to find a place to split."""

_COSTLY = re.compile(r"[^A-Za-z0-9\s.,;:!?()'/%+=_-]")
_FENCE = re.compile("`{3}|~{3}")
_LIKE_ITEM = re.compile(r"[-+*>]|\d{1,9}[.)]")
_CANNOT_BEGIN = re.compile(r"[ \t>]*(?:`{3,}|~{3,}|=+|-+|[|:][ |:-]*-[ |:-]*)\s*")
_MARKERS = re.compile(r"(?:[ \t]*(?:[-+*]|\d{1,9}[.)])(?=[ \t]))*[ \t]*")
_NOT_QUOTE = re.compile("[^> ]")
_WORD = re.compile(r"(?<=\s)(?=\w)")


class Segment(Struct, frozen=True):
    """A piece of the answer: the source, and the Markdown to show for it (not yet safe).

    They differ if a block was split: a fence or table is closed and reopened, a list's indent is removed.
    """

    source: str
    text: str


class _Seam(NamedTuple):
    """How to split a block: the text that closes it, the text that reopens it, and the indent to remove after that."""

    closing: str = ""
    opening: str = ""
    indent: int = 0


class _Piece:
    """The growing piece. `indent` columns are removed from each line until the list in which it started ends."""

    def __init__(self, opening: str = "", indent: int = 0) -> None:
        self.size = 0
        self.indent = indent
        self.next_try = 0.0  # the size at which to look for another place to split
        self.has_fence = _FENCE.search(opening) is not None
        self._source: list[str] = []
        self._shown = [opening]

    def add(self, text: str, *, starts_line: bool) -> None:
        self._source.append(text)
        self._shown.append(_without_indent(text, self.indent) if starts_line else text)
        self.size += _length(text)
        self.has_fence = self.has_fence or _FENCE.search(text) is not None

    def segment(self, rest: str = "", *, starts_line: bool = False, closing: str = "") -> Segment:
        shown = _without_indent(rest, self.indent) if starts_line else rest
        return Segment("".join(self._source) + rest, "".join(self._shown) + shown + closing)


class Segments:
    """The answer so far: `closed` pieces, which never change again, and the `tail`, which grows.

    `pieces` are those to show, at most `limit` for any length: the closed ones, and those of the tail. Splits depend only
    on the text, not on how it arrived. `longest` is the length of the text, None = unknown.
    """

    def __init__(self, limit: int = 40, *, longest: float | None = None) -> None:
        self.closed: list[Segment] = []
        self._inner_limit = int(_INNER * limit) if limit >= _FEWEST else 0
        own = limit - self._inner_limit
        self._least = _schedule(own) if longest is None else [max(_FIRST, int(longest) // own)] * (own - 1)
        self._inner: Segments | None = None  # of the tail
        self._inner_length = 0  # characters of the tail already appended to it
        self._piece = _Piece()
        self._rest: list[str] = []  # the part of the current line that is not in a closed piece
        self._rest_size = 0
        self._is_whole = True  # whether that is the whole line
        self._before = ""  # the previous line
        self._after_return = False  # whether the text so far ended in a carriage return

    @property
    def tail(self) -> Segment:
        """The piece after the closed ones; its source may be empty."""
        return self._piece.segment("".join(self._rest), starts_line=self._is_whole)

    @property
    def pieces(self) -> list[Segment]:
        """All pieces to show, in order; the last one may be empty."""
        tail = self.tail
        if not self._inner_limit or self._piece.size + self._rest_size < _FIRST:
            return [*self.closed, tail]
        if self._inner is None:
            longest = None if len(self.closed) == len(self._least) else self._most() + _LINE
            self._inner = Segments(self._inner_limit, longest=longest)
        text = tail.text if tail.text.strip(" \t") else ""
        self._inner.append(text[self._inner_length :])
        self._inner_length = len(text)
        return [*self.closed, *self._inner.pieces]

    def append(self, text: str) -> None:
        """Append text to the answer; carriage returns become line feeds, since both end a line for the parser."""
        if not text:
            return
        text = text.removeprefix("\n") if self._after_return else text
        self._after_return = text.endswith("\r")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        at = 0
        while (end := text.find("\n", at)) >= 0:
            self._go_on(text[at:end])
            self._end_line()
            at = end + 1
        self._go_on(text[at:])

    def _most(self) -> float:
        """The length at which the piece is split between two lines."""
        closed = len(self.closed)
        return 1.25 * self._least[closed] + _SPARE if closed < len(self._least) else float("inf")

    def _go_on(self, text: str) -> None:
        """Append to the current line."""
        self._rest.append(text)
        self._rest_size += _length(text)
        while self._rest_size > self._most() - self._piece.size + _LINE:
            self._cut_line()

    def _cut_line(self) -> None:
        """Split within the line, before a word if possible."""
        rest = "".join(self._rest)
        most = _fitting(rest, self._most() - self._piece.size + _LINE)
        words = list(_WORD.finditer(rest, most - _LINE // 2, most))
        cut = words[-1].start() if words else most
        seam = self._seam(None)
        self._piece.add(rest[:cut], starts_line=self._is_whole)
        self._close(seam._replace(closing=f"\n{seam.closing}") if seam.closing else seam)
        self._rest, self._rest_size, self._is_whole = [rest[cut:]], self._rest_size - _length(rest[:cut]), False

    def _end_line(self) -> None:
        line = "".join(self._rest)
        if self._is_whole and self._piece.size and len(self.closed) < len(self._least):
            if self._is_between(line):
                self._close(_Seam())
            elif self._piece.size >= self._most() and not _CANNOT_BEGIN.fullmatch(line):
                self._close(self._seam(line))
        self._piece.add(line + "\n", starts_line=self._is_whole)
        if line.strip() and _columns(line) < self._piece.indent:
            self._piece.indent = 0
        self._before = line
        self._rest, self._rest_size, self._is_whole = [], 0, True

    def _is_between(self, line: str) -> bool:
        """Whether the piece is long enough and the line starts an independent block."""
        size = self._piece.size
        if size < max(self._least[len(self.closed)], self._piece.next_try) or self._before.strip():
            return False
        if not line.strip() or line[0] in " \t":
            return False
        if not self._piece.has_fence and not _LIKE_ITEM.match(line):
            return True
        from nbchat.markdown.parsing import block_tokens

        text = self._piece.segment().text
        number = text.count("\n")
        if any(token.map and token.map[0] == number and not token.level for token in block_tokens(f"{text}{line}\n")):
            return True
        self._piece.next_try = _PATIENCE * size
        return False

    def _seam(self, line: str | None) -> _Seam:
        """How to split the open blocks before this line (None = within a line)."""
        from nbchat.markdown.code_blocks import is_closed
        from nbchat.markdown.parsing import block_tokens

        kept = self._piece.indent
        if line is not None and line.strip() and _columns(line) < kept:
            kept = 0
        line = None if line is None else _without_indent(line, kept)
        text = self._piece.segment().text
        lines = text.split("\n")
        seam = _Seam()
        for token in block_tokens(text):
            if token.map is None or token.map[1] < len(lines) - 1:
                continue
            first = lines[token.map[0]]
            if token.type == "list_item_open" and line is not None:
                column = _columns(_MARKERS.match(first)[0].translate(_BLANK))  # type: ignore[index]  # an item has a marker
                seam = seam._replace(indent=max(seam.indent, min(column, _columns(line))))
            elif token.type == "table_open" and line is not None and "|" in line:
                head = lines[token.map[0] : token.map[0] + 2]
                seam = seam._replace(opening="".join(f"{_without_indent(row, seam.indent)}\n" for row in head))
            elif token.type == "fence" and not is_closed(token, lines[: token.map[1]]):
                margin = _NOT_QUOTE.sub(" ", first[: max(0, first.find(token.markup))].expandtabs(4))
                opening = f"{margin}{token.markup}{token.info}\n" + (margin if line is None and ">" in margin else "")
                seam = _Seam(f"{margin}{token.markup}\n", opening, 0 if ">" in margin else len(margin))
                seam = seam._replace(opening=_without_indent(opening, seam.indent))
        return seam._replace(indent=kept + seam.indent)

    def _close(self, seam: _Seam) -> None:
        self.closed.append(self._piece.segment(closing=seam.closing))
        self._piece = _Piece(seam.opening, seam.indent)
        self._inner, self._inner_length = None, 0


def _length(text: str) -> int:
    """The estimated bytes of a text when it is sent: four for a sign that is escaped, or outside ASCII."""
    return len(text) + 3 * len(_COSTLY.findall(text))


def _fitting(text: str, most: float) -> int:
    """How many characters of the beginning of a text have at most this length."""
    size = max(0, min(len(text), int(most)))
    while size and _length(text[:size]) > most:
        size -= 1 + (_length(text[:size]) - int(most)) // 4
    return size


_BLANK = dict.fromkeys(range(33, 127), " ")


def _columns(line: str) -> int:
    """The columns of a line's indent, with tab stops every four columns."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(4))


def _without_indent(line: str, columns: int) -> str:
    """Remove up to `columns` columns of a line's indent."""
    if not columns:
        return line
    return " " * max(0, _columns(line) - columns) + line.lstrip(" \t")


def _schedule(limit: int) -> list[int]:
    """The shortest lengths of the pieces that may close, at most `limit` - 1, together `_LONGEST`.

    If the last one is split further, they grow slowly at first, and none is much longer than the one before, since it
    is sent whole when it closes. If not, each is a share of all text before it; the share grows from piece to piece.
    """
    if limit >= _FEWEST:
        squares = [number * number for number in range(limit - 1)]
        step = (_LONGEST / len(squares) - 4 * _FIRST) * len(squares) / sum(squares)
        return [int(4 * _FIRST + step * square) for square in squares]
    return _shares(limit, bisect_left(range(1000), _LONGEST, key=lambda growth: sum(_shares(limit, growth))))


def _shares(limit: int, growth: int) -> list[int]:
    """The lengths if the share grows by this many thousandths from piece to piece."""
    lengths: list[int] = []
    for number in range(limit - 1):
        lengths.append(max(_FIRST, int(sum(lengths) * (_SHARE + growth * number / 1000))))
    return lengths
