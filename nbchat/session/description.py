"""Values as text for a model, where no front end describes them better."""

from __future__ import annotations

import json

__all__ = ["describe_plainly"]

LONGEST = 8_000
"""Characters of a value's description."""


def describe_plainly(value: object) -> str:
    """Text as it is, else JSON, else its repr; what is too long says that it is cut."""
    text = value if isinstance(value, str) else _written(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[cut: the first {LONGEST:,} of {len(text):,} characters are shown]"


def _written(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
