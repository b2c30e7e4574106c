"""Tables in answers: lists of records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["record_of", "records_of"]


def records_of(data: Any) -> list[dict[str, Any]] | None:
    """Return the rows of a list of dicts, dataclasses, named tuples or pydantic models, by column; None = not a table.

    The records may have different fields. An empty list is not a table.
    """
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Sequence) or not data:
        return None
    rows = [record_of(item) for item in data]
    if any(row is None for row in rows):
        return None
    return [row for row in rows if row is not None]


def record_of(item: Any) -> dict[str, Any] | None:
    """Return a dict, dataclass, named tuple or pydantic model as a dict of its fields; None = it is no record."""
    if isinstance(item, Mapping):
        return {str(key): value for key, value in item.items()}
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        return dict(item._asdict())
    fields = getattr(type(item), "model_fields", None)
    return {name: getattr(item, name) for name in fields} if isinstance(fields, Mapping) else None
