"""The template of a run: a text whose placeholders are columns, filled in for each row."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct

from nbchat.data.describe import describe
from nbchat.data.description import UnknownFormat, missing
from nbchat.data.interpolation.lookup import Unresolved, evaluate, lookup, nearest
from nbchat.data.interpolation.placeholders import Expression, Finder, Placeholder, belongs_elsewhere
from nbchat.values.errors import PromptError
from nbchat.values.messages import Content, ImagePart, TextPart
from nbchat.values.wording import pluralize

__all__ = ["ITEM", "ROW", "MissingValue", "Row", "Template"]

ITEM = "item"
"""The name in a template of a list's or column's value; in a frame, of the whole row."""

ROW = "row"
"""The name of the whole row: `{row['Total sales']}`."""

_KEYED = re.compile(r"\{(\w+)\[[^\[\]{}\n]+\][^{}\n]*\}")

Row = Mapping[str, Any]
"""The values of a row by their names in a template."""

LONGEST_MESSAGE = 4_000_000
"""Most characters of a row's message: about a million tokens, more than any model's window."""


class MissingValue(Exception):
    """A field of this row is missing, so it is not asked; the text names the field."""


class _Slot(Struct, frozen=True):
    """A placeholder of the template. `path` names it in messages."""

    found: Placeholder | Expression
    path: str
    spec: str

    def value(self, row: Mapping[str, Any]) -> object:
        found = self.found
        if isinstance(found, Expression):
            return evaluate(found, row)
        if not found.steps:
            return row[found.name]
        try:
            return lookup(found, row)
        except Unresolved as unresolved:
            why = f": {unresolved.why}" if unresolved.why else ""
            hint = f"; did you mean {unresolved.nearest}?" if unresolved.nearest else ""
            raise PromptError(f"{{{self.path}}} does not exist in this row{why}{hint}") from None


class Template(Struct, frozen=True):
    """A parsed template. `fields` are the names that it reads; `whole`: it reads the whole row too.

    `given` are the live values that it reads beside the columns, by name.
    """

    text: str
    pieces: tuple[str | _Slot, ...]
    fields: frozenset[Hashable]
    whole: bool
    given: Mapping[str, object]

    @classmethod
    def of(cls, text: str, columns: Sequence[Hashable], *, single: bool, names: Mapping[str, object]) -> Self:
        """Parse a template over these columns; `single`: the rows are values, which `{item}` names.

        A placeholder that is not a column may be one of `names`, the live values. Raises PromptError for a text without
        a field, an unknown one, or one that means several columns.
        """
        if not isinstance(text, str):
            raise PromptError(f"A template is a text with fields such as {{item}}; got {type(text).__name__}.")
        return cls(text, *_Parsing(text, columns, names, single=single).done())

    def content(self, row: Mapping[str, Any]) -> Content:
        """Fill the template in. Raises MissingValue, and PromptError for a value that can't be inserted."""
        row = {**self.given, **row} if self.given else row
        texts: list[str] = []
        images: list[ImagePart] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            value = piece.value(row)
            if type(value) is str and not piece.spec:
                texts.append(value)
                continue
            if missing(value):
                raise MissingValue(piece.path)
            try:
                description = describe(value, piece.spec, name=piece.path)
            except UnknownFormat as unknown:
                raise PromptError(f"{{{piece.path}:{piece.spec}}}: {unknown}") from None
            texts.append(description.text)
            images += [ImagePart(image.url) for image in description.images]
        filled = "".join(texts)
        if len(filled) > LONGEST_MESSAGE:
            raise PromptError(
                f"The message of this row has {pluralize(len(filled), 'character')}, more than"
                f" {LONGEST_MESSAGE:,}: shorten the value. It was not sent."
            )
        return (TextPart(filled), *images) if images else filled


class _Parsing:
    """One pass over a template's text; call `done`."""

    def __init__(self, text: str, columns: Sequence[Hashable], names: Mapping[str, object], *, single: bool) -> None:
        self._text = text
        self._columns = columns
        self._names = names
        self._single = single
        self._finder = Finder(text)
        self._pieces: list[str | _Slot] = []
        self._fields: set[Hashable] = set()
        self._whole = False
        self._given: dict[str, object] = {}

    def done(self) -> tuple[tuple[str | _Slot, ...], frozenset[Hashable], bool, Mapping[str, object]]:
        """Return the pieces, the fields, whether the whole row is read, and the live values used."""
        kept = place = 0
        while (start := self._text.find("{", place)) >= 0:
            found = self._finder.at(start, after_value=kept == start > 0)
            if found is None:
                self._check_key(start)
            slot = None if found is None else self._slot(found)
            if found is None or slot is None:
                place = start + 1
                continue
            if start > kept:
                self._pieces.append(self._text[kept:start])
            self._pieces.append(slot)
            kept = place = found.end
        if kept < len(self._text):
            self._pieces.append(self._text[kept:])
        if not self._fields and not self._whole:
            raise PromptError(f"The template has no field, so every row would be asked the same: {self._hint()}")
        return tuple(self._pieces), frozenset(self._fields), self._whole, self._given

    def _check_key(self, start: int) -> None:
        """Raise PromptError for braces that are a field but for their key, which would go into every prompt as written."""
        keyed = _KEYED.match(self._text, start)
        if keyed is None or keyed[1] not in {ITEM, ROW, *map(str, self._columns)}:
            return
        if not belongs_elsewhere(self._text, start) and not self._finder.in_code(start, keyed.end()):
            raise PromptError(
                f"{keyed[0][:80]} is not a field: a key is a number or in quotes, such as {{{keyed[1]}['key']}}; other Python goes"
                " into {= …}."
            )

    def _slot(self, found: Placeholder | Expression) -> _Slot | None:
        """Return the placeholder as a slot; None = it stays as written."""
        if isinstance(found, Placeholder):
            if not self._reads(found.name, found) and not self._takes(found.name):
                if not found.is_name:
                    return None
                raise self._unknown(found.name)
            return _Slot(found, found.path, found.spec or "")
        if found.source is None:
            return None
        for node in ast.walk(ast.parse(found.source, mode="eval")):
            if isinstance(node, ast.Name):
                _ = self._reads(node.id, None) or self._takes(node.id)
        return _Slot(found, f"= {found.source}", found.spec)

    def _reads(self, name: str, found: Placeholder | None) -> bool:
        """Record the column or whole row that a name means; return whether it means one."""
        count = sum(1 for column in self._columns if column == name)
        if count > 1:
            raise PromptError(f"{count} columns are called {name!r}: rename all but one of them.")
        if count:
            self._fields.add(name)
            return True
        if name not in (ITEM, ROW):
            return False
        key = found.steps[0].key if found is not None and found.steps else None
        if self._single:
            self._fields.add(self._columns[0])
        elif key is not None and key in self._columns:
            self._reads_by_key(key)
        elif isinstance(key, str) and found is not None and not found.steps[0].attribute:
            raise self._unknown(key)
        self._whole = True
        return True

    def _reads_by_key(self, key: Hashable) -> None:
        if sum(1 for column in self._columns if column == key) > 1:
            raise PromptError(f"Several columns are called {key!r}: rename all but one of them.")
        self._fields.add(key)

    def _takes(self, name: str) -> bool:
        """Record the live value of this name; return whether there is one."""
        if name in self._names:
            self._given[name] = self._names[name]
        return name in self._given

    def _unknown(self, name: str) -> PromptError:
        near = nearest(name, [*map(str, self._columns), *([ITEM] if self._single else ())])
        hint = f"did you mean {near!r}?" if near else self._hint()
        return PromptError(
            f"There is no column {name!r}; {hint} Braces that are not a field are doubled ({{{{{name}}}}}) or in code."
        )

    def _hint(self) -> str:
        if self._single:
            return "write {item} for the value of each row."
        if not self._columns:
            return "the rows have no columns."
        fields = [str(name) if _is_name(str(name)) else f"row[{name!r:.60}]" for name in self._columns[:8]]
        shown = ", ".join(f"{{{field}}}" for field in fields)
        return f"the columns are {shown}{' …' if len(self._columns) > 8 else ''}."


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)
