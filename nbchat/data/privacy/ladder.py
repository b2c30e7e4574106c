"""The privacy ladder: how much of a data frame, column or array goes into a prompt, and the mask of its middle rung."""

from __future__ import annotations

import difflib
import re

from msgspec import Struct

from nbchat.data.description import missing, safe_str
from nbchat.values.errors import PromptError

__all__ = ["LADDER", "Rung", "mask"]

LADDER = ("schema", "stats", "sample N", "head N", "all")
"""From least to most: names and types; ranges and categories; masked rows; first rows; every row."""

DEFAULT_ROWS = 5
_RUNG = re.compile(r"(schema|stats|all)|(sample|head)(?:\s+(\d{1,18}))?")


class Rung(Struct, frozen=True):
    """A rung of the ladder. `rows` is the number of rows requested; None = all, 0 = none."""

    name: str
    rows: int | None = 0

    @classmethod
    def parse(cls, spec: str, name: str) -> Rung:
        """Parse the rung that a format names. Raises PromptError; `name` is the value's, for its message."""
        found = _RUNG.fullmatch(spec.strip() or "schema")
        if found is None:
            near = difflib.get_close_matches(spec.split()[0], [step.split()[0] for step in LADDER], 1, 0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PromptError(
                f"{name or 'A data frame'} can be inserted without a format (its schema) or as stats, sample N, head N or all, "
                f"not as {spec.strip()[:80]!r}{hint}"
            )
        whole, some, rows = found.groups()
        if some:
            return cls(some, int(rows) if rows else DEFAULT_ROWS)
        return cls(whole, None if whole == "all" else 0)

    @staticmethod
    def named(spec: str) -> bool:
        """Whether a format names a rung."""
        return bool(_RUNG.fullmatch(spec.strip()))

    @property
    def exposes(self) -> str:
        """The footer's phrase for what this rung reveals."""
        return {
            "schema": "no row values",
            "stats": "ranges and categories, no rows",
            "sample": "masked values",
        }.get(self.name, "real values")


LONGEST = 24
"""Most characters of a masked value."""


def mask(value: object) -> str:
    """Return a value's pattern: letters become `x` or `X`, digits `9`, other non-ASCII characters `x`.

    Punctuation, spaces, length (up to LONGEST) and missing values are kept: `Ann-Marie` becomes `Xxx-Xxxxx`, `-12.50`
    `-99.99`, `2024-03-05` `9999-99-99`. Unlike rounding or bucketing, this hides small numbers too. A bool is always
    `Xxxx`, since its length would reveal it; bytes are `bytes`.
    """
    if missing(value):
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else safe_str(value)
    if text in ("True", "False"):
        return "Xxxx"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes"
    masked = "".join(map(_pattern, text[:LONGEST]))
    return masked + "…" if len(text) > LONGEST else masked


def _pattern(character: str) -> str:
    if character.isnumeric():
        return "9"
    if character.isupper():
        return "X"
    return "x" if character.isalpha() or not character.isascii() else character
