"""The short schema syntax: `city:str, temp:float?, kind:warm|cold`, in brackets for a list of records.

```text
schema  := "[" record "]" | record      a list of records, or one
record  := field ("," field)*
field   := name [":" type]              without a type it is text
type    := option ("|" option)* ["?"]   "?" allows null
option  := str | int | float | bool | date | datetime | time | null | "[" type "]" | "quoted words"
         | a type's name, such as Weather, models.Weather or list[str] | word
```

Several words are the allowed values of a string; a single word must be a type.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from nbchat.conversation.schemas.annotations import Annotations
from nbchat.conversation.schemas.converters import Converter, Field, Items, OneOf, Options, Record, Scalar
from nbchat.conversation.schemas.type_names import WORDS, TypeNames
from nbchat.values.errors import ParameterError
from nbchat.values.limits import clipped

__all__ = ["is_type", "parse_columns"]

DEEPEST = 20
"""Levels of brackets."""

_TOKEN = re.compile(r"""\s*(?:("(?:[^"\\]|\\.)*"|'[^']*')|([^\s\[\],:|?"']+(?:[ \t]+[^\s\[\],:|?"']+)*)|(\S))""")


def is_type(text: str) -> bool:
    """Whether a text names one type rather than columns: it has no list outside the brackets after a name."""
    text = text.strip()
    depth = 1 if text.startswith("[") else 0
    for _, _, sign in _TOKEN.findall(text[depth:]):
        depth += {"[": 1, "]": -1}.get(sign, 0)
        if sign in (":", ",") and depth <= text.startswith("["):
            return False
    return bool(text) and text not in ("[", "[]")


def parse_columns(text: str, annotations: Annotations, names: Mapping[str, Any] | None = None) -> Converter:
    """Parse the text into a converter; types are looked up in `names`. Raises ParameterError with an example."""
    parser = _Parser(text, annotations, TypeNames(names))
    many = parser.take("[")
    record = parser.record()
    if many:
        parser.need("]")
    parser.end()
    return Items(record) if many else record


class _Quoted(str):
    """A quoted word: a value, even if a type has that name."""

    __slots__ = ()


class _Parser:
    """The text's tokens, read from left to right: quoted words with their first quote, words, and punctuation."""

    def __init__(self, text: str, annotations: Annotations, types: TypeNames) -> None:
        self._text = text
        self._annotations = annotations
        self._types = types
        found = list(_TOKEN.finditer(text))
        self._tokens = [token[1] or token[2] or token[3] for token in found]
        self._ends = [token.end() for token in found]
        self._at = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, sign: str) -> bool:
        """Consume this punctuation mark if it is next; return whether it was."""
        is_next = self._next == sign
        self._at += is_next
        return is_next

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self._error(f"a {sign}")

    def end(self) -> None:
        if self._next:
            raise self._error("its end")

    def record(self) -> Record:
        fields = [self._field()]
        while self.take(","):
            fields.append(self._field())
        twice = [each.name for i, each in enumerate(fields) if each.name in [other.name for other in fields[:i]]]
        if twice:
            raise ParameterError(f"The schema names {twice[0]!r} twice.")
        return Record(fields)

    def _field(self) -> Field:
        name = self._word("a name")
        return Field(name, self._type(0) if self.take(":") else Scalar(str))

    def _type(self, level: int) -> Converter:
        options = [self._option(level)]
        while self.take("|"):
            options.append(self._option(level))
        words = [option for option in options if isinstance(option, str)]
        converters: list[Converter] = [option for option in options if not isinstance(option, str)]
        self._check_words([word for word in words if not isinstance(word, _Quoted)], len(options))
        if words:
            converters.insert(0, Options([(word, word) for word in dict.fromkeys(map(str, words))]))
        if self.take("?"):
            converters.append(Scalar(type(None)))
        return converters[0] if len(converters) == 1 else OneOf(converters)

    def _check_words(self, words: list[str], options: int) -> None:
        """Raise ParameterError if unquoted words look like types."""
        like = [word for word in words if difflib.get_close_matches(word.lower(), WORDS, n=1, cutoff=0.8)]
        if like and len(words) < options:  # other options are types
            self._types.unknown(like[0])
        if words and (options == 1 or len(like) == options):
            self._types.unknown(words[0])

    def _option(self, level: int) -> Converter | str:
        """Parse a type, or a word that is a value."""
        if level > DEEPEST:
            raise self._error("fewer brackets")
        if self.take("["):
            item = self._type(level + 1)
            self.need("]")
            return Items(item)
        quoted, first = self._next[:1] in ("'", '"'), self._at
        word = self._word("a type")
        if quoted:
            return _Quoted(word)
        if self._next == "[":
            self._skip_brackets()
            start = self._ends[first] - len(word)
            return self._annotations.converter(self._types.resolve(self._text[start : self._ends[self._at - 1]]))
        return self._annotations.converter(self._types.resolve(word)) if word in self._types else word

    def _skip_brackets(self) -> None:
        depth = 0
        while self._next:
            depth += {"[": 1, "]": -1}.get(self._next, 0)
            self._at += 1
            if depth == 0:
                return
        raise self._error("a ]")

    def _word(self, what: str) -> str:
        word = self._next
        if not word or word in "[],:|?\"'":
            raise self._error(what)
        self._at += 1
        return re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] in "'\"" else word

    def _error(self, what: str) -> ParameterError:
        found = repr(self._next) if self._next else "the end"
        return ParameterError(
            f"In the schema {clipped(self._text, 80)!r}, expected {what} but found {found}; write for example city:str,temp:float,"
            " or [city:str,temp:float] for a list."
        )
