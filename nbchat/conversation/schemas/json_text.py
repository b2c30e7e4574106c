"""Find JSON in a model's answer: strict JSON first, then JSON as models and people write it.

Lenient reading accepts what is unambiguous: trailing commas, comments, single quotes, unquoted keys, Python and
JavaScript constants, and bare words, marked as `Bare` until a converter interprets them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from nbchat.markdown.code_blocks import code_blocks

__all__ = ["Bare", "has_words", "problem_in", "resolved", "values_in", "word_in"]

MOST_STRICT = 50_000_000
"""Most characters searched for strict JSON, summed from each bracket to the text's end."""

MOST_LENIENT = 1_000_000
"""The same for lenient JSON, which is slower to read."""

LONGEST_WORDS = 80
"""Longest answer without JSON that may be one of a type's values."""

_OPENING = re.compile(r"[\[{]")
_CONSTANTS = {
    "true": True, "false": False, "null": None, "none": None, "undefined": None,
    "nan": float("nan"), "infinity": float("inf"), "inf": float("inf"), "-infinity": float("-inf"), "-inf": float("-inf"),
}  # fmt: skip


class Bare(str):
    """An unquoted word: text, or a constant in one of its usual spellings."""

    __slots__ = ()

    @property
    def constant(self) -> Any:
        """Return the constant that it names, in any letter case; else the word itself."""
        return _CONSTANTS.get(self.lower(), str(self))


def resolved(value: Any) -> Any:
    """Return the value with every bare word interpreted as a constant or text."""
    match value:
        case Bare():
            return value.constant
        case list():
            return [resolved(item) for item in value]
        case dict():
            return {key: resolved(item) for key, item in value.items()}
    return value


def has_words(value: Any) -> bool:
    """Whether the value contains a bare word."""
    if isinstance(value, (list, dict)):
        return any(map(has_words, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Bare)


class Found(NamedTuple):
    """A value, and its position in the text."""

    start: int
    value: Any


class _Piece(NamedTuple):
    """A part of the text that may be one value: all of it, or the content of a code block."""

    start: int
    text: str


def values_in(text: str) -> Iterator[Found]:
    """Return the values in a text: only the whole if it is strict JSON; else those in code blocks and from each bracket."""
    whole, *blocks = _pieces(text)
    for piece in (whole, *blocks):
        try:
            yield Found(piece.start, _STRICT.decode(piece.text))
        except (ValueError, RecursionError):
            continue
        if piece is whole:
            return
    for piece in (whole, *blocks):
        try:
            yield Found(piece.start, _Reader(piece.text).whole())
        except (ValueError, RecursionError):
            continue
    yield from _from_brackets(text)


def word_in(text: str) -> Bare | None:
    """Return the short text that is the whole answer or its only code block; None = there is more."""
    pieces = _pieces(text)
    words = pieces[1 if len(pieces) == 2 else 0].text.strip("`*\"'. \t\n")
    return Bare(words) if words and len(words) <= LONGEST_WORDS and not re.search(r"[\n\[\]{}:,]", words) else None


def _pieces(text: str) -> list[_Piece]:
    blocks = [_Piece(block.start, block.content.strip()) for block in code_blocks(text) if block.info is not None]
    return [_Piece(0, text.strip().removeprefix("\ufeff").strip()), *blocks]


def _from_brackets(text: str) -> Iterator[Found]:
    at, strict_room, lenient_room = 0, MOST_STRICT, MOST_LENIENT
    while strict_room > 0 and (bracket := _OPENING.search(text, at)):
        start, at = bracket.span()
        strict_room -= len(text) - start
        try:
            value, at = _STRICT.raw_decode(text, start)
            yield Found(start, value)
            continue
        except (ValueError, RecursionError):
            lenient_room -= len(text) - start
        if lenient_room > 0:
            try:
                value, at = _Reader(text, bare=bracket[0] == "{").value(start)  # [here] in prose is not a list
                yield Found(start, value)
            except (ValueError, RecursionError):
                pass


def problem_in(text: str) -> str | None:
    """Describe the error in a text's first JSON, with its position; None = no JSON."""
    whole, *blocks = _pieces(text)
    piece = blocks[0].text if blocks else whole.text
    bracket = _OPENING.search(piece)
    if bracket is None:
        return None
    try:
        _STRICT.raw_decode(piece, bracket.start())
    except json.JSONDecodeError as error:
        return f"its JSON is broken at line {error.lineno}, column {error.colno}: {error.msg}"
    except ValueError as error:
        return f"its JSON can't be read: {error}"
    except RecursionError:
        return "its JSON is nested too deep"
    return "it contains no readable JSON"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(strict=False, parse_constant=_no_constant)  # raw line breaks in strings are harmless


class _Reader:
    """Reads one value of a text leniently. Raises ValueError, or RecursionError for one that is nested too deep."""

    _BLANK = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
    _STRING = re.compile(
        r'"((?:[^"\\]|\\.)*)"|'
        r"'((?:[^'\\]|\\.|'(?!\s*(?:[,:}\]]|//|/\*|\#|$)))*)'",  # an apostrophe does not end a text
        re.DOTALL,
    )
    _WORD = re.compile(r"""(?:[^\s\[\]{},:"'#/`]|/(?![/*]))+(?:[ \t]+(?:[^\s\[\]{},:"'#/`]|/(?![/*]))+)*""")
    _NUMBER = re.compile(r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
    _ESCAPE = re.compile(
        r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})|(.))|"',
        re.DOTALL,
    )

    def __init__(self, text: str, *, bare: bool = True) -> None:
        self._text = text
        self._bare = bare

    def whole(self) -> Any:
        """Return the object or list that makes up the whole text."""
        value, end = self.value(0)
        if self._skip(end) < len(self._text) or isinstance(value, Bare):
            raise ValueError("more than one value")
        return value

    def value(self, at: int) -> tuple[Any, int]:
        """Return the value at a position, and the position after it."""
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._object(at + 1)
        if opening == "[":
            return self._array(at + 1)
        if string := self._STRING.match(self._text, at):
            return self._unquoted(string), string.end()
        word = self._WORD.match(self._text, at)
        if word is None:
            raise ValueError("a value is missing")
        if self._NUMBER.fullmatch(word[0]):
            return _number(word[0]), word.end()
        if not self._bare and word[0].lower() not in _CONSTANTS:
            raise ValueError("a bare word")
        return Bare(word[0]), word.end()

    def _object(self, at: int) -> tuple[dict[str, Any], int]:
        made: dict[str, Any] = {}
        at = self._skip(at)
        while self._text[at : at + 1] != "}":
            key = self._STRING.match(self._text, at) or self._WORD.match(self._text, at)
            if key is None:
                raise ValueError("a key is missing")
            name = self._unquoted(key) if key.re is self._STRING else key[0]
            at = self._skip(key.end())
            if self._text[at : at + 1] != ":":
                raise ValueError("a colon is missing")
            made[name], at = self.value(self._skip(at + 1))
            at = self._next(at, "}")
        return made, at + 1

    def _array(self, at: int) -> tuple[list[Any], int]:
        made: list[Any] = []
        at = self._skip(at)
        while self._text[at : at + 1] != "]":
            item, at = self.value(at)
            made.append(item)
            at = self._next(at, "]")
        return made, at + 1

    def _next(self, at: int, closing: str) -> int:
        """Return the position after a comma, or that of the closing bracket."""
        at = self._skip(at)
        if self._text[at : at + 1] == ",":
            return self._skip(at + 1)
        if self._text[at : at + 1] != closing:
            raise ValueError("a comma is missing")
        return at

    def _skip(self, at: int) -> int:
        blank = self._BLANK.match(self._text, at)
        return blank.end() if blank else at

    def _unquoted(self, string: re.Match[str]) -> str:
        """Decode a string; unknown escapes keep their backslash."""

        def escape(found: re.Match[str]) -> str:
            if found[1]:
                return found[0]
            if code := found[2] or found[3]:  # Python's own
                return json.dumps(chr(int(code, 16)))[1:-1]
            return '\\"' if found[4] is None else found[4] if found[4] in "'\n" else "\\\\" + found[4]

        inner = string[1] if string[1] is not None else string[2]
        unquoted: str = json.loads(f'"{self._ESCAPE.sub(escape, inner)}"', strict=False)
        return unquoted


def _number(word: str) -> int | float:
    return float(word) if re.search("[.eE]", word) else int(word)
