"""Describe lists, dictionaries and other containers: in full if short, else by size, types and first items.

A frame, array or image inside a container is one line without values, so that wrapping never exposes more.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from nbchat.data.description import STOPS, Description, failed_line, room
from nbchat.values.errors import PromptError
from nbchat.values.limits import clipped
from nbchat.values.wording import pluralize

__all__ = ["brief", "describe_container", "is_container"]

DEPTH = 12
"""Levels of nesting shown; deeper ones become …"""

INSIDE = 5
"""Items shown of a container inside a long one."""

LOOKED_AT = 1_000
"""Items of a long container whose classes are listed."""

MOST_SORTED = 100_000
"""Sets up to this size are sorted, so that their text is reproducible."""

Line = Callable[[object], str]
"""Returns one line for an item that is not a container."""


class Full(Exception):
    """The text exceeds its limit: ends the attempt to write it in full."""


def is_container(value: object) -> bool:
    """Whether a value is a built-in container or a subclass of one."""
    return isinstance(value, (list, tuple, dict, set, frozenset, deque)) or type(value).__name__ in (
        "mappingproxy", "dict_keys", "dict_values", "dict_items",
    )  # fmt: skip


def describe_container(value: object, line: Line, *, budget: int | None = None, name: str = "") -> Description:
    """Describe a container: in full if that fits, else by number and classes of its items and the first of them."""
    chars = room(budget)
    kind = type(value).__name__
    size = len(value)  # type: ignore[arg-type]  # every class of is_container has a length
    try:
        return Description(_Writer(line, chars).whole(value), f"{kind} of {pluralize(size, 'item')}")
    except Full:
        pass
    text, shown = _beginning(value, line, chars, name)
    return Description(text, f"{kind} of {pluralize(size, 'item')}, the first {shown:,}", cut=True)


def brief(value: object, line: Line, chars: int = 200) -> str:
    """Return a value on one line within `chars` characters, long parts elided."""
    return clipped(_Writer(line, None, INSIDE).whole(value), chars)


class _Writer:
    """Writes a container like `repr`, up to a number of characters, or a number of items for each (None = all)."""

    def __init__(self, line: Line, chars: int | None, items: int | None = None) -> None:
        self._line = line
        self._left = chars
        self._items = items
        self._open: list[int] = []

    def whole(self, value: object) -> str:
        """Return the text. Raises Full if it exceeds the limit."""
        opened, left = len(self._open), self._left
        try:
            return self._written(value)
        except (Full, PromptError, *STOPS):
            raise
        except BaseException as error:  # noqa: BLE001 - a user's container may fail anywhere
            del self._open[opened:]
            self._left = left
            return self._spend(failed_line(value, error))

    def _written(self, value: object) -> str:
        if not is_container(value):
            return self._spend(self._line(value))
        if id(value) in self._open or len(self._open) >= DEPTH:
            return self._spend("…")
        self._open.append(id(value))
        before, after = _brackets(value)
        parts = [self._spend(before), ", ".join(self._each(value)), self._spend(after)]
        self._open.pop()
        return "".join(parts)

    def _each(self, value: object) -> Iterable[str]:
        size = len(value)  # type: ignore[arg-type]  # every class of is_container has a length
        names = (f"{name}=" for name in getattr(type(value), "_fields", ()))
        for key, item in itertools.islice(pairs_of(value), self._items):
            self._spend(", ")
            if isinstance(value, Mapping):
                yield f"{self.whole(key)}{self._spend(': ')}{self.whole(item)}"
            else:
                yield next(names, "") + self.whole(item)
        if self._items is not None and size > self._items:
            yield f"… {size - self._items:,} more"

    def _spend(self, text: str) -> str:
        if self._left is not None:
            self._left -= len(text)
            if self._left < 0:
                raise Full
        return text


def pairs_of(value: object) -> Iterable[tuple[object, object]]:
    """Return a mapping's pairs; for anything else, its items, each with the key None."""
    if isinstance(value, Mapping):
        return value.items()
    return ((None, item) for item in items_of(value))


def items_of(value: object) -> Iterable[object]:
    """Return the items in a reproducible order; those of a mapping are its pairs."""
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, (set, frozenset)) and len(value) <= MOST_SORTED:
        return sorted(value, key=lambda item: (type(item).__name__, _key(item)))
    return value  # type: ignore[return-value]  # every class of is_container can be iterated


def _key(item: object) -> tuple[float, str]:
    """Sort key: numbers by value, everything else by its text."""
    if isinstance(item, (int, float)):
        return (float(item) if abs(item) < 1e300 else 0.0, str(item))
    return (0.0, str(item) if isinstance(item, str) else repr(item))


def _brackets(value: object) -> tuple[str, str]:
    if isinstance(value, Mapping):
        before, after = "{", "}"
    elif isinstance(value, tuple):
        before, after = "(", ",)" if type(value) is tuple and len(value) == 1 else ")"
    elif isinstance(value, (set, frozenset)):
        before, after = ("{", "}") if len(value) else ("set(", ")")
    else:
        before, after = "[", "]"
    if type(value) in (list, tuple, dict, set):
        return before, after
    if hasattr(type(value), "_fields"):
        return f"{type(value).__name__}(", ")"
    return f"{type(value).__name__}({before}", f"{after})"


def _beginning(value: object, line: Line, chars: int, name: str) -> tuple[str, int]:
    """Size and classes, then as many of the first items as fit, each on a line."""
    size = len(value)  # type: ignore[arg-type]  # every class of is_container has a length
    top = f"{name + ': ' if name else ''}{type(value).__name__} of {pluralize(size, 'item')} ({_classes(value)})"
    left = chars - len(top) - len(f"; the first {size:,}:") - 4
    lines: list[str] = []
    for key, item in pairs_of(value):
        before = f"{brief(key, line, 80)}: " if isinstance(value, Mapping) else ""
        text = f"- {before}{brief(item, line)}"
        left -= len(text) + 1
        if left < 0:
            break
        lines.append(text)
    shown = f"; the first {len(lines):,}:" if lines else "; the first is too long to show"
    return "\n".join([(top + shown)[:chars], *lines]), len(lines)


def _classes(value: object) -> str:
    """The classes of the first items: `int`, `str → list`, `int, str and 3 others`."""
    first = list(itertools.islice(pairs_of(value), LOOKED_AT))
    inside = _names(item for _, item in first)
    return f"{_names(key for key, _ in first)} → {inside}" if isinstance(value, Mapping) else inside


def _names(values: Iterable[object]) -> str:
    names = list(dict.fromkeys(type(value).__name__ for value in values))
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} others" if len(names) > 3 else "")
