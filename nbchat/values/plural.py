"""Numbers of things, in words."""

from __future__ import annotations

__all__ = ["pluralize"]


def pluralize(number: int, thing: str, things: str | None = None) -> str:
    """So many things: "1 row", "2,000 rows". `things` is the plural where it is not the word with an s."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
