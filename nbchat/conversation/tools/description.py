"""Values as text for the model: tool results and inspected variables."""

from __future__ import annotations

import json

__all__ = ["value_text"]

PLAIN = (dict, list, tuple, int, float, bool, type(None))

LONGEST = 8_000
"""Longest JSON, in characters; longer values are described instead."""


def value_text(value: object) -> str:
    """Return plain data as JSON, which models are trained to read, and other values as their description (`data.describe`)."""
    text = _json(value)
    if text is not None:
        return text
    from nbchat.data.describe import describe

    return describe(value).text


def _json(value: object) -> str | None:
    """Return a value as JSON; None = not plain data, or too long."""
    if type(value) not in PLAIN:  # may call methods of user classes, which may raise anything
        return None
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  # not JSON, or an item whose code fails: describe it instead
        return None
    return text if len(text) <= LONGEST else None
