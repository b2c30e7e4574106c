"""Values as text for a model, where no front end describes them better."""

from __future__ import annotations

import json

__all__ = ["describe_plainly", "written_whole"]

PLAIN = (dict, list, tuple, int, float, bool, type(None))

LONGEST = 8_000
"""Characters of a value's description."""


def describe_plainly(value: object) -> str:
    """Text as it is, else JSON, else its repr; what is too long says that it is cut."""
    text = value if isinstance(value, str) else _written(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[cut: the first {LONGEST:,} of {len(text):,} characters are shown]"


def written_whole(value: object) -> str | None:
    """Plain data as JSON, the form that models are taught to read results in; None = it is none, or too long."""
    if type(value) not in PLAIN:  # a class of the user's may describe itself
        return None
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if len(text) <= LONGEST else None


def _written(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
