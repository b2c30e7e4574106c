"""Read typed fields from a file's JSON. Anything of the wrong type raises a ValueError that names the field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from nbchat.values.numbers import is_finite
from nbchat.values.surrogates import paired_json

__all__ = [
    "UNREADABLE",
    "an_object",
    "items_of",
    "number_of",
    "optional_text",
    "parsed_json",
    "readable",
    "text_of",
    "texts_of",
]

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError)
"""What reading JSON of any form raises."""


def parsed_json(text: str | bytes) -> Any:
    """Return the JSON value of a text; None if it is not JSON, or nested too deeply."""
    try:
        return paired_json(json.loads(text))
    except (ValueError, RecursionError):
        return None


def an_object(value: object, what: str) -> Mapping[str, Any]:
    """Return the value if it is a JSON object. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} must be an object; got {type(value).__name__}")
    return value


def items_of(content: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list called `name`; missing or null = empty. Raises ValueError."""
    value = content.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list; got {type(value).__name__}")
    return value


def optional_text(content: Mapping[str, Any], name: str) -> str | None:
    """Return the text called `name`; missing or null = None. Raises ValueError."""
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text; got {type(value).__name__}")
    return value


def text_of(content: Mapping[str, Any], name: str) -> str:
    """Return the text called `name`; missing or null = empty. Raises ValueError."""
    return optional_text(content, name) or ""


def texts_of(content: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the list of texts called `name`; missing or null = empty. Raises ValueError."""
    items = items_of(content, name)
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{name} are texts")
    return tuple(items)


def number_of(content: Mapping[str, Any], name: str) -> float | None:
    """Return the finite number called `name`; missing or null = None. Raises ValueError."""
    value = content.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value)):
        raise ValueError(f"{name} must be a finite number; got {value!r:.40}")
    return value


def readable(read: Callable[[Mapping[str, Any]], object], written: object, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return what can be read of a damaged object: the fields that `read` takes by themselves, besides those of `base`."""
    kept = dict(base)
    for name, value in written.items() if isinstance(written, Mapping) else ():
        try:
            read({**kept, name: value})
        except UNREADABLE:
            continue
        kept[name] = value
    return kept
