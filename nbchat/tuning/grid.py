"""The grid of a sweep: every combination of the values on its axes, repeated."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import force_setattr

from nbchat.values.errors import ParameterError
from nbchat.values.frozen import FrozenDict
from nbchat.values.limits import clipped
from nbchat.values.messages import Message
from nbchat.values.numbers import whole_number
from nbchat.values.params import PARAMETERS

__all__ = ["Axis", "Cell", "Grid", "Setting", "setting_text", "value_text"]

MOST_RUNS = 10_000
"""Most runs of a grid; more is taken for a mistake."""

WIDEST = 40
"""Most characters of a value in the name of a setting."""

CONTEXT = 16
"""Characters shown before the point where long values start to differ."""

_PLURALS = {
    **{name: f"{name}s" for name in ("model", "temperature", "message", "seed", "user")},
    "system": "system texts",
}
"""Axes that have a word for their values; those of the others are "top_p values"."""

Setting = Mapping[str, Any]
"""A combination of the axes' values, by name; None = not sent."""


class Axis(Struct, frozen=True):
    """A parameter and the distinct values to try, in order.

    `name` may also be "system", or "message" (texts or `Message` values).
    """

    name: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, name: str, values: Iterable[Any]) -> Self:
        """Return an axis of validated values. Raises ParameterError for an invalid value, no values, or more than 10,000."""
        row = PARAMETERS.get(name)
        checked: dict[str, Any] = {}
        given = list(itertools.islice(values, MOST_RUNS + 1))
        if len(given) > MOST_RUNS:
            raise ParameterError(f"{name} has more than {MOST_RUNS:,} values to try: give fewer.")
        for value in given:
            if isinstance(row_value := _plain(value), Mapping):
                row_value = FrozenDict(row_value)
            elif name == "message" and not isinstance(row_value, (str, Message)):
                raise ParameterError(f"A message to try must be text; got {value!r:.60}.")
            elif name == "system" and not (row_value is None or isinstance(row_value, str)):
                raise ParameterError(f"system must be text; got {value!r}.")
            row_value = row.check(row_value) if row is not None else row_value
            checked.setdefault(_key(row_value), row_value)
        if not checked:
            raise ParameterError(f"{name} has no values to try: give at least one.")
        return cls(name, tuple(checked.values()))

    @property
    def texts(self) -> tuple[str, ...]:
        """Distinct texts for the values: long ones from the point where they differ, else numbered."""
        return _distinct_texts(self.values)

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that the axis is a scale."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)


class _Setting(FrozenDict[Any]):
    """A setting of a grid, with distinct texts for its values.

    Two are equal if the same would be sent, so True differs from 1. Compared with any other mapping, it is a dict.
    """

    def __init__(self, items: Mapping[str, Any], texts: Mapping[str, str]) -> None:
        super().__init__(items)
        self.texts = texts

    @cached_property
    def _own_key(self) -> str:
        return _key(self)

    def __eq__(self, other: object) -> bool:
        return self._own_key == other._own_key if isinstance(other, _Setting) else super().__eq__(other)

    def __hash__(self) -> int:  # type: ignore[override]  # as in FrozenDict; by values, since thousands share the same keys
        return hash(self._own_key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Setting, (dict(self), dict(self.texts))


class Cell(Struct, frozen=True):
    """A planned run: its row in the table, its setting, and its repeat number (from 1)."""

    index: int
    setting: Setting
    repeat: int


class Grid(Struct, frozen=True):
    """Axes and repeats. Rows are numbered setting by setting, the last axis varying fastest."""

    axes: tuple[Axis, ...]
    repeat: int = 1

    def __post_init__(self) -> None:
        force_setattr(self, "repeat", whole_number("repeat", self.repeat))
        if len(self) > MOST_RUNS:
            raise ParameterError(f"This is {len(self):,} runs, more than {MOST_RUNS:,}: try fewer values or repeats.")

    @classmethod
    def split(cls, options: Mapping[str, Any], repeat: int = 1) -> tuple[Self, dict[str, Any]]:
        """Split keyword arguments into a grid and the options that are the same for every run.

        Several values (a list, tuple, range, array or column) form an axis; a single value is fixed. A list of `stop`
        texts is one value, so an axis of them is a list of lists. Raises ParameterError.
        """
        axes = {name: Axis.of(name, value) for name, value in options.items() if _is_axis(name, value)}
        return cls(tuple(axes.values()), repeat), {
            name: _plain(value) if name in PARAMETERS else value for name, value in options.items() if name not in axes
        }

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes) * self.repeat

    @property
    def settings(self) -> list[Setting]:
        """Return every combination, the last axis varying fastest."""
        names = [axis.name for axis in self.axes]
        valued = (zip(axis.values, axis.texts, strict=True) for axis in self.axes)
        return [
            _Setting(
                {name: value for name, (value, _) in zip(names, pairs, strict=True)},
                {name: text for name, (_, text) in zip(names, pairs, strict=True)},
            )
            for pairs in itertools.product(*valued)
        ]

    def cells(self) -> list[Cell]:
        """Return the runs in table order."""
        pairs = itertools.product(self.settings, range(1, self.repeat + 1))
        return [Cell(index, setting, repeat) for index, (setting, repeat) in enumerate(pairs)]

    def order(self) -> Iterator[Cell]:
        """Yield the runs in the order of execution: every setting once, then every repeat.

        After an interrupt, the settings' numbers of repeats then differ by at most one.
        """
        yield from sorted(self.cells(), key=lambda cell: cell.repeat)

    def __str__(self) -> str:
        """In words: "3 temperatures × 2 models × 3 repeats"."""
        parts = [
            f"{len(axis.values)} {_PLURALS.get(axis.name, f'{axis.name} values')}"
            for axis in self.axes
            if len(axis.values) > 1
        ]
        parts += [f"{self.repeat} repeats"] if self.repeat > 1 else []
        return " × ".join(parts) or "one run"


def setting_text(setting: Setting, *, without: str | None = None) -> str:
    """Return a setting on one line: "temperature=0.5, model=a"; an empty one is "as set". `without`: an axis to omit."""
    return ", ".join(f"{name}={value_text(setting, name)}" for name in setting if name != without) or "as set"


def value_text(setting: Setting, name: str) -> str:
    """Return the text of a setting's value on an axis; for a grid's setting, distinct among the axis's values."""
    texts = setting.texts if isinstance(setting, _Setting) else {}
    return texts[name] if name in texts else clipped(_line(setting.get(name)), WIDEST)


def _distinct_texts(values: Sequence[Any]) -> tuple[str, ...]:
    lines = [_line(value) for value in values]
    texts = [clipped(line, WIDEST) for line in lines]
    alike: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        alike.setdefault(text, []).append(place)
    for places in alike.values():
        if len(places) > 1:
            start = _distinguishing_offset([lines[place] for place in places])
            for place in places:
                number = isinstance(values[place], float)
                texts[place] = (
                    repr(values[place]) if number else "…" * (start > 0) + clipped(lines[place][start:], WIDEST)
                )
    if max(Counter(texts).values(), default=1) > 1:  # they differ only in white space, or at several places
        texts = [f"{number}: {text}" for number, text in enumerate(texts, 1)]
    return tuple(texts)


def _distinguishing_offset(lines: Sequence[str]) -> int:
    """The offset from which to show the lines: a few words before they start to differ."""
    first, last = min(lines), max(lines)  # a prefix common to these two is common to all
    pairs = enumerate(zip(first, last, strict=False))
    shared = next((place for place, (one, other) in pairs if one != other), len(first))
    if shared <= CONTEXT:
        return 0
    start = shared - CONTEXT
    return first.find(" ", start - 1, shared) + 1 or start


def _line(value: Any) -> str:
    """Format a value on one line."""
    if value is None:
        return "none"
    if isinstance(value, Message):
        value = value.as_typed
    if isinstance(value, float):
        return f"{value:.12g}"  # 0.1 + 0.2 is written as 0.3
    if isinstance(value, (Mapping, tuple)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(str(value).split())


def _key(value: Any) -> str:
    """A key by how the value is sent, so that True differs from 1."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):  # keys of mixed types, or circular: refused when sent
        return repr(value)


def _is_axis(name: str, value: Any) -> bool:
    if name not in PARAMETERS and name not in ("extra", "system", "message"):
        return False
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable) or _is_scalar(value):
        return False
    if name == "stop":
        return isinstance(value, (list, tuple)) and any(not isinstance(text, str) for text in value)
    return True


def _plain(value: Any) -> Any:
    """Convert a NumPy scalar to a Python number, so that it is formatted and compared as one."""
    return value.item() if _is_scalar(value) else value


def _is_scalar(value: Any) -> bool:
    """Whether a value is a library's scalar, such as NumPy's, including zero-dimensional arrays."""
    return hasattr(value, "item") and getattr(value, "ndim", None) == 0
