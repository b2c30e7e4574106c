"""Resolve `--score`: a function, or a judge's prompt."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

from nbchat.cells.usage_error import UsageError
from nbchat.values.params import nearest

__all__ = ["scorer"]


def scorer(text: str | None, namespace: Mapping[str, Any]) -> Callable[[Any], Any] | str | None:
    """Return the function or prompt of this name, else the text itself as a judge's prompt. Raises UsageError."""
    if text is None:
        return None
    first, *attributes = text.split(".")
    if not all(part.isidentifier() for part in (first, *attributes)):
        return text
    value = namespace.get(first, getattr(builtins, first, None))
    for attribute in attributes:
        value = getattr(value, attribute, None)
    if callable(value) or (isinstance(value, str) and value.strip()):
        return value  # type: ignore[no-any-return]  # the namespace holds anything
    functions = [key for key, found in namespace.items() if callable(found) and not key.startswith("_")]
    hint = nearest(text, functions)
    raise UsageError(f"--score takes a function, or a judge's prompt in quotes; there is no function {text}.{hint}")
