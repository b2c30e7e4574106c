"""Results of libraries whose classes take no attributes: NumPy and pyarrow. `native` is the library's own object."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbchat.rows.results.details import Details, Mapped, with_summary

__all__ = ["MappedNative", "arrow_column", "arrow_table", "as_text", "numpy_array"]


class MappedNative(Mapped):
    """The answers as an array or table of the input's library; missing where a row has none.

    NumPy and pandas take it as an array, pyarrow takes `native`.
    """

    def __init__(self, native: Any, details: Details) -> None:
        self.native = native
        self.details = details

    def __len__(self) -> int:
        return len(self.native)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.native.to_pylist() if hasattr(self.native, "to_pylist") else self.native)

    def __getitem__(self, place: Any) -> Any:
        return self.native[place]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # NumPy's protocol
        array = self.native.to_numpy() if hasattr(self.native, "to_numpy") else self.native
        return array if dtype is None else array.astype(dtype)

    def __repr__(self) -> str:
        return with_summary(repr(self.native), self)


def numpy_array(values: Sequence[Any], details: Details) -> MappedNative:
    """Return the values as a NumPy array; of objects if some are missing or of different types."""
    numpy = sys.modules["numpy"]
    kinds = {type(value) for value in values}
    simple = len(kinds) == 1 and kinds <= {int, float, bool, str}
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return MappedNative(numpy.array(values) if simple else array, details)


def arrow_column(values: Sequence[Any], details: Details) -> MappedNative:
    """Return the values as a chunked array."""
    return MappedNative(sys.modules["pyarrow"].chunked_array([_array(values)]), details)


def arrow_table(columns: Mapping[str, Sequence[Any]], details: Details) -> MappedNative:
    """Return the columns as a table."""
    arrays = {name: _array(values) for name, values in columns.items()}
    return MappedNative(sys.modules["pyarrow"].table(arrays), details)


def _array(values: Sequence[Any]) -> Any:
    """Return the values as an array, of texts if Arrow has no type for all of them."""
    pyarrow = sys.modules["pyarrow"]
    if all(value is None for value in values):
        return pyarrow.array(values, pyarrow.string())
    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowException, OverflowError):
        return pyarrow.array([None if value is None else as_text(value) for value in values])


def as_text(value: Any) -> str:
    """Return a value as a column of texts has it: text as it is, dates and times as ISO 8601, anything else as JSON."""
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
