"""The rows of a Parquet file, read a batch at a time."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nbchat.rows.template import ITEM, ROW, Row
from nbchat.values.errors import ConfigError, PromptError
from nbchat.values.regular_file import regular

__all__ = ["ParquetSource", "is_file", "parquet"]

READ_AT_ONCE = 2_048
"""Rows of the file that are read at a time."""


def is_file(data: Any) -> bool:
    """Whether this is the path of a Parquet file, or an open file."""
    if isinstance(data, str):
        return data.lower().endswith((".parquet", ".parq", ".pq"))
    return isinstance(data, os.PathLike) or (hasattr(data, "read") and hasattr(data, "seek"))


def parquet() -> Any:
    """Return `pyarrow.parquet`. Raises ConfigError if it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ConfigError("Parquet files need pyarrow: pip install pyarrow.") from None
    return pyarrow.parquet


class ParquetSource:
    """The rows of a Parquet file; `native` is its path, or the open file. Raises PromptError for one that can't be read."""

    single = False

    def __init__(self, data: Any) -> None:
        self.native = Path(data).expanduser() if isinstance(data, (str, os.PathLike)) else data
        try:
            file = regular(self.native) if isinstance(self.native, Path) else self.native
            self.file = parquet().ParquetFile(file)
        except (OSError, ValueError) as error:  # ValueError: Arrow's own, and of a name that no file can have
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise PromptError(f"{data} can't be read as a Parquet file: {reason}") from None
        self.columns: Sequence[Hashable] = list(self.file.schema_arrow.names)
        self.total: int | None = self.file.metadata.num_rows

    def private(self, fields: Iterable[Hashable], *, whole: bool) -> list[str]:
        """None: only columns of frames are marked."""
        return []

    def rows(self, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Read the rows, with the columns that are needed."""
        wanted = set(fields)
        names = [str(name) for name in self.columns if whole or name in wanted]
        position = 0
        for batch in self.file.iter_batches(READ_AT_ONCE, columns=names):
            for row in batch.to_pylist():
                yield position, {ROW: row, ITEM: row, **row} if whole else row
                position += 1

    def at(self, position: int, fields: Iterable[Hashable], *, whole: bool) -> Row | None:
        """Read one row; None = it is too far into the file to be looked up quickly."""
        if position >= READ_AT_ONCE:
            return None
        return next(row for place, row in self.rows(fields, whole=whole) if place == position)

    def tables(self, size: int) -> Iterator[Any]:
        """Read the rows as Arrow tables."""
        import pyarrow

        if not self.total:
            yield self.file.schema_arrow.empty_table()
        for batch in self.file.iter_batches(size):
            yield pyarrow.Table.from_batches([batch])

    def ahead(self, count: int, fields: Iterable[Hashable], *, whole: bool) -> Iterator[tuple[int, Row]]:
        """Look at all rows."""
        return self.rows(fields, whole=whole)
