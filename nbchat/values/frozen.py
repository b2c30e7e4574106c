"""Building blocks of frozen values, beside msgspec's structs: an immutable dict, and fields that equality ignores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, TypeVar

from msgspec import Struct

__all__ = ["FrozenDict", "Incidental", "repr_without"]

_V = TypeVar("_V")


class FrozenDict(dict[str, _V]):
    """A dict that can't be modified. Equal to a plain dict with the same items, and serialised to JSON as one."""

    def __init__(self, items: Mapping[str, _V] | None = None) -> None:
        super().__init__(items or {})

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping is part of a frozen value: make a modified copy of the whole instead")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none because it can change; this one can't
        return hash(frozenset(self))  # the keys alone: equal values may be unhashable, or look different (1 and 1.0)

    def __copy__(self) -> FrozenDict[_V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


class Incidental(Struct, frozen=True):
    """A frozen value with fields that comparisons ignore, such as an id."""

    _incidental: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._compared() == other._compared()

    def __hash__(self) -> int:  # mappings may contain unhashable values
        return hash(tuple(value for value in self._compared() if not isinstance(value, Mapping)))

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name not in self._incidental)


def repr_without(value: Struct, *left_out: str) -> str:
    """Return a struct's usual repr, without these fields."""
    shown = (f"{name}={getattr(value, name)!r}" for name in value.__struct_fields__ if name not in left_out)
    return f"{type(value).__name__}({', '.join(shown)})"
