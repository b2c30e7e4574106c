"""A short hash of a value, the same in every process, to detect that an answer's data has changed.

Cheap rather than complete: a large frame or array is hashed by its shape, types and evenly spaced rows, a container by
its first items. Changes elsewhere go unnoticed; there are no false alarms.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

from nbchat.data import arrays
from nbchat.data.containers import is_container, items_of
from nbchat.data.description import STOPS, failed_line
from nbchat.data.objects import one_line_repr
from nbchat.data.tables.table import Table, table_of

__all__ = ["fingerprint"]

ROWS = 32
"""Most rows of a frame or array that are hashed: evenly spaced, including the last."""

COLUMNS = 64
"""Most columns of a frame whose cells are hashed."""

ITEMS = 1_000
"""Most items of a container that are hashed."""

DEPTH = 4


def fingerprint(value: object) -> str:
    """Return the hash of a value: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for part in _parts(value, DEPTH):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _parts(value: object, depth: int) -> Iterator[str]:
    try:
        yield from _own_parts(value, depth)
    except STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - a value that can't be inspected is hashed by its class
        yield failed_line(value, error)


def _own_parts(value: object, depth: int) -> Iterator[str]:
    yield type(value).__name__
    table = table_of(value)
    if isinstance(value, str):
        yield value
    elif table is not None:
        yield from _table(table)
    elif arrays.is_array(value):
        yield from _array(value)
    elif is_container(value) and depth:
        yield str(len(value))  # type: ignore[arg-type]  # a container
        items = items_of(value)
        for item in itertools.islice(items, ITEMS):
            yield from _parts(item, depth - 1)
    elif isinstance(value, (bytes, bytearray)):
        yield hashlib.blake2b(value, digest_size=8).hexdigest()
    else:
        yield one_line_repr(value)


def _table(table: Table) -> Iterator[str]:
    yield f"{table.kind} {table.rows}"
    for field in [*table.labels, *table.fields]:
        yield f"{field.name!s} {field.dtype}"
    if table.rows:
        step = -(-table.rows // ROWS)
        rows = range((table.rows - 1) % step, table.rows, step)
        for row in table.cells(rows, range(len(table.fields))[:COLUMNS]):
            yield repr(row)


def _array(value: object) -> Iterator[str]:
    yield arrays.array_headline(value)
    array = arrays.in_memory(value)
    if array is None:
        return
    if array.ndim:
        yield repr(arrays.spread(array, ROWS * COLUMNS).ravel().tolist())
        yield repr(array[-1].ravel()[:COLUMNS].tolist() if array.ndim > 1 and len(array) else "")
    else:
        yield repr(array.item() if hasattr(array, "item") else array)
