"""Pluralize counted nouns in messages."""

from __future__ import annotations

__all__ = ["pluralize"]


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: "1 row", "2,000 rows". `things` is an irregular plural (None = add "s")."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
