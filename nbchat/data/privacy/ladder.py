"""The privacy ladder: how much of a data frame, column or array goes into a prompt."""

from __future__ import annotations

import difflib
import re

from msgspec import Struct

from nbchat.values.errors import PromptError

__all__ = ["LADDER", "Rung"]

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

    @property
    def exposes(self) -> str:
        """The footer's phrase for what this rung reveals."""
        return {
            "schema": "no row values",
            "stats": "ranges and categories, no rows",
            "sample": "masked values",
        }.get(self.name, "real values")
