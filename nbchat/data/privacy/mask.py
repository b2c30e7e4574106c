"""Mask values: keep a value's pattern and drop its content."""

from __future__ import annotations

from nbchat.data.description import missing, safe_str

__all__ = ["LONGEST", "mask"]

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
