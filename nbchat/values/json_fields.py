"""Parts of a file's JSON, taken for what they should be. Whatever is wrong is a ValueError that names the part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["an_object", "items_of", "number_of", "optional_text", "text_of", "texts_of"]


def an_object(value: object, what: str) -> Mapping[str, Any]:
    """The value itself, if it is a JSON object. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is an object; got {type(value).__name__}")
    return value


def items_of(content: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name; missing or null = empty. Raises ValueError."""
    value = content.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is a list; got {type(value).__name__}")
    return value


def optional_text(content: Mapping[str, Any], name: str) -> str | None:
    """The text of that name; missing or null = None. Raises ValueError."""
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is text; got {type(value).__name__}")
    return value


def text_of(content: Mapping[str, Any], name: str) -> str:
    """The text of that name; missing or null = empty. Raises ValueError."""
    return optional_text(content, name) or ""


def texts_of(content: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The list of texts of that name; missing or null = empty. Raises ValueError."""
    items = items_of(content, name)
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{name} are texts")
    return tuple(items)


def number_of(content: Mapping[str, Any], name: str) -> float | None:
    """The finite number of that name; missing or null = None. Raises ValueError."""
    value = content.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value)):
        raise ValueError(f"{name} is a finite number; got {value!r:.40}")
    return value


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer larger than any float
        return False
