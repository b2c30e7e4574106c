"""The grid of a sweep: axes of parameters, every combination of their values, each asked several times."""

from __future__ import annotations

import itertools
import json
import math
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from nbchat.values.errors import ParameterError
from nbchat.values.frozen import FrozenDict
from nbchat.values.messages import Message
from nbchat.values.params import PARAMETERS

__all__ = ["Axis", "Cell", "Grid", "Setting", "setting_text", "value_text"]

MOST_RUNS = 10_000
"""More is taken for a slip."""

WIDEST = 40
"""Characters of a value in the name of a setting."""

CONTEXT = 16
"""Characters before the place where long values begin to differ that are shown with it."""

_PLURALS = {
    **{name: f"{name}s" for name in ("model", "temperature", "message", "seed", "user")},
    "system": "system texts",
}
"""Axes that have a word for their values; those of the others are "top_p values"."""

Setting = Mapping[str, Any]
"""One combination of the axes' values, by name; None = not sent."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values it is tried with, in order, without repetition.

    `name` may also be "system", or "message" for several messages (texts or `Message` values).
    """

    name: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, name: str, values: Iterable[Any]) -> Self:
        """An axis of checked values. Raises ParameterError, also where there is none, or more than 10,000."""
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
        """The values in words, by place, no two alike: long ones from where they begin to differ, else numbered."""
        return _told_apart(self.values)

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that it has a place on a scale."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)


class _Setting(FrozenDict[Any]):
    """A setting of a grid, which knows the names of its values among those of their axes.

    Two of them are equal where the same would be sent: True is not 1 here. With any other mapping it compares as a dict.
    """

    def __init__(self, items: Mapping[str, Any], texts: Mapping[str, str]) -> None:
        super().__init__(items)
        self.texts = texts

    @cached_property
    def _own_key(self) -> str:
        return _key(self)

    def __eq__(self, other: object) -> bool:
        return self._own_key == other._own_key if isinstance(other, _Setting) else super().__eq__(other)

    def __hash__(self) -> int:  # type: ignore[override]  # as FrozenDict's; by values, since thousands have the same keys
        return hash(self._own_key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Setting, (dict(self), dict(self.texts))


@dataclass(frozen=True, slots=True)
class Cell:
    """One run to make: its row in the table, its setting, and its number among the repeats (from 1)."""

    index: int
    setting: Setting
    repeat: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes and repeats. Rows are numbered setting by setting, the last axis fastest, as a table reads."""

    axes: tuple[Axis, ...]
    repeat: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "repeat", _whole(self.repeat))
        if len(self) > MOST_RUNS:
            raise ParameterError(f"This is {len(self):,} runs, more than {MOST_RUNS:,}: try fewer values or repeats.")

    @classmethod
    def split(cls, options: Mapping[str, Any], repeat: int = 1) -> tuple[Self, dict[str, Any]]:
        """The grid that these keyword arguments span, and those that are the same for every run.

        Several values (a list, a tuple, a range, an array, a column) are an axis; a single value is fixed. The texts of
        `stop` are one value together, so an axis of it is a list of lists. Raises ParameterError.
        """
        axes = {name: Axis.of(name, value) for name, value in options.items() if _is_axis(name, value)}
        return cls(tuple(axes.values()), repeat), {
            name: _plain(value) if name in PARAMETERS else value for name, value in options.items() if name not in axes
        }

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes) * self.repeat

    @property
    def settings(self) -> list[Setting]:
        """Every combination, the last axis fastest."""
        names = [axis.name for axis in self.axes]
        told = (zip(axis.values, axis.texts, strict=True) for axis in self.axes)
        return [
            _Setting(
                {name: value for name, (value, _) in zip(names, pairs, strict=True)},
                {name: text for name, (_, text) in zip(names, pairs, strict=True)},
            )
            for pairs in itertools.product(*told)
        ]

    def cells(self) -> list[Cell]:
        """The runs in the order of the table."""
        pairs = itertools.product(self.settings, range(1, self.repeat + 1))
        return [Cell(index, setting, repeat) for index, (setting, repeat) in enumerate(pairs)]

    def order(self) -> Iterator[Cell]:
        """The runs in the order in which to make them: every setting once, then again.

        So an interrupt leaves all settings with as many repeats, give or take one.
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
    """A setting in one line: "temperature=0.5, model=a"; the empty one is "as set". `without`: an axis to leave out."""
    return ", ".join(f"{name}={value_text(setting, name)}" for name in setting if name != without) or "as set"


def value_text(setting: Setting, name: str) -> str:
    """The value that a setting has on an axis, in words; of a grid's setting, told apart from all others of the axis."""
    texts = setting.texts if isinstance(setting, _Setting) else {}
    return texts[name] if name in texts else _cut(_line(setting.get(name)))


def _told_apart(values: Sequence[Any]) -> tuple[str, ...]:
    lines = [_line(value) for value in values]
    texts = [_cut(line) for line in lines]
    alike: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        alike.setdefault(text, []).append(place)
    for places in alike.values():
        if len(places) > 1:
            start = _telling([lines[place] for place in places])
            for place in places:
                number = isinstance(values[place], float)
                texts[place] = repr(values[place]) if number else "…" * (start > 0) + _cut(lines[place][start:])
    if max(Counter(texts).values(), default=1) > 1:  # they differ in white space alone, or at several places
        texts = [f"{number}: {text}" for number, text in enumerate(texts, 1)]
    return tuple(texts)


def _telling(lines: Sequence[str]) -> int:
    """From which character on they are to be read: a few words before they differ."""
    first, last = min(lines), max(lines)  # what these two begin with in common, all do
    pairs = enumerate(zip(first, last, strict=False))
    shared = next((place for place, (one, other) in pairs if one != other), len(first))
    if shared <= CONTEXT:
        return 0
    start = shared - CONTEXT
    return first.find(" ", start - 1, shared) + 1 or start


def _cut(line: str) -> str:
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


def _line(value: Any) -> str:
    """A value in one line."""
    if value is None:
        return "none"
    if isinstance(value, Message):
        value = value.as_typed
    if isinstance(value, float):
        return f"{value:.12g}"  # 0.1 + 0.2 is written as people would
    if isinstance(value, (Mapping, tuple)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(str(value).split())


def _key(value: Any) -> str:
    """What tells values apart: how they are sent, so that true is not 1."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):  # keys of several kinds, or nested without end: refused when sent
        return repr(value)


def _whole(repeat: Any) -> int:
    """A number of repeats, also NumPy's. Raises ParameterError."""
    try:
        if not isinstance(repeat, bool) and (number := operator.index(repeat)) >= 1:
            return number
    except TypeError:
        pass
    raise ParameterError(f"repeat must be a whole number of at least 1; got {repeat!r}.")


def _is_axis(name: str, value: Any) -> bool:
    if name not in PARAMETERS and name not in ("extra", "system", "message"):
        return False
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable) or _is_scalar(value):
        return False
    if name == "stop":
        return isinstance(value, (list, tuple)) and any(not isinstance(text, str) for text in value)
    return True


def _plain(value: Any) -> Any:
    """A NumPy scalar as Python's own number, so that it is written and compared as one."""
    return value.item() if _is_scalar(value) else value


def _is_scalar(value: Any) -> bool:
    """Whether it is NumPy's, or another library's, form of a single value, an array without dimensions included."""
    return hasattr(value, "item") and getattr(value, "ndim", None) == 0
