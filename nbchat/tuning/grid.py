"""The grid of a sweep: axes of parameters, every combination of their values, each asked several times."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from nbchat.values.errors import ParameterError
from nbchat.values.frozen import FrozenDict
from nbchat.values.params import PARAMETERS

__all__ = ["Axis", "Cell", "Grid", "Setting", "setting_text"]

MOST_RUNS = 10_000
"""More is taken for a slip."""

Setting = Mapping[str, Any]
"""One combination of the axes' values, by name; None = not sent."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values it is tried with, in order, without repetition. `name` may also be "system"."""

    name: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, name: str, values: Iterable[Any]) -> Self:
        """An axis of checked values. Raises ParameterError, also where there is none."""
        row = PARAMETERS.get(name)
        checked: list[Any] = []
        for value in values:
            if isinstance(row_value := _plain(value), Mapping):
                row_value = FrozenDict(row_value)
            elif name == "system" and not (row_value is None or isinstance(row_value, str)):
                raise ParameterError(f"system must be text; got {value!r}.")
            row_value = row.check(row_value) if row is not None else row_value
            if row_value not in checked:
                checked.append(row_value)
        if not checked:
            raise ParameterError(f"{name} has no values to try: give at least one.")
        return cls(name, tuple(checked))

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that it has a place on a scale."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)


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
        if isinstance(self.repeat, bool) or not isinstance(self.repeat, int) or self.repeat < 1:
            raise ParameterError(f"repeat must be a whole number of at least 1; got {self.repeat!r}.")
        if len(self) > MOST_RUNS:
            raise ParameterError(f"This is {len(self):,} runs, more than {MOST_RUNS:,}: try fewer values or repeats.")

    @classmethod
    def split(cls, options: Mapping[str, Any], repeat: int = 1) -> tuple[Self, dict[str, Any]]:
        """The grid that these keyword arguments span, and those that are the same for every run.

        Several values (a list, a tuple, a range, an array, a column) are an axis; a single value is fixed. The texts of
        `stop` are one value together, so an axis of it is a list of lists. Raises ParameterError.
        """
        axes = {name: Axis.of(name, value) for name, value in options.items() if _is_axis(name, value)}
        return cls(tuple(axes.values()), repeat), {name: v for name, v in options.items() if name not in axes}

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes) * self.repeat

    @property
    def settings(self) -> list[Setting]:
        """Every combination, the last axis fastest."""
        names = [axis.name for axis in self.axes]
        combinations = itertools.product(*(axis.values for axis in self.axes))
        return [FrozenDict(dict(zip(names, values, strict=True))) for values in combinations]

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
        """In words: "3 temperature × 2 model × 3 repeats"."""
        parts = [f"{len(axis.values)} {axis.name}" for axis in self.axes if len(axis.values) > 1]
        parts += [f"{self.repeat} repeats"] if self.repeat > 1 else []
        return " × ".join(parts) or "one run"


def setting_text(setting: Setting) -> str:
    """A setting in one line: "temperature=0.5, model=a"; the empty one is "as set"."""
    return ", ".join(f"{name}={_value_text(value)}" for name, value in setting.items()) or "as set"


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value if len(value) <= 40 else value[:39] + "…"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False, default=str)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_axis(name: str, value: Any) -> bool:
    if name not in PARAMETERS and name not in ("extra", "system"):
        return False
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return False
    if name == "stop":
        return isinstance(value, (list, tuple)) and any(not isinstance(text, str) for text in value)
    return True


def _plain(value: Any) -> Any:
    """A NumPy scalar as Python's own number, so that it is written and compared as one."""
    return value.item() if hasattr(value, "item") and not isinstance(value, (str, bytes, Mapping)) else value
