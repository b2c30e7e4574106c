"""A value as text for the model: what a tool returned, or what it was asked to look at."""

from __future__ import annotations

import json

__all__ = ["value_text"]

PLAIN = (dict, list, tuple, int, float, bool, type(None))

LONGEST = 8_000
"""Characters of JSON; what is longer is described instead."""


def value_text(value: object) -> str:
    """Plain data as JSON, the form that models are taught to read results in; else its description (`data.describe`)."""
    text = _json(value)
    if text is not None:
        return text
    from nbchat.data.describe import describe

    return describe(value).text


def _json(value: object) -> str | None:
    """None = it is no plain data, or too long."""
    if type(value) not in PLAIN:  # a user's class may describe itself
        return None
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  # no JSON, or an item whose own code fails: it is described
        return None
    return text if len(text) <= LONGEST else None
