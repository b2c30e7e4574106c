"""Numbers of things, in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, thing: str) -> str:
    """So many things: "1 turn", "2 turns", "1,000 turns". For things whose plural ends in s."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
