"""Extract the description of a function and its parameters from a docstring in any common style."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

__all__ = ["Docstring"]


class Docstring(Struct, frozen=True):
    """`summary` is all the prose before the first section; `parameters` maps a name to its description."""

    summary: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Parse a docstring in Google, NumPy, reStructuredText or Epydoc style; None = empty."""
        from docstring_parser import ParseError, parse

        clean = inspect.cleandoc(text or "")
        try:
            parsed = parse(clean)
        except ParseError:
            return cls(clean)
        parameters: dict[str, str] = {}
        for one in parsed.params:
            for name in one.arg_name.split(","):
                description = " ".join((one.description or "").split())
                if description:
                    parameters.setdefault(name.strip().lstrip("*"), description)
        return cls((parsed.description or "").strip(), parameters)
