"""The short way to write a schema: `city:str, temp:float?, kind:warm|cold`, in brackets for any number of them.

```text
schema  := "[" record "]" | record      a list of records, or one
record  := field ("," field)*
field   := name [":" type]              without a type it is text
type    := option ("|" option)* ["?"]   "?" allows null
option  := str | int | float | bool | date | datetime | time | null | "[" type "]" | word | "quoted words"
```

Words that are no type's name are the values that a text may have.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from nbchat.conversation.schemas.annotations import Annotations
from nbchat.conversation.schemas.converters import Field, Form, Items, OneOf, Options, Record, Scalar
from nbchat.values.errors import ParameterError

__all__ = ["parse_columns"]

TYPES: dict[str, Any] = {
    **dict.fromkeys(("str", "string", "text"), str),
    **dict.fromkeys(("int", "integer"), int),
    **dict.fromkeys(("float", "number"), float),
    **dict.fromkeys(("bool", "boolean"), bool),
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    **dict.fromkeys(("null", "none"), type(None)),
}

DEEPEST = 20
"""Levels of brackets."""

_TOKEN = re.compile(r"""\s*(?:("(?:[^"\\]|\\.)*"|'[^']*')|([^\s\[\],:|?"']+(?:[ \t]+[^\s\[\],:|?"']+)*)|(\S))""")


def parse_columns(text: str) -> Form:
    """The form that the text asks for. Raises ParameterError, with an example."""
    parser = _Parser(text)
    many = parser.take("[")
    record = parser.record()
    if many:
        parser.need("]")
    parser.end()
    return Items(record) if many else record


class _Parser:
    """The text's tokens, taken from left to right: quoted words with their first quote, words, and signs."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [quoted or word or sign for quoted, word, sign in _TOKEN.findall(text)]
        self._at = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, sign: str) -> bool:
        """Whether this sign came next; then it is taken."""
        came = self._next == sign
        self._at += came
        return came

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

    def _type(self, level: int) -> Form:
        options = [self._option(level)]
        while self.take("|"):
            options.append(self._option(level))
        words = [option for option in options if isinstance(option, str)]
        forms: list[Form] = [option for option in options if not isinstance(option, str)]
        if words:
            forms.insert(0, Options([(word, word) for word in dict.fromkeys(words)]))
        if self.take("?"):
            forms.append(Scalar(type(None)))
        return forms[0] if len(forms) == 1 else OneOf(forms)

    def _option(self, level: int) -> Form | str:
        """A type's form, or a word that is a value."""
        if level > DEEPEST:
            raise self._error("fewer brackets")
        if self.take("["):
            item = self._type(level + 1)
            self.need("]")
            return Items(item)
        quoted = self._next[:1] in ("'", '"')
        word = self._word("a type")
        return word if quoted or word.lower() not in TYPES else Annotations().form(TYPES[word.lower()])

    def _word(self, what: str) -> str:
        word = self._next
        if not word or word in "[],:|?\"'":
            raise self._error(what)
        self._at += 1
        return re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] in "'\"" else word

    def _error(self, what: str) -> ParameterError:
        came = repr(self._next) if self._next else "the end"
        text = self._text if len(self._text) <= 80 else self._text[:79] + "…"
        return ParameterError(
            f"In the schema {text!r}, expected {what} where {came} came; write for example city:str,temp:float,"
            " or [city:str,temp:float] for a list."
        )
