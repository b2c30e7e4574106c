"""Split a magic's line into words: quotes are removed, JSON and Python in brackets are kept whole."""

from __future__ import annotations

from nbchat.cells.usage_error import UsageError
from nbchat.values.optionline import CLOSERS, quoted

__all__ = ["quoted", "split"]


def split(line: str) -> list[str]:
    """Split a line into words.

    White space separates words, except in quotes (`'…'` or `"…"`, removed; a backslash escapes the quote) and in braces
    or brackets at the beginning of a word or after its `=` (kept with their inner quotes, so that JSON needs no escaping),
    and in the brackets of an index or a call (`df["a b"]`, `df.query("n > 3")`).
    Other backslashes are literal. Raises UsageError for an unclosed quote.
    """
    words: list[str] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        word, at = _bracketed(line, at) if line[at] in CLOSERS else _word(line, at)
        words.append(word)
    return words


def _word(line: str, at: int) -> tuple[str, int]:
    pieces: list[str] = []
    while at < len(line) and not line[at].isspace():
        if line[at] in "\"'":
            piece, at = _quoted(line, at)
        elif line[at] in CLOSERS and pieces and pieces[-1] == "=":
            piece, at = _bracketed(line, at)
        elif line[at] in "[(" and pieces and (pieces[-1][-1:].isalnum() or pieces[-1][-1:] in "_])"):
            piece, at = _bracketed(line, at, _PYTHON)
        else:
            piece, at = line[at], at + 1
        pieces.append(piece)
    return "".join(pieces), at


def _quoted(line: str, at: int) -> tuple[str, int]:
    quote, start = line[at], at
    pieces: list[str] = []
    at += 1
    while at < len(line):
        if line[at] == quote:
            return "".join(pieces), at + 1
        if line[at] == "\\" and line[at + 1 : at + 2] == quote and quote in line[at + 2 :]:
            at += 1
        pieces.append(line[at])
        at += 1
    raise UsageError(f"Can't read this line: the quote at {line[start : start + 20]!r} is not closed.")


_JSON = ("{[", "}]", '"')
_PYTHON = ("{[(", "}])", "\"'")
"""Opening brackets, closing ones, and quotes."""


def _bracketed(line: str, at: int, marks: tuple[str, str, str] = _JSON) -> tuple[str, int]:
    """Return the text from an opening brace to its closing one or, if there is none, to the next white space."""
    opening, closing, quotes = marks
    depth, place, quote = 0, at, ""
    while place < len(line):
        character = line[place]
        if quote:
            place += character == "\\"
            quote = "" if character == quote else quote
        elif character in quotes:
            quote = character
        elif character in opening:
            depth += 1
        elif character in closing:
            depth -= 1
            if depth == 0:
                return line[at : place + 1], place + 1
        place += 1
    end = next((index for index in range(at, len(line)) if line[index].isspace()), len(line))
    return line[at:end], end
