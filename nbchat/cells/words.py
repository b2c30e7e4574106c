"""A magic's line as words: quotes honoured and removed, JSON in braces kept whole."""

from __future__ import annotations

from nbchat.values.optionline import CLOSERS, quoted

__all__ = ["quoted", "split"]


def split(line: str) -> list[str]:
    """The words of a line.

    White space parts words, but for what stands in quotes (`'…'` or `"…"`, removed; a backslash before the quote
    itself keeps it) and in braces or brackets at the beginning of a word or behind its `=` (kept with their own quotes,
    so that JSON needs none). Every other backslash is a backslash. Raises ValueError for a quote that never ends.
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
    raise ValueError(f"the quote at {line[start : start + 20]!r} never ends")


def _bracketed(line: str, at: int) -> tuple[str, int]:
    """From an opening brace to the one that closes it; to the next white space where none does."""
    depth, place, quote = 0, at, ""
    while place < len(line):
        character = line[place]
        if quote:
            place += character == "\\"
            quote = "" if character == quote else quote
        elif character == '"':
            quote = character
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return line[at : place + 1], place + 1
        place += 1
    end = next((index for index in range(at, len(line)) if line[index].isspace()), len(line))
    return line[at:end], end
