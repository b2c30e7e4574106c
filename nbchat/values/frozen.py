"""An immutable dict, for mappings inside frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

__all__ = ["FrozenDict"]

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
