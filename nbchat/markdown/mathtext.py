"""Which dollars JupyterLab takes for mathematics, and which of them are money.

JupyterLab cuts mathematics out of the Markdown source before it is parsed (`removeMath` in `@jupyterlab/rendermime`,
`latex.ts`; Notebook 7 shares it). It knows no blocks: two dollars in different list items make a formula, and one can
swallow the end of a code fence. `read_math` finds the same spans, says which are formulas in earnest, and names the
delimiters that have to be made inert so that the others don't come about.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["MathReading", "Span", "Spans", "in_address", "read_math"]

Span = tuple[int, int]
"""Start and end offset in a text."""

_BLANK = " \\t\\v\\f\\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_DELIMITER = re.compile(
    rf"\$\$?|\\(?:begin|end)\{{[a-z]*\*?\}}|\\[{{}}$]|[{{}}]|\n[{_BLANK}]*\n[{_BLANK}\n]*|\\\\[()\[\]]",
    re.IGNORECASE | re.ASCII,
)
_FENCE = re.compile(r"^(`{3,}|~{3,})([^`\n]*)$", re.MULTILINE)
_RUN = re.compile("`+")
_OPENER = re.compile(r"\$|\\\\[(\[]|\\begin")
_CLOSERS = {"$": "$", "$$": "$$", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}

_COMMAND = re.compile(r"\\[A-Za-z]|[\^]")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}")
_LONG_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3}")
_ADDRESS = re.compile(r"(?i)://|www\.")
_ADDRESS_LENGTH = 300
_LOOKS = 16
"""How often, on average, a delimiter may be looked at before the text counts as hostile."""


class Spans:
    """Spans of a text in order, none overlapping another."""

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._ends = [end for _, end in ordered]

    def at(self, offset: int) -> int | None:
        """The number of the span that holds the offset; None when none does."""
        index = bisect_right(self._starts, offset) - 1
        return index if index >= 0 and offset < self._ends[index] else None

    def touch(self, start: int, end: int) -> bool:
        """Whether any of them shares a character with the text from `start` to `end`."""
        return bisect_right(self._ends, start) < bisect_left(self._starts, end)


@dataclass(slots=True)
class MathReading:
    """The mathematics of a text.

    `formulas` are spans with their delimiters; `inert` are the delimiters that must be kept from being read as such;
    `spoilt` are offsets within code that would pair up with other code, so that only changing the code helps.
    """

    formulas: list[Span] = field(default_factory=list)
    inert: list[Span] = field(default_factory=list)
    spoilt: list[int] = field(default_factory=list)


def read_math(text: str, code: Spans, prose: Spans) -> MathReading:
    """What JupyterLab would cut out of `text`, sorted by what it ought to be.

    `code` is where the code is, `prose` where paragraphs and their like are.
    """
    return _Reader(text, code, prose).read()


def in_address(text: str, at: int) -> bool:
    """Whether what stands before the offset, without a space between, is part of a bare web address (or may be)."""
    word = text[max(0, at - _ADDRESS_LENGTH) : at].rsplit(None, 1)
    if not word or (at and text[at - 1].isspace()):
        return False
    return len(word[-1]) >= _ADDRESS_LENGTH or _ADDRESS.search(word[-1]) is not None


def _closer(opener: str) -> str | None:
    """What ends a formula that begins like this; None when none begins so."""
    return "\\end" + opener[6:] if opener[1:6] == "begin" else _CLOSERS.get(opener)


class _Token(NamedTuple):
    start: int
    end: int
    text: str


class _Reader:
    """One pass over the delimiters; each pair found is judged, and a wrong one is taken apart before going on."""

    def __init__(self, text: str, code: Spans, prose: Spans) -> None:
        self._text = text
        self._code = code
        self._prose = prose
        self._tokens = _tokens(text)
        self._gone: set[int] = set()  # tokens made inert
        self._reading = MathReading()

    def read(self) -> MathReading:
        index = looks = 0
        while index < len(self._tokens):
            closer = _closer(self._tokens[index].text)
            if closer is None or index in self._gone:
                index += 1
                continue
            last, stop = self._closer(index + 1, closer)
            looks += stop - index
            if looks > 1000 + _LOOKS * len(self._tokens):
                self._give_up(index)
                break
            index = self._unpaired(index, stop) if last is None else self._judge(index, last, stop)
        return self._reading

    def _unpaired(self, index: int, stop: int) -> int:
        """An opener that nothing closes: JupyterLab overlooks what could open behind it, up to the paragraph's end."""
        token = self._tokens[index]
        if self._code.at(token.start) is not None:
            return stop
        # A single dollar with nothing behind it stays; what opens a display does so across paragraphs in nbconvert.
        if token.text == "$" and all(_closer(self._tokens[later].text) is None for later in range(index + 1, stop)):
            return stop
        self._drop(index)
        return index + 1

    def _closer(self, index: int, closer: str) -> tuple[int | None, int]:
        """The token that ends a formula (None: none does), and where the search ended."""
        braces = 0
        last = None
        while index < len(self._tokens):
            text = self._tokens[index].text
            if text == closer and index not in self._gone:
                if not braces:
                    return index, index
                last = index
            elif text[0] == "\n":
                break
            elif text == "{":
                braces += 1
            elif text == "}" and braces:
                braces -= 1
            index += 1
        return last, index

    def _judge(self, first: int, last: int, stop: int) -> int:
        """Decide about one pair; the index of the token to go on with."""
        # With braces left open at the end of the text, JupyterLab reads nothing behind the last delimiter.
        behind = last + 1 if last == stop or stop < len(self._tokens) else stop
        opener, closer = self._tokens[first], self._tokens[last]
        before, after = self._code.at(opener.start), self._code.at(closer.start)
        if before is not None and before == after:
            return behind
        if before is not None and after is not None:
            self._reading.spoilt.append(opener.start)
        elif before is not None:
            self._drop(last)
            return first
        elif after is None and self._is_formula(opener, closer):
            self._reading.formulas.append((opener.start, closer.end))
            return behind
        else:
            self._drop(first)
        return first + 1

    def _is_formula(self, opener: _Token, closer: _Token) -> bool:
        text = self._text
        if self._code.touch(opener.end, closer.start) or in_address(text, opener.start):
            return False
        if opener.text != "$":
            return True
        if self._prose.at(opener.start) != self._prose.at(closer.start):
            return False
        return _is_inline_math(
            text[opener.start - 1 : opener.start], text[opener.end : closer.start], text[closer.end : closer.end + 1]
        )

    def _drop(self, index: int) -> None:
        self._gone.add(index)
        self._reading.inert.append(self._tokens[index][:2])

    def _give_up(self, index: int) -> None:
        """No formula from here on: too many delimiters that don't pair up."""
        for number in range(index, len(self._tokens)):
            token = self._tokens[number]
            if number not in self._gone and _closer(token.text):
                if self._code.at(token.start) is None:
                    self._drop(number)
                else:
                    self._reading.spoilt.append(token.start)


def _is_inline_math(before: str, inside: str, after: str) -> bool:
    """Whether `$inside$` is a formula rather than two prices, shell variables or the like.

    Pandoc's rule (no space within the dollars, no digit after them), bent where people write otherwise: TeX commands
    make a formula of anything, natural words a price of what begins with a digit.
    """
    if _COMMAND.search(inside):
        return not (after.isdigit() and inside[0].isdigit() and _LONG_WORD.search(inside))
    if after.isdigit() or (after.isalpha() and (before.isalnum() or not inside[-1].isalnum())):
        return False
    if inside[0].isspace() != inside[-1].isspace() or (inside[0] == "{" and after == "{"):
        return False
    if inside[0].isspace() or inside[0].isdigit():
        return not (_WORD.search(inside) and (" " in inside.strip() or _LONG_WORD.search(inside)))
    return True


def _tokens(text: str) -> list[_Token]:
    """The delimiters, the blank lines that end a formula too, without the dollars that JupyterLab knows to be code."""
    if not _OPENER.search(text):
        return []
    hidden = Spans(_hidden(text))
    tokens = []
    for match in _DELIMITER.finditer(text):
        start, end = match.span()
        if text[end - 1] == "$" and hidden.at(end - 1) is not None:
            if match[0] != "$$" or hidden.at(start) is not None:
                continue
            end -= 1  # the dollar just before an inline code span is hidden with it
        tokens.append(_Token(start, end, text[start:end]))
    return tokens


def _hidden(text: str) -> list[Span]:
    """What JupyterLab takes for code in that step: fences at the line's start, inline code within one line."""
    if "`" not in text and "~~~" not in text:
        return []
    fences = _hidden_fences(text)
    return _merged(fences + _hidden_inline(text))


def _hidden_fences(text: str) -> list[Span]:
    lines = list(_FENCE.finditer(text))
    bare: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if not line[2]:
            bare[line[1]].append(number)
    spans: list[Span] = []
    number = 0
    while number < len(lines):
        end = _fence_end(lines[number][1], number, bare)
        if end is not None:
            spans.append((lines[number].start(), lines[end].end()))
            number = end
        number += 1
    return spans


def _fence_end(mark: str, number: int, bare: dict[str, list[int]]) -> int | None:
    """The line that ends a fence: for backticks as many or more, for tildes as many, else fewer."""
    found = []
    for other, numbers in bare.items():
        if other[0] == mark[0] and (len(other) >= len(mark) if mark[0] == "`" else len(other) <= len(mark)):
            after = bisect_right(numbers, number)
            if after < len(numbers):
                found.append((0 if mark[0] == "`" else -len(other), numbers[after]))
    return min(found)[1] if found else None


def _hidden_inline(text: str) -> list[Span]:
    spans: list[Span] = []
    line: list[Span] = []
    for run in _RUN.finditer(text):
        if line and text.find("\n", line[-1][1], run.start()) >= 0:
            spans += _line_spans(text, line)
            line = []
        line.append(run.span())
    return spans + _line_spans(text, line)


def _line_spans(text: str, runs: list[Span]) -> list[Span]:
    """Inline code on one line: a run of backticks, or the end of one, up to the next run as long."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, (start, end) in enumerate(runs):
        by_length[end - start].append(number)
    spans = []
    number = 0
    while number < len(runs):
        start, end = runs[number]
        escaped = start > 0 and text[start - 1] == "\\"
        before = start if escaped else max(0, start - 1)  # one character of what precedes is hidden with it
        for length in range(end - start - escaped, 0, -1):
            later = by_length.get(length, [])
            closing = bisect_right(later, number)
            if closing < len(later):
                number = later[closing]
                spans.append((before, runs[number][1]))
                break
        number += 1
    return spans


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
