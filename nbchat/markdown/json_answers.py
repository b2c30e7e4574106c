"""Recognise answers that are JSON rather than Markdown, and show them as code."""

from __future__ import annotations

import json
import re

__all__ = ["as_code", "as_markdown", "is_json"]

_BEGINS = re.compile(r'\s*(?:\{\s*["}]|\[\s*["{])')
_BACKTICKS = re.compile("`+")


def is_json(text: str, *, complete: bool = True) -> bool:
    """Whether an answer is JSON, or the beginning of it.

    An incomplete answer is judged by how it begins. A complete one counts too if its JSON is cut off or faulty, and not
    if prose follows the JSON.
    """
    if _BEGINS.match(text) is None:
        return False
    if not complete:
        return True
    stripped = text.strip()
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(stripped)
    except (ValueError, RecursionError):
        return True
    return end == len(stripped)


def as_markdown(text: str) -> str:
    """Return a complete answer as Markdown: JSON as code, any other text as it is."""
    return as_code(text) if is_json(text) else text


def as_code(text: str) -> str:
    """Return JSON as a fenced code block of Markdown."""
    fence = "`" * (1 + max([2, *map(len, _BACKTICKS.findall(text))]))
    lines = text.strip("\n")
    return f"{fence}json\n{lines}\n{fence}"
