"""A Parquet file as the result of a run: the rows with their answers, written as they end, in the order of the input."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nbchat.conversation.schemas.jsonschemas import Given
from nbchat.conversation.schemas.records import record_of
from nbchat.rows.outcome import Outcome
from nbchat.rows.parquet_source import is_file, parquet
from nbchat.rows.results.details import Details, Mapped
from nbchat.rows.results.native_results import as_text
from nbchat.rows.results.result import NAME, columns_of
from nbchat.rows.results.sparse_outcomes import SparseOutcomes
from nbchat.rows.source import Source
from nbchat.values.errors import ConfigError, ParameterError, PromptError
from nbchat.values.wording import pluralize, shown

if TYPE_CHECKING:
    from nbchat.conversation.schemas.schema import Schema

__all__ = ["MappedFile", "ParquetSink"]

WRITTEN_AT_ONCE = 2_048
"""Rows that are written together, as one row group."""

WINDOW = 8 * WRITTEN_AT_ONCE
"""Most rows that are read and not written yet: what one slow row can hold in memory."""

ERROR = "answer_error"
"""The column with the reason why a row has no answer, or why a part of it is missing."""


class MappedFile(Mapped):
    """The result of a run that was written to a file; `path` is None if it was not, because the run ended early."""

    def __init__(self, path: Any, details: Details) -> None:
        self.path = path
        self.details = details

    def __len__(self) -> int:
        return len(self.details.outcomes)

    def __repr__(self) -> str:
        name = "no file" if self.path is None else getattr(self.path, "name", self.path)
        summary = self.details.summary
        return f"<{pluralize(len(self), 'row')} in {name}{f'; {summary}' if summary else ''}>"


class ParquetSink:
    """Writes the rows of a source with their answers to `out`, a path or an open file.

    A path gets its file when all of it is written. Raises ParameterError if a column of answers is called like one of the
    source's, and ConfigError for a path that can't be written.
    """

    def __init__(self, out: Any, source: Source, schema: Schema | None) -> None:
        parquet()
        if not isinstance(out, (str, os.PathLike)) and not hasattr(out, "write"):
            raise ParameterError(f"out must be the path of a Parquet file, or an open file; got {type(out).__name__}.")
        self.out = Path(out).expanduser() if isinstance(out, (str, os.PathLike)) else out
        self.outcomes = SparseOutcomes()
        self._columns = columns_of(schema)
        self._types = _types(schema, self._columns)
        if ERROR in self._types:
            raise ParameterError(f"The column {ERROR!r} holds why a row has no answer: rename that of the schema.")
        taken = {str(column) for column in source.columns} & {*self._types, ERROR}
        if taken:
            raise ParameterError(f"The rows and the answers both have a column {min(taken)!r}: rename one of them.")
        if isinstance(self.out, Path) and isinstance(source.native, Path) and self.out == source.native:
            raise ParameterError(f"{self.out.name} has the rows themselves: give another name for those with answers.")
        self._rows = _Reader(source)
        self._waiting: dict[int, Outcome] = {}
        self._ended: Counter[int] = Counter()
        self._written = 0
        self.too_large = 0
        """The number of values that the column of the reasons has instead of their own."""
        self._writer: Any = None
        self._failed = False
        self._part = _Part(self.out) if isinstance(self.out, Path) else None

    def has_room(self, read: int) -> bool:
        """Whether another row may be read, after so many."""
        return read - self._written < WINDOW

    def put(self, position: int, outcome: Outcome) -> bool:
        """Take the outcome of a row, and write what is complete; return whether it is the first of it."""
        if position in self._waiting or position < self._written:
            return False
        self._waiting[position] = outcome
        self.outcomes.add(position, outcome)
        self._ended[position // WRITTEN_AT_ONCE] += 1
        while not self._failed and self._ended[self._written // WRITTEN_AT_ONCE] == WRITTEN_AT_ONCE:
            del self._ended[self._written // WRITTEN_AT_ONCE]
            self._write(WRITTEN_AT_ONCE)
        return True

    def close(self) -> Any:
        """Write the rest, and return where the file is."""
        if self._waiting or self._writer is None:
            self._write(len(self._waiting))
        with self._writing():
            self._writer.close()
            if self._part is not None:
                self._part.finish(self.out)
        return self.out

    def discard(self) -> None:
        """End it; what is not a whole file is removed."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
        if self._part is not None:
            self._part.remove()

    def _write(self, count: int) -> None:
        import pyarrow

        outcomes = [self._waiting.pop(position) for position in range(self._written, self._written + count)]
        with self._writing():
            table, reasons = self._rows.take(count), [one.reason for one in outcomes]
            for name, kind in self._types.items():
                given = [_given(outcome.value, name if self._columns else None) for outcome in outcomes]
                for place in [place for place, value in enumerate(given) if not _fits(value, kind)]:
                    reasons[place] = f"{name} is {shown(given[place])}, too large for the file's column."
                    given[place] = None
                    self.too_large += 1
                table = table.append_column(name, pyarrow.array([_value(value, kind) for value in given], kind))
            table = table.append_column(ERROR, pyarrow.array(reasons, pyarrow.string()))
            if self._writer is None:
                fields = [_known(field) for field in table.schema]
                target = self.out if self._part is None else self._part.path
                self._writer = parquet().ParquetWriter(target, pyarrow.schema(fields))
            self._writer.write_table(table.cast(self._writer.schema))
        self._written += count

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise ConfigError or PromptError for what fails; nothing is written after that."""
        import pyarrow

        try:
            yield
        except OSError as error:
            self._failed = True
            reason = os.strerror(error.errno) if error.errno else error
            raise ConfigError(f"{self.out} can't be written: {reason}.") from None
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError, ValueError) as error:
            self._failed = True
            raise PromptError(f"The rows can't be written to one Parquet file: {str(error).splitlines()[0]}.") from None


class _Part:
    """The unfinished file beside `out`, which no other run writes meanwhile; a killed run's is used again.

    Raises ParameterError and ConfigError.
    """

    def __init__(self, out: Path) -> None:
        if not is_file(str(out)):
            raise ParameterError(
                f"The answers are written as Parquet: give a name that ends in .parquet; got {out.name!r}."
            )
        self.path = out.with_name(f"{out.name}.part")
        self._finished = False
        try:
            if out.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._file = self.path.open("ab")
        except (OSError, ValueError) as error:  # ValueError: the system can't have a file of this name
            raise ConfigError(
                f"{out} can't be written: {getattr(error, 'strerror', error)}. Nothing was sent."
            ) from None
        if not _lock(self._file):
            self._file.close()
            raise ConfigError(f"{out} is being written by another run. Nothing was sent.")

    def finish(self, out: Path) -> None:
        """Give it its name."""
        self.path.replace(out)
        self._finished = True

    def remove(self) -> None:
        """Remove it, unless it is finished, and let other runs write it."""
        with contextlib.suppress(OSError):
            if not self._finished:
                self.path.unlink()
        self._file.close()


def _lock(file: BinaryIO) -> bool:
    """Lock a file for as long as it is open; return False if another process has."""
    try:
        import fcntl
    except ImportError:  # Windows has no two writers of a file, and renames none that is open
        file.close()
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


class _Reader:
    """The rows of a source once more, as Arrow tables, in step with the answers."""

    def __init__(self, source: Source) -> None:
        import pyarrow

        self._pieces = source.tables(WRITTEN_AT_ONCE)
        self._buffer: Any = None
        self._arrow = pyarrow

    def take(self, count: int) -> Any:
        """Return the next rows as a table."""
        pieces = [] if self._buffer is None else [self._buffer]
        while sum(map(len, pieces)) < count:
            pieces.append(next(self._pieces))
        if not pieces:
            return next(self._pieces, self._arrow.table({}))
        table = self._arrow.concat_tables(pieces, promote_options="default") if len(pieces) > 1 else pieces[0]
        self._buffer = table.slice(count)
        return table.slice(0, count)


def _types(schema: Schema | None, columns: Sequence[str]) -> dict[str, Any]:
    """Return the columns of answers with their Arrow types."""
    import pyarrow

    if schema is None:
        return {NAME: pyarrow.string()}
    properties: Mapping[str, Any] = schema.json_schema.get("properties", {})
    dates = not isinstance(schema.converter, Given)  # of a JSON schema the values stay JSON, and dates text
    if not columns:
        return {NAME: _type(properties.get(schema.wrapped or "", {}), dates=dates)}
    return {name: _type(properties.get(name, {}), dates=dates) for name in columns}


def _type(schema: Mapping[str, Any], *, dates: bool) -> Any:
    """Return the Arrow type of a JSON schema; text for what Arrow has no simple type for."""
    import pyarrow

    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        return _type(options[0], dates=dates)
    if dates and schema.get("format") == "date":
        return pyarrow.date32()
    simple = {"integer": pyarrow.int64(), "number": pyarrow.float64(), "boolean": pyarrow.bool_()}
    return simple.get(str(schema.get("type")), pyarrow.string())


def _given(value: Any, name: str | None) -> Any:
    """Return the column of this name of an answer; None = the answer itself."""
    return value if value is None or name is None else (record_of(value) or {}).get(name)


def _fits(value: Any, kind: Any) -> bool:
    """Whether a column of this Arrow type can hold the value."""
    if value is None or str(kind) not in ("int64", "double"):
        return True
    return bool(-(2**63) <= value < 2**63 if str(kind) == "int64" else abs(value) <= sys.float_info.max)


def _value(value: Any, kind: Any) -> Any:
    """Return a value as Arrow stores it in a column of this type."""
    if value is None:
        return None
    return float(value) if str(kind) == "double" else as_text(value) if str(kind) == "string" else value


def _known(field: Any) -> Any:
    """Return a column's field; one that is empty so far becomes text."""
    import pyarrow

    return field.with_type(pyarrow.string()) if pyarrow.types.is_null(field.type) else field
