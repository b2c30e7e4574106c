"""Interpolation: expand `{name}` in a message if `name` is a live variable; leave every other brace unchanged."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from msgspec import Struct, field

from nbchat.data.describe import describe
from nbchat.data.description import Description, UnknownFormat
from nbchat.data.fingerprint import fingerprint
from nbchat.data.images import Image
from nbchat.data.interpolation.lookup import Unresolved, evaluate, lookup
from nbchat.data.interpolation.placeholders import (
    Expression,
    Finder,
    Placeholder,
    belongs_elsewhere,
    kind_of_expression,
)
from nbchat.data.privacy.ladder import LADDER, Rung
from nbchat.values.errors import PromptError

__all__ = ["Fragment", "Inserted", "Interpolated", "Left", "interpolate"]


class Fragment(Struct, frozen=True):
    """A part of the message. `source` is the placeholder it came from ("df:stats"); None = as the user wrote it."""

    text: str
    source: str | None = None


class Inserted(Struct, frozen=True):
    """A placeholder that was expanded. `size` is in bytes of UTF-8; `str` gives the footer's phrase.

    `exposes` describes what a rung of the privacy ladder reveals ("" = it is on none), `cut` is whether the budget left
    something out.
    """

    name: str
    label: str
    size: int
    cut: bool = False
    exposes: str = ""

    def __str__(self) -> str:
        size = f"{self.size:,} B" if self.size < 1000 else f"{self.size / 1000:,.1f} kB"
        facts = [self.label, size, "cut" if self.cut else "", self.exposes]
        return f"{self.name}: {', '.join(filter(None, facts))}"


class Left(Struct, frozen=True):
    """Something like a placeholder that was left as written; `str` gives the footer's phrase.

    `nearest` is the closest live name (None = none is close), `why` the reason ("" = the name does not exist).
    """

    text: str
    nearest: str | None = None
    why: str = ""

    def __str__(self) -> str:
        reason = f": {self.why}" if self.why else ""
        return f"{self.text} left as written{reason}" + (f"; did you mean {self.nearest}?" if self.nearest else "")


class Interpolated(Struct, frozen=True):
    """An interpolated message, with the origin of each part.

    `images` follow the text, in order. `hashes` maps each live name that was used to a fingerprint of its value.
    """

    parts: tuple[Fragment, ...]
    images: tuple[Image, ...] = ()
    inserted: tuple[Inserted, ...] = ()
    left: tuple[Left, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message."""
        return "".join(part.text for part in self.parts)


def interpolate(
    text: str, namespace: Mapping[str, object], *, raw: bool = False, budget: int | None = None
) -> Interpolated:
    """Replace the placeholders in a text by values of `namespace`; inserted values are never expanded again.

    `budget` is in tokens for each value (None: see `describe`). `raw` leaves the text unchanged. Raises PromptError for
    a failing expression, an unknown rung, a missing column, or a value that can't be inserted.
    """
    if raw or "{" not in text:
        return Interpolated((Fragment(text),) if text else ())
    return _Reading(text, namespace, budget).done()


LONGEST_LEFT = 200
"""Characters shown of an expression that is left as written."""


class _Reading:
    """A single pass over a text; call `done`."""

    def __init__(self, text: str, namespace: Mapping[str, object], budget: int | None) -> None:
        self._text = text
        self._namespace = namespace
        self._budget = budget
        self._finder = Finder(text)
        self._kept = 0  # the text before this is in `parts`
        self._parts: list[Fragment] = []
        self._images: dict[str, Image] = {}
        self._inserted: list[Inserted] = []
        self._left: dict[str, Left] = {}
        self._hashes: dict[str, str] = {}
        self._described: dict[tuple[str, str], Description] = {}

    def done(self) -> Interpolated:
        """Process the whole text."""
        place = 0
        while (start := self._text.find("{", place)) >= 0:
            place = self._expand(start)
        self._keep(len(self._text))
        return Interpolated(
            tuple(self._parts),
            tuple(self._images.values()),
            tuple(self._inserted),
            tuple(self._left.values()),
            self._hashes,
        )

    def _expand(self, start: int) -> int:
        """Expand the placeholder at `start`, if it is one; return where to continue."""
        found = self._found(start)
        if found is None:
            return self._leave_expression(start) or start + 1
        text = self._text[start : found.end]
        if isinstance(found, Expression):
            if found.source is None:
                return self._not_python(found, text)
            value, source, spec = evaluate(found, self._namespace), f"= {found.source}", found.spec
            self._remember(*_names_in(found.source))
        else:
            try:
                value = lookup(found, self._namespace)
            except Unresolved as unresolved:
                if found.is_name or found.name in self._namespace or unresolved.nearest:
                    self._left[text] = Left(text, unresolved.nearest, unresolved.why)
                return found.end
            source, spec = found.path, found.spec or ""
        try:
            description = self._describe(value, source, spec)
        except UnknownFormat as unknown:
            if isinstance(found, Expression):
                raise
            self._left[text] = Left(text, None, str(unknown).rstrip("."))
            return found.end
        if isinstance(found, Placeholder):
            self._remember(found.name)
        self._insert(start, found.end, source, spec, description)
        return found.end

    def _leave_expression(self, start: int) -> int:
        """Report Python code with live names at `start` as left; return where to continue, 0 = it is no such code."""
        end = self._text.find("}", start, start + LONGEST_LEFT)
        inner = self._text[start + 1 : max(end, 0)]
        if not inner or "\n" in inner or belongs_elsewhere(self._text, start) or self._finder.in_code(start, end + 1):
            return 0
        source, _, spec = inner.rpartition(":")
        what = kind_of_expression(source if Rung.named(spec) and source else inner, self._namespace)
        if what:
            text = self._text[start : end + 1]
            self._left[text] = Left(text, None, f"{what}; {{= {inner.strip()}}} evaluates it")
        return end + 1 if what else 0

    def _found(self, start: int) -> Placeholder | Expression | None:
        """The placeholder or expression at `start`, unless the brace belongs to another notation or to code."""
        after_value = bool(self._parts) and self._kept == start and self._parts[-1].source is not None
        return self._finder.at(start, after_value=after_value)

    def _not_python(self, found: Expression, text: str) -> int:
        """Raise for `{= …}`, which is plainly ours; leave `{=…}`, which may be another notation."""
        if text[2:3].isspace():
            raise PromptError(f"{text[:200]} is not a Python expression: correct it, or use --raw.")
        self._left[text] = Left(text, None, "not a Python expression")
        return found.end

    def _describe(self, value: object, source: str, spec: str) -> Description:
        known = self._described.get((source, spec))
        if known is None:
            known = describe(value, spec, budget=self._budget, name=source.removeprefix("= "))
            self._described[source, spec] = known
        return known

    def _insert(self, start: int, end: int, source: str, spec: str, description: Description) -> None:
        self._keep(start)
        self._parts.append(Fragment(description.text, f"{source}:{spec}" if spec else source))
        self._kept = end
        self._images.update((image.url, image) for image in description.images)
        size = sum(image.size for image in description.images) or len(description.text.encode("utf-8", "surrogatepass"))
        exposes = Rung(description.rung).exposes if description.rung else ""
        if description.rung == "schema" and source.startswith("= "):
            exposes += f" (:{LADDER[1]} shows more, :{LADDER[-1]} every row)"
        self._inserted.append(Inserted(source, description.label, size, description.cut, exposes))

    def _keep(self, end: int) -> None:
        if end > self._kept:
            self._parts.append(Fragment(self._text[self._kept : end]))
        self._kept = end

    def _remember(self, *names: str) -> None:
        for name in names:
            if name in self._namespace and name not in self._hashes:
                self._hashes[name] = fingerprint(self._namespace[name])


def _names_in(source: str) -> list[str]:
    tree = ast.parse(source, mode="eval")
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
