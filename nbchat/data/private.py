"""Columns that never leave: marked on a frame, hidden at every rung of the ladder, looked for by the guard.

A mark follows the data. pandas hands it on to derived frames itself (`attrs`); for other libraries, and where pandas
loses it (a concatenation), a column of such a name that holds some of the same values counts as the same column.
Whatever is renamed or reshaped beyond that is left to the guard, which knows the values.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nbchat.data.description import STOPS
from nbchat.data.live import nearest
from nbchat.data.private_values import PrivateValues, Words
from nbchat.data.tables import Field, Table, table_of
from nbchat.values.errors import PromptError

__all__ = ["Hidden", "PrivateColumn", "forget", "hidden", "private", "private_columns"]

Frame = TypeVar("Frame")

ATTRIBUTE = "nbchat.private"
"""The key in a pandas frame's `attrs`, which pandas copies to frames made from it."""

COMPARED = 200
"""Cells of a like-named column that are compared with those of a private one, evenly spaced."""


@dataclass(slots=True)
class PrivateColumn:
    """A column marked private: its name, its values so far, and the frames that may still change them."""

    name: str
    values: PrivateValues = field(default_factory=PrivateValues)
    sources: list[_Source] = field(default_factory=list)

    def found_in(self, words: Words) -> bool:
        """Whether a text holds one of its values."""
        return self.current().found_in(words)

    def current(self) -> PrivateValues:
        """The values, with those that have come since."""
        self.sources = [source for source in self.sources if source.update(self.values)]
        return self.values


@dataclass(slots=True)
class _Source:
    """A private column of one frame, and how it was when its values were last taken in."""

    frame: weakref.ref[Any]
    name: Hashable
    snapshot: Any = None

    def update(self, values: PrivateValues) -> bool:
        """Take in the column's values unless they are the same as last time; False once there is nothing to watch."""
        frame = self.frame()
        table = None if frame is None else table_of(frame)
        place = None if table is None else _place(table, self.name)
        if table is None or place is None or table.rows is None:
            return False
        column = _native(table.column(place))
        if self.snapshot is None or not _is_same(column, self.snapshot):
            values.absorb(table.values(place))
            self.snapshot = _snapshot(column)
        return True


@dataclass(frozen=True, slots=True)
class Hidden:
    """What of a table stays out of a description: columns by place; and whether row labels may show."""

    places: frozenset[int]
    labels: bool


_columns: dict[str, PrivateColumn] = {}
_frames: dict[int, tuple[weakref.ref[Any], set[Hashable]]] = {}


def private(frame: Frame, *columns: Hashable) -> Frame:
    """Mark columns of a frame private, and give the frame back. Of a single column (a Series), no name is needed.

    From then on no rung of the ladder shows them, and the guard refuses a message that holds their values, which are
    taken in here (some seconds for a million different ones) so that no message has to wait.
    PromptError: it is no data frame, or has no such column.
    """
    table = table_of(frame)
    if table is None:
        raise PromptError(f"private() takes a data frame and names of its columns, not a {type(frame).__name__}.")
    names = columns or (tuple(one.name for one in table.fields) if table.single else ())
    known = [one.name for one in (*table.fields, *table.labels)]
    if not names:
        raise PromptError("private() takes the names of the columns too: nbchat.private(df, 'email', 'name').")
    for name in names:
        if name not in known:
            near = nearest(str(name), map(str, known))
            hint = f"; did you mean {near!r}?" if near else "."
            raise PromptError(f"There is no column {name!r} to mark private{hint}")
    marked = _marked(frame)
    marked.update(names)
    for name in names:
        _hold(frame, table, name)
    if hasattr(frame, "attrs") and isinstance(frame.attrs, dict):
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
    if names and table.holds_label(names):
        return Hidden(frozenset(range(len(table.fields))), labels=False)
    places = {one.place for one in table.fields if one.name in names or _is_like(table, one)}
    labels = not any(label.name in names or _is_like(table, label, labels=True) for label in table.labels)
    return Hidden(frozenset(places), labels)


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
    """Take in the values of a column or a level of the row labels. A lazy frame gives none: it would be computed."""
    column = _columns.setdefault(str(name), PrivateColumn(str(name)))
    level = next((label.place for label in table.labels if label.name == name), None)
    if _place(table, name) is not None:
        column.sources.append(_Source(weakref.ref(frame), name))
        column.current()
    elif level is not None and table.rows:
        column.values.absorb(label[level] for label in table.row_labels(range(table.rows)))


def _place(table: Table, name: Hashable) -> int | None:
    return next((one.place for one in table.fields if one.name == name), None)


def _is_like(table: Table, one: Field, *, labels: bool = False) -> bool:
    """Whether a column (or a level of the row labels) has the name and some of the values of a private one.

    A name that holds the private one counts (`email_x` after a merge).
    """
    name = str(one.name).casefold()
    alike = [column for column in _columns.values() if column.name.casefold() in name]
    if not alike or not table.rows:
        return False
    step = -(-table.rows // COMPARED)
    if labels:
        cells: list[object] = [label[one.place] for label in table.row_labels(range(0, table.rows, step))]
    else:
        cells = table.every(step).listed(one.place)
    return any(cell in column.values for cell in cells for column in alike)


def _is_same(column: Any, snapshot: Any) -> bool:
    try:
        return bool(column.equals(snapshot))
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - a cell may fail at being compared: then it is taken in again
        return False


def _native(column: Any) -> Any:
    return column.to_native() if hasattr(column, "to_native") else column


def _snapshot(column: Any) -> Any:
    """The column as it is now. pandas' may be changed in place; the others' can't."""
    return column.copy() if type(column).__module__.startswith("pandas") else column
