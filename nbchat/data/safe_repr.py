"""Describe a value without running the user's code: no `__repr__`, property, hook or `__len__`."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import types
import uuid

from nbchat.data.tables.table import FRAME_LIBRARIES

__all__ = ["described_passively", "runs_nothing"]

_SCALARS = frozenset({
    type(None), bool, int, float, complex, str, bytes, bytearray, range, type(...), decimal.Decimal, fractions.Fraction,
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone, uuid.UUID,
    pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath,
})  # fmt: skip
_CONTAINERS = frozenset({list, tuple, set, frozenset, collections.deque})
_MAPPINGS = frozenset({dict, collections.OrderedDict, collections.Counter})
_CODE = frozenset({types.FunctionType, types.BuiltinFunctionType, type})
_LIBRARIES = FRAME_LIBRARIES | {"numpy"}

MOST_LOOKED_AT = 10_000
"""Most items of nested containers to inspect; larger ones are described by their class."""

MOST_ATTRIBUTES = 40


def runs_nothing(value: object) -> bool:
    """Whether `describe` runs no user code on this value: plain data, frames, arrays, functions."""
    left, known = [value], {id(value)}
    while left:
        item = left.pop()
        kind = type(item)
        if kind in _SCALARS or kind in _CODE or str(kind.__module__).partition(".")[0] in _LIBRARIES:
            continue
        if kind in _MAPPINGS:
            inner = [*item.keys(), *item.values()]  # type: ignore[attr-defined]  # a built-in mapping
        elif kind in _CONTAINERS:
            inner = list(item)  # type: ignore[call-overload]  # a built-in container
        else:
            return False
        if _SCALARS.issuperset(map(type, inner)):
            continue
        left += [each for each in inner if id(each) not in known]
        known.update(map(id, inner))
        if len(known) > MOST_LOOKED_AT:
            return False
    return True


def described_passively(value: object) -> str:
    """Describe a value by its class and the names and classes of the attributes in its `__dict__`."""
    kind = type(value)
    title = f"<{kind.__module__}.{kind.__qualname__} object, described without running its code>"
    if kind in _CONTAINERS or kind in _MAPPINGS:
        return f"<{kind.__name__} of {len(value):,} items>"  # type: ignore[arg-type]  # of Python's own
    slot = next((vars(base)["__dict__"] for base in kind.__mro__ if "__dict__" in vars(base)), None)
    attributes = slot.__get__(value) if type(slot) is types.GetSetDescriptorType else None
    if type(attributes) is not dict:
        return title
    names = [name for name in attributes if type(name) is str and not name.startswith("_")]
    lines = [f"- {name}: {type(attributes[name]).__name__}" for name in names[:MOST_ATTRIBUTES]]
    more = [f"- and {len(names) - MOST_ATTRIBUTES:,} more"] if len(names) > MOST_ATTRIBUTES else []
    return "\n".join([title, *lines, *more])
