"""Columns that never leave: marked on a frame, hidden at every rung of the ladder, looked for by the guard.

A mark follows the data. pandas hands it on to derived frames itself (`attrs`); for other libraries, and where pandas
loses it (a concatenation), a column of the same name that holds some of the same values counts as the same column.
Whatever is renamed or reshaped beyond that is left to the guard, which knows the values.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nbchat.data.live import nearest
from nbchat.data.pandas_tables import PandasTable
from nbchat.data.private_values import PrivateValues, Words
from nbchat.data.tables import Table, table_of
from nbchat.values.errors import PromptError

__all__ = ["Hidden", "PrivateColumn", "forget", "hidden", "private", "private_columns"]

Frame = TypeVar("Frame")

ATTRIBUTE = "nbchat.private"
"""The key in a pandas frame's `attrs`, which pandas copies to frames made from it."""

COMPARED = 200
"""Cells of a like-named column that are compared with those of a private one, evenly spaced."""


@dataclass(slots=True)
class PrivateColumn:
    """A column marked private: its name, and its values once something has to be compared with them.

    `sources` are snapshots that wait to be taken in, with the frames they are of: a frame may change, or be gone.
    """

    name: str
    values: PrivateValues = field(default_factory=PrivateValues)
    sources: list[_Source] = field(default_factory=list)

    def found_in(self, words: Words) -> bool:
        """Whether a text holds one of its values."""
        return self._current().found_in(words)

    def shares(self, cells: Iterable[object]) -> bool:
        """Whether any of some cells is one of its values."""
        values = self._current()
        return any(cell in values for cell in cells)

    def _current(self) -> PrivateValues:
        for source in self.sources:
            source.update(self.values)
        self.sources = [source for source in self.sources if source.frame() is not None]
        return self.values


@dataclass(slots=True)
class _Source:
    """A private column of one frame. The snapshot is what was last taken in, or is to be (`fresh`)."""

    frame: weakref.ref[Any]
    name: Hashable
    snapshot: Any
    fresh: bool = True

    def update(self, values: PrivateValues) -> None:
        """Take in the column's values, unless they are the same as last time."""
        if self.fresh:
            values.absorb(_distinct(self.snapshot))
            self.fresh = False
        frame = self.frame()
        table = None if frame is None else table_of(frame)
        place = None if table is None else _place(table, self.name)
        if table is None or place is None:
            return
        column = _native(table.column(place))
        if not column.equals(self.snapshot):
            self.snapshot = _snapshot(column)
            values.absorb(_distinct(self.snapshot))


@dataclass(frozen=True, slots=True)
class Hidden:
    """What of a table stays out of a description: columns by place; and whether row labels may show."""

    places: frozenset[int]
    labels: bool


_columns: dict[str, PrivateColumn] = {}
_frames: dict[int, tuple[weakref.ref[Any], set[Hashable]]] = {}


def private(frame: Frame, *columns: Hashable) -> Frame:
    """Mark columns of a frame private, and give the frame back. Of a single column (a Series), no name is needed.

    From then on no rung of the ladder shows them, and the guard refuses a message that holds their values.
    PromptError: it is no data frame, or has no such column.
    """
    table = table_of(frame)
    if table is None:
        raise PromptError(f"private() takes a data frame and names of its columns, not a {type(frame).__name__}.")
    names = columns or (tuple(one.name for one in table.fields) if table.single else ())
    if not names:
        raise PromptError("private() takes the names of the columns too: nbchat.private(df, 'email', 'name').")
    for name in names:
        if _place(table, name) is None and name not in _label_names(table):
            near = nearest(str(name), (str(one.name) for one in table.fields))
            raise PromptError(f"There is no column {name!r} to mark private" + (f"; did you mean {near!r}?" if near else "."))
    marked = _marked(frame)
    for name in names:
        marked.add(name)  # type: ignore[arg-type]
        _hold(frame, table, name)  # type: ignore[arg-type]
    if isinstance(table, PandasTable) and hasattr(frame, "attrs"):
        frame.attrs[ATTRIBUTE] = sorted(marked, key=str)
    return frame


def private_columns() -> tuple[PrivateColumn, ...]:
    """Every column marked so far."""
    return tuple(_columns.values())


def forget() -> None:
    """Unmark everything, for tests and for a kernel that begins anew. The marks in pandas' `attrs` stay."""
    _columns.clear()
    _frames.clear()


def hidden(value: object, table: Table) -> Hidden:
    """What of a frame is private: marked on it, handed on to it, or the same column by name and values."""
    if not _columns and not getattr(value, "attrs", None):
        return Hidden(frozenset(), labels=True)
    names = set(_frames[id(value)][1]) if _is_marked(value) else set()
    names |= _handed_on(value)
    if names and isinstance(table, PandasTable) and _turned(table, names):
        return Hidden(frozenset(range(len(table.fields))), labels=False)
    places = {one.place for one in table.fields if one.name in names or _is_like(table, one.place, one.name, names)}
    return Hidden(frozenset(places), labels=not names & set(_label_names(table)) and not _labels_are_like(table))


def _is_marked(value: object) -> bool:
    known = _frames.get(id(value))
    return known is not None and known[0]() is value


def _marked(frame: object) -> set[Hashable]:
    """The names marked on a frame, to add to."""
    if not _is_marked(frame):
        key = id(frame)
        _frames[key] = (weakref.ref(frame, lambda _: _frames.pop(key, None)), _handed_on(frame))
    return _frames[id(frame)][1]


def _handed_on(value: object) -> set[Hashable]:
    attrs = getattr(value, "attrs", None)
    return set(attrs.get(ATTRIBUTE, ())) if isinstance(attrs, dict) else set()


def _hold(frame: object, table: Table, name: Hashable) -> None:
    place = _place(table, name)
    column = _columns.setdefault(str(name), PrivateColumn(str(name)))
    if place is None:
        column.values.absorb(table.frame.index.get_level_values(name).unique())  # type: ignore[attr-defined]
    elif table.rows is not None:
        column.sources.append(_Source(weakref.ref(frame), name, _snapshot(_native(table.column(place)))))


def _place(table: Table, name: Hashable) -> int | None:
    return next((one.place for one in table.fields if one.name == name), None)


def _label_names(table: Table) -> list[object]:
    return [name for name in table.index_names if name is not None] if isinstance(table, PandasTable) else []


def _turned(table: PandasTable, names: set[Hashable]) -> bool:
    """Whether private names label the rows, as in a row taken as a Series or a transposed frame."""
    return bool(table.frame.index.isin(list(names)).any()) if table.index else False


def _is_like(table: Table, place: int, name: object, known: set[Hashable]) -> bool:
    """Whether a column not marked itself has the name and some of the values of a private one."""
    column = _columns.get(str(name))
    if column is None or name in known or not table.rows:
        return False
    return column.shares(table.column(place, -(-table.rows // COMPARED)).to_list())


def _labels_are_like(table: Table) -> bool:
    for name in _label_names(table):
        column = _columns.get(str(name))
        if column is not None and isinstance(table, PandasTable):
            labels = table.frame.index[:: max(-(-table.rows // COMPARED), 1)].get_level_values(name)
            if column.shares(labels):
                return True
    return False


def _native(column: Any) -> Any:
    return column.to_native() if hasattr(column, "to_native") else column


def _snapshot(column: Any) -> Any:
    """The column as it is now. pandas' may be changed in place; the others' can't."""
    return column.copy() if type(column).__module__.startswith("pandas") else column


def _distinct(column: Any) -> list[object]:
    table = table_of(column)
    return [] if table is None else table.values(0)
