"""A Markdown document as a list of its code blocks and its stretches of prose, by their place in the source."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from nbchat.markdown.blocks import BlockScanner, Fence, Kind, Line
from nbchat.markdown.prose import is_live

__all__ = ["CodeBlock", "Outline", "ProseSpan"]

_TAB_BEHIND_MARK = re.compile(r"[ \t>]*(?:[-+*>]|[0-9]{1,9}[.)])[ >]*\t")
_LIKE_ITEM = re.compile(r"[ \t>]*(?:[-+*]|[0-9]{1,9}[.)])[ \t]")
_ODD_MARGIN = re.compile(r"[ >]*(?:\t|(?:[-+*]|[0-9]{1,9}[.)])[ >]+(?:[-+*>]|[0-9]{1,9}[.)]))")
_FENCE_MARK = re.compile(r"[ \t>*+\-0-9.)\[\]xX]*(?:`{3}|~{3})")
_MIXED_MARK = re.compile(r"[ \t>]*(?:`{3,}~|~{3,}`)[`~]* *")  # to marked, that too closes a fence
_CELL_END = re.compile(r"\\.|(\|)")


class ProseSpan(NamedTuple):
    """A paragraph, heading or table cell; `definitions` is true where link definitions may stand at its beginning."""

    start: int
    end: int
    definitions: bool


@dataclass(slots=True)
class CodeBlock:
    """A fence (`fence` is set) or indented code, from `start` to `end` of the source, without its last line end.

    `prefix` is what stands before it on its first line: marks of containers and blanks. `closed` tells that its
    closing fence is there. `certain` tells that nothing before it is read differently by other parsers so that they
    could see its ends elsewhere.
    """

    start: int
    end: int
    prefix: str
    leaf: int
    fence: Fence | None = None
    closed: bool = False
    certain: bool = True
    lines: list[tuple[str, int]] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Whether it could do harm were it not taken for code."""
        # A fence in it could open, and all behind would be inside out.
        return any(is_live(line) or _FENCE_MARK.match(line) for line, _ in self.lines)

    @property
    def content(self) -> str:
        """The code itself, each line with its end."""
        indent = self.fence.indent if self.fence else 0
        return "".join(_behind(line, column, indent) + "\n" for line, column in self.lines)


def _behind(line: str, column: int, indent: int) -> str:
    """The line without its first `column` columns and up to `indent` more blanks."""
    rest = line.expandtabs(4)[column:] if "\t" in line[:column] else line[column:]
    blanks = len(rest) - len(rest.lstrip(" "))
    return rest[min(blanks, indent) :]


class Outline:
    """The code and the prose of a text."""

    def __init__(self, text: str) -> None:
        self.code: list[CodeBlock] = []
        self.prose: list[ProseSpan] = []
        self._blanks: list[tuple[str, int]] = []
        self._paragraph = -1  # the leaf of the last stretch of prose
        self._text = text
        self._certain = True
        self._lazy = False
        self._read(text)

    def _read(self, text: str) -> None:
        scanner = BlockScanner()
        start = 0
        for raw in text.split("\n"):
            fenced = scanner.fence is not None
            line = scanner.feed(raw)
            self._doubt(raw, line, fenced)
            self._add(raw, start, line, scanner)
            start += len(raw) + 1

    def _doubt(self, raw: str, line: Line, fenced: bool) -> None:
        """Note what parsers disagree about: from there on one may see a fence where another sees none."""
        if fenced:
            ended = line.kind not in (Kind.CODE, Kind.CLOSE)  # by the end of its container
            if ended or (line.kind is Kind.CODE and _MIXED_MARK.fullmatch(raw)):
                self.code[-1].certain = self._certain = False
        elif (
            (line.kind is Kind.OPEN and line.depth and self._lazy)  # in a container of which they lost sight
            or line.abrupt  # below a list item, and to marked the item's
            or (line.kind is Kind.BLANK and line.item)  # an empty item, whose width they guess
            or (line.kind is Kind.TEXT and not line.starts and _LIKE_ITEM.match(raw))  # text, but to marked an item
            or (line.kind is Kind.OPEN and (_ODD_MARGIN.match(raw) or (line.item and line.depth > 1)))
            or (line.kind is Kind.TEXT and raw[line.column : line.column + 2] == ": ")  # mistune's definition lists
            or ("\t" in raw and _TAB_BEHIND_MARK.match(raw))
        ):
            self._certain = False
        self._lazy = line.lazy or (self._lazy and line.depth > 0)

    def _add(self, raw: str, start: int, line: Line, scanner: BlockScanner) -> None:
        kind, end = line.kind, start + len(raw)
        if kind is Kind.TEXT and line.leaf == self._paragraph:
            self.prose[-1] = ProseSpan(self.prose[-1].start, end, self.prose[-1].definitions)
        elif kind is Kind.TEXT or kind is Kind.HEADING:
            self.prose.append(ProseSpan(start, end, kind is Kind.TEXT))
            self._paragraph = line.leaf
        elif kind is Kind.TABLE:
            if line.starts:
                head = self._part_head(start)
                self._add_row(head, start - 1 - len(head))
            self._add_row(raw, start)
        elif kind is Kind.OPEN:
            prefix = raw.expandtabs(4)[: line.column]
            self.code.append(CodeBlock(start, end, prefix, line.leaf, scanner.fence, certain=self._certain))
        elif kind is Kind.CODE or kind is Kind.CLOSE:
            self.code[-1].end = end
            self.code[-1].closed = kind is Kind.CLOSE
            if kind is Kind.CODE:
                self.code[-1].lines.append((raw, line.column))
        elif kind is Kind.INDENTED:
            self._add_indented(raw, start, line)
        elif kind is Kind.BLANK:
            self._blanks.append((raw, line.column))

    def _add_indented(self, raw: str, start: int, line: Line) -> None:
        if line.starts or not self.code or self.code[-1].leaf != line.leaf:
            prefix = raw.expandtabs(4)[: line.column - 4]
            self.code.append(CodeBlock(start, start, prefix, line.leaf))
            self._blanks.clear()
        self.code[-1].lines += [*self._blanks, (raw, line.column)]
        self.code[-1].end = start + len(raw)
        self._blanks.clear()

    def _add_row(self, raw: str, start: int) -> None:
        at = start
        for cell in _CELL_END.finditer(raw):
            if cell[1]:
                self.prose.append(ProseSpan(at, start + cell.start(), definitions=False))
                at = start + cell.end()
        self.prose.append(ProseSpan(at, start + len(raw), definitions=False))
        self._paragraph = -1

    def _part_head(self, start: int) -> str:
        """Take the last line, which was a paragraph's until now, for a table's head; that line."""
        paragraph = self.prose.pop()
        head = self._text.rfind("\n", 0, start - 1) + 1
        if paragraph.start < head:
            self.prose.append(ProseSpan(paragraph.start, head - 1, paragraph.definitions))
        return self._text[max(head, paragraph.start) : start - 1]
