"""Private columns: marked on a frame, hidden on every rung of the ladder, looked for by the guard.

Marks follow the data. pandas copies them to derived frames (`attrs`); for other libraries, and where pandas loses them
(a concatenation), a column of that name with some of the same values counts as the same column. Columns that are renamed
or reshaped are left to the guard, which knows the values.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import Any, TypeVar

from msgspec import Struct, field

from nbchat.data.description import STOPS
from nbchat.data.interpolation.lookup import nearest
from nbchat.data.privacy.marked import MARKED
from nbchat.data.privacy.private_values import PrivateValues
from nbchat.data.tables.table import Field, Table, table_of
from nbchat.values.errors import PromptError

__all__ = ["Hidden", "PrivateColumn", "forget", "hidden", "private"]

Frame = TypeVar("Frame")

ATTRIBUTE = "nbchat.private"
"""The key in a pandas frame's `attrs`, which pandas copies to derived frames."""

COMPARED = 200
"""Evenly spaced cells of a like-named column that are compared with a private one's."""


class PrivateColumn(Struct):
    """A private column: its name, its values so far, and the frames that may still change them."""

    name: str
    values: PrivateValues = field(default_factory=PrivateValues)
    sources: list[_Source] = field(default_factory=list)

    def current(self) -> PrivateValues:
        """The values, updated from the frames."""
        self.sources = [source for source in self.sources if source.update(self.values)]
        return self.values


class _Source(Struct):
    """A private column of one frame, with a snapshot of when its values were last read."""

    frame: weakref.ref[Any]
    name: Hashable
    snapshot: Any = None

    def update(self, values: PrivateValues) -> bool:
        """Add the column's values if they changed; return False once there is nothing left to watch."""
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


class Hidden(Struct, frozen=True):
    """What a description must leave out: columns by position, and whether row labels may show."""

    places: frozenset[int]
    labels: bool


_frames: dict[int, tuple[weakref.ref[Any], set[Hashable]]] = {}


def private(frame: Frame, *columns: Hashable) -> Frame:
    """Mark columns of a frame as private and return the frame. A single column (a Series) needs no name.

    From then on no rung of the ladder shows them, and the guard refuses messages that contain their values. The values
    are read now (a few seconds for a million distinct ones), so that no message has to wait. Raises PromptError if
    `frame` is not a data frame or has no such column.
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


def forget() -> None:
    """Unmark everything, except the marks in pandas' `attrs`. For tests."""
    MARKED.clear()
    _frames.clear()


def hidden(value: object, table: Table) -> Hidden:
    """Return what is private in a frame: marked, inherited, or the same as a private column by name and values."""
    if not MARKED and not getattr(value, "attrs", None):
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
    """The mutable set of names marked on a frame."""
    if not _is_marked(frame):
        key = id(frame)
        _frames[key] = (weakref.ref(frame, lambda _: _frames.pop(key, None)), _handed_on(frame))
    return _frames[id(frame)][1]


def _handed_on(value: object) -> set[Hashable]:
    attrs = getattr(value, "attrs", None)
    return set(attrs.get(ATTRIBUTE, ())) if isinstance(attrs, dict) else set()


def _hold(frame: object, table: Table, name: Hashable) -> None:
    """Read the values of a column or a level of the row labels; not of a lazy frame, which would have to be computed."""
    column = MARKED.setdefault(str(name), PrivateColumn(str(name)))
    level = next((label.place for label in table.labels if label.name == name), None)
    if _place(table, name) is not None:
        column.sources.append(_Source(weakref.ref(frame), name))
        column.current()
    elif level is not None and table.rows:
        column.values.absorb(label[level] for label in table.row_labels(range(table.rows)))


def _place(table: Table, name: Hashable) -> int | None:
    return next((one.place for one in table.fields if one.name == name), None)


def _is_like(table: Table, one: Field, *, labels: bool = False) -> bool:
    """Whether a column (or level of the row labels) has the name and some of the values of a private one.

    A name that contains the private one counts (`email_x` after a merge).
    """
    name = str(one.name).casefold()
    alike = [column for column in MARKED.values() if column.name.casefold() in name]
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
    except BaseException:  # noqa: BLE001 - comparing cells may raise; then the column is read again
        return False


def _native(column: Any) -> Any:
    return column.to_native() if hasattr(column, "to_native") else column


def _snapshot(column: Any) -> Any:
    """A snapshot of the column: only pandas columns can be changed in place."""
    return column.copy() if type(column).__module__.startswith("pandas") else column
