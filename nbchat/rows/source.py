"""The rows of a run's input: any data frame or column, a list, or an iterator that is read as it goes."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from nbchat.data.privacy.private_columns import hidden
from nbchat.data.tables.table import Table, library, table_of
from nbchat.rows.parquet_source import ParquetSource, is_file
from nbchat.rows.template import ITEM, ROW, Row
from nbchat.values.errors import PromptError

__all__ = ["Source", "source_of"]

READ_AT_ONCE = 512
"""Rows of a table that are read together."""

COMPUTE = {"polars": "collect()", "dask": "compute()", "duckdb": "df()", "ibis": "to_pandas()", "pyspark": "toPandas()"}
"""How lazy frames are computed."""


class Source(Protocol):
    """The rows of an input, numbered from 0."""

    native: Any
    """The input as given."""
    columns: Sequence[Hashable]
    """The columns' names, which may repeat."""
    single: bool
    """Whether the rows are values rather than records."""
    total: int | None
    """The number of rows; None = known at the end."""

    def private(self, fields: Iterable[Hashable], *, whole: bool) -> list[str]:
        """Return the names of the private columns among these, or (`whole`) among all."""

    def rows(self, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Read the rows in order, with their positions: these columns, and with `whole` the row itself as `item` and `row`.

        An iterator continues where it stopped.
        """

    def at(self, position: int, fields: Iterable[Hashable], *, whole: bool) -> Row | None:
        """Read one row again; None = it is gone, as an iterator's are."""

    def ahead(self, count: int, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Look at all rows, or at the next `count` of an iterator; `rows` reads them all the same."""

    def tables(self, size: int) -> Iterator[Any]:
        """Read the rows once more as Arrow tables of up to `size` rows; of an iterator, those that `rows` has read."""


def source_of(data: Any) -> Source:
    """Return the rows of an input. Raises PromptError for unsupported input."""
    if is_file(data):
        return ParquetSource(data)
    if library(data) and (table := table_of(data)) is not None:
        if table.rows is None:
            compute = COMPUTE.get(table.kind.partition(" ")[0], "collect() or compute()")
            raise PromptError(f"A lazy frame ({table.kind}) is computed first: pass its {compute}.")
        return TableSource(data)
    dimensions = getattr(data, "ndim", None) if type(data).__module__.partition(".")[0] == "numpy" else None
    if dimensions == 1:
        return ListSource(data, data.tolist())
    if isinstance(data, (str, bytes, bytearray, Mapping)) or not isinstance(data, Iterable) or dimensions == 0:
        raise PromptError(
            f"Rows are those of a data frame, a column, a list or an iterator; got {type(data).__name__}."
        )
    if isinstance(data, Sequence):
        return ListSource(data, list(data) if isinstance(data, list) else data)
    return IteratorSource(data)


class TableSource:
    """The rows of a frame, or the values of a column, as they are now: later changes in place don't count.

    `marked` is the frame whose columns may be marked as private; None = the same.
    """

    def __init__(self, data: Any, marked: Any = None) -> None:
        self._marked = data if marked is None else marked
        self.native = data.copy(deep=False) if library(data) == "pandas" else data
        self.table: Table = table_of(self.native)  # type: ignore[assignment]  # it is one
        table = self.table
        self.columns: Sequence[Hashable] = [field.name for field in table.fields]
        self.single = table.single
        self.total: int | None = table.rows or 0

    def private(self, fields: Iterable[Hashable], *, whole: bool) -> list[str]:
        """The columns marked by `nbchat.private`, on this frame or one that it derives from."""
        wanted = set(fields)
        places = sorted(hidden(self._marked, self.table).places)
        return [str(self.columns[place]) for place in places if whole or self.columns[place] in wanted]

    def rows(self, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Read the rows, some hundreds at a time."""
        for start in range(0, self.total or 0, READ_AT_ONCE):
            some = range(start, min(start + READ_AT_ONCE, self.total or 0))
            yield from zip(some, self._read(some, fields, whole=whole), strict=True)

    def at(self, position: int, fields: Iterable[Hashable], *, whole: bool) -> Row | None:
        """Read one row."""
        return self._read(range(position, position + 1), fields, whole=whole)[0]

    def ahead(self, count: int, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Look at all rows."""
        return self.rows(fields, whole=whole)

    def tables(self, size: int) -> Iterator[Any]:
        """Read the rows as Arrow tables; without row labels."""
        import pyarrow

        frame = self.table.every(1).frame  # type: ignore[attr-defined]  # that of either library
        for start in range(0, max(1, self.total or 0), size):
            if hasattr(frame, "to_arrow"):
                yield frame[start : start + size].to_arrow()
            else:
                yield pyarrow.Table.from_pandas(frame.iloc[start : start + size], preserve_index=False)

    def _read(self, rows: range, fields: Iterable[Hashable], *, whole: bool) -> list[Row]:
        wanted = set(fields)
        places = [place for place, name in enumerate(self.columns) if name in wanted or (whole and not self.single)]
        names = [str(self.columns[place]) for place in places]
        found = self.table.cells(rows, places)
        if self.single:
            return [{ROW: cells[0], ITEM: cells[0], names[0]: cells[0]} for cells in found]
        if not whole:
            return [dict(zip(names, cells, strict=True)) for cells in found]
        keys = [self.columns[place] for place in places]
        made = ((cells, dict(zip(keys, cells, strict=True))) for cells in found)
        return [{ROW: row, ITEM: row, **dict(zip(names, cells, strict=True))} for cells, row in made]


class ListSource:
    """The items of a sequence. If all of them are mappings, their keys are columns."""

    def __init__(self, native: Any, items: Sequence[Any]) -> None:
        self.native = native
        self.total: int | None = len(items)
        self._items = items
        records = bool(items) and all(isinstance(item, Mapping) for item in items)
        keys = dict.fromkeys(key for item in items for key in item) if records else {ITEM: None}
        self.columns: Sequence[Hashable] = list(keys)
        self.single = not records

    def private(self, fields: Iterable[Hashable], *, whole: bool) -> list[str]:
        """None: only columns of frames are marked."""
        return []

    def rows(self, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Read the items."""
        for position, item in enumerate(self._items):
            yield position, _row_of(item, self.columns, single=self.single)

    def at(self, position: int, fields: Iterable[Hashable], *, whole: bool) -> Row | None:
        """Read one row."""
        return _row_of(self._items[position], self.columns, single=self.single)

    def ahead(self, count: int, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Look at all rows."""
        return self.rows(fields, whole=whole)

    def tables(self, size: int) -> Iterator[Any]:
        """Read the items as Arrow tables."""
        for start in range(0, max(1, len(self._items)), size):
            yield _table(self._items[start : start + size], single=self.single)


class IteratorSource:
    """The items of an iterator, read when needed. If the first is a mapping, its keys are columns."""

    def __init__(self, data: Iterable[Any]) -> None:
        self.native = data
        rest = iter(data)
        first = list(itertools.islice(rest, 1))
        self._rest: Iterator[tuple[int, Any]] = enumerate(itertools.chain(first, rest))
        self._read: deque[Any] | None = None
        self.single = not (first and isinstance(first[0], Mapping))
        self.columns: Sequence[Hashable] = [ITEM] if self.single else list(first[0])
        self.total: int | None = None if first else 0

    def private(self, fields: Iterable[Hashable], *, whole: bool) -> list[str]:
        """None: only columns of frames are marked."""
        return []

    def rows(self, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Take the rest of the items."""
        for position, item in self._rest:
            if self._read is not None:
                self._read.append(item)
            yield position, _row_of(item, self.columns, single=self.single)

    def at(self, position: int, fields: Iterable[Hashable], *, whole: bool) -> Row | None:
        """None: it can't be read again."""
        return None

    def ahead(self, count: int, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Look at the next items."""
        taken = list(itertools.islice(self._rest, count))
        self._rest = itertools.chain(taken, self._rest)
        for position, item in taken:
            yield position, _row_of(item, self.columns, single=self.single)

    def tables(self, size: int) -> Iterator[Any]:
        """Read the items that `rows` reads from now on, as Arrow tables."""
        read = self._read = deque[Any]()

        def tables() -> Iterator[Any]:
            while True:
                yield _table([read.popleft() for _ in range(min(size, len(read)))], single=self.single)

        return tables()


def _table(items: Sequence[Any], *, single: bool) -> Any:
    """Return items as an Arrow table: records by their keys, values as one column."""
    import pyarrow

    return pyarrow.Table.from_pylist([{ITEM: item} for item in items] if single else list(items))


def _row_of(item: Any, columns: Sequence[Hashable], *, single: bool) -> Row:
    if single:
        return {ROW: item, ITEM: item}
    record = item if isinstance(item, Mapping) else {}  # an iterator's later rows may be anything
    return {ROW: item, ITEM: item, **{str(name): record.get(name) for name in columns}}
