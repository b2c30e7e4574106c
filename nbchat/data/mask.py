"""Masked values: what a value looks like, and nothing of what it is."""

from __future__ import annotations

from nbchat.data.description import missing, said_of

__all__ = ["LONGEST", "mask"]

LONGEST = 24
"""Characters of a masked value; more say nothing new."""


def mask(value: object) -> str:
    """The pattern of a value: a letter becomes `x` or `X`, a digit `9`, any other character beyond ASCII `x`.

    Punctuation, spaces, length (up to LONGEST) and missing values stay, so `Ann-Marie` is `Xxx-Xxxxx`, `-12.50` is
    `-99.99`, `2024-03-05` is `9999-99-99`. Rounding or bucketing would keep small numbers as they are; this keeps none.
    A truth value is always `Xxxx`, since its length alone would tell it; bytes are `bytes`.
    """
    if missing(value):
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else said_of(value)
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
