"""Describe arrays of NumPy and libraries that follow it (xarray, PyTorch, JAX …) on the privacy ladder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from nbchat.data.description import ASKED, DESCRIBED, Description, missing, room, shorten
from nbchat.data.privacy.ladder import Rung, mask
from nbchat.data.tables.column_stats import phrase
from nbchat.data.tables.frames import plain
from nbchat.values.errors import PromptError
from nbchat.values.wording import pluralize

__all__ = ["array_headline", "describe_array", "is_array", "is_scalar"]

LOOKED_AT = 1_000_000
"""Missing values of up to this many elements are counted exactly; of larger arrays, about this many are sampled."""

SUMMARISED = 100_000
"""Most elements used for statistics."""


def is_scalar(value: object) -> bool:
    """Whether a value is one of NumPy's scalars."""
    return "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic)


def is_array(value: object) -> bool:
    """Whether a value is a NumPy array, or has a shape and dtype and converts to one."""
    kind = type(value)
    if is_scalar(value) or isinstance(value, type):
        return False
    if _is_xarray(value):
        return True
    return all(hasattr(kind, name) for name in ("shape", "dtype", "__array__"))


def _is_xarray(value: object) -> bool:
    return "xarray" in sys.modules and isinstance(
        value, (sys.modules["xarray"].DataArray, sys.modules["xarray"].Dataset, sys.modules["xarray"].Variable)
    )


def describe_array(value: Any, spec: str = "", *, budget: int | None = None, name: str = "") -> Description:
    """Describe an array at the rung that `spec` names. Raises PromptError for an unknown rung.

    The lowest rung shows shape, dtype and missing values; ranges start at `:stats`. Rows run along the first dimension.
    """
    rung = Rung.parse(spec, name)
    top = array_headline(value, name)
    if _is_xarray(value) and not hasattr(value, "dtype"):
        return _dataset(value, rung, top, room(budget))
    lines = [top, *_coordinates(value, rung)]
    if rung.name in ("schema", "stats"):
        lines[0] += _missing(value)
        if rung.name == "stats":
            lines.insert(1, _statistics(value))
        text, cut = shorten("\n".join(filter(None, lines)), room(budget))
        return Description(
            text, f"{'statistics' if rung.name == 'stats' else 'schema'} of an array", rung.name, cut=cut
        )
    return _rows(_numpy(value), rung, "\n".join(lines), room(budget, DESCRIBED if rung.name == "sample" else ASKED))


def array_headline(value: Any, name: str = "") -> str:
    """Return one line: library, shape and dtype."""
    kind = f"{type(value).__module__.partition('.')[0]} {type(value).__name__}"
    before = f"{name}: " if name else ""
    dims = getattr(value, "dims", None)
    if _is_xarray(value):
        sizes = ", ".join(f"{dim}: {size:,}" for dim, size in dict(value.sizes).items())
        dtype = f", {value.dtype}" if hasattr(value, "dtype") else ""
        return f"{before}{kind}, dimensions ({sizes if dims else ''}){dtype}"
    return f"{before}{kind}, shape {tuple(value.shape)}, {value.dtype}"


def _numpy(value: Any) -> Any:
    """Convert to NumPy; only for arrays already in this process's memory, or explicitly requested."""
    import numpy as np

    try:
        detached = value.detach().cpu() if hasattr(type(value), "detach") else value
        return detached if isinstance(detached, np.ndarray) else np.asarray(detached)
    except Exception as error:
        raise PromptError(f"The values of this {type(value).__name__} can't be read: {error}") from error


def in_memory(value: Any) -> Any | None:
    """Return the NumPy array behind a value if reading it computes and loads nothing; else None."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return value
    variable = getattr(value, "variable", value)
    return value.values if _is_xarray(value) and getattr(variable, "_in_memory", False) else None


def spread(array: Any, most: int) -> Any:
    """Return a view of about `most` elements at most, evenly spaced along the longest dimension."""
    if array.size <= most:
        return array
    longest = max(range(array.ndim), key=lambda axis: array.shape[axis])
    step = -(-array.size // most)
    return array[tuple(slice(None, None, step if axis == longest else None) for axis in range(array.ndim))]


def _missing(value: Any) -> str:
    """`, 3 missing`: NaN, NaT, None or masked; "" if there are none or counting would trigger a computation."""
    import numpy as np

    array = in_memory(value)
    if array is None or array.dtype.kind not in "fcmMO":
        return ""
    sample = spread(array, LOOKED_AT if array.dtype.kind != "O" else LOOKED_AT // 16)
    if isinstance(array, np.ma.MaskedArray):
        number = int(np.ma.getmaskarray(sample).sum())
    elif array.dtype.kind == "O":
        number = sum(map(missing, sample.ravel().tolist()))
    else:
        number = int(np.isnan(sample).sum()) if array.dtype.kind in "fc" else int(np.isnat(sample).sum())
    if sample.size == array.size:
        return f", {number:,} missing" if number else ""
    return f", about {100 * number / sample.size:.2g}% missing (counted in {sample.size:,} evenly spaced elements)"


def _statistics(value: Any) -> str:
    array = _numpy(value)
    sample = spread(array, SUMMARISED)
    statistics = phrase(sample.ravel().tolist())
    if not statistics:
        return ""
    basis = f" (of {sample.size:,} evenly spaced elements)" if sample.size < array.size else ""
    return f"values: {statistics}{basis}"


def _coordinates(value: Any, rung: Rung) -> list[str]:
    """Describe the coordinates of an xarray array: dtypes, and from `:stats` on their ranges."""
    lines = []
    for name, coordinate in getattr(value, "coords", {}).items():
        statistics = ""
        if rung.name == "stats" and coordinate.dtype.kind not in "OUS":
            statistics = f", {_statistics(coordinate).removeprefix('values: ')}"
        lines.append(f"- coordinate {name}: {coordinate.dtype}{statistics}")
    return lines


def _dataset(value: Any, rung: Rung, top: str, chars: int) -> Description:
    """Describe an xarray Dataset: each variable as an array."""
    if rung.name not in ("schema", "stats"):
        raise PromptError(f"A Dataset has no rows: use one of its variables for {rung.name}, or use stats.")
    lines = [top, *_coordinates(value, rung)]
    for name, variable in value.data_vars.items():
        dims = ", ".join(map(str, variable.dims))
        statistics = _statistics(variable) if rung.name == "stats" else ""
        lines.append(
            f"- {name} ({dims}): {variable.dtype}{_missing(variable)}{', ' + statistics if statistics else ''}"
        )
    text, cut = shorten("\n".join(lines), chars)
    return Description(text, f"schema of {pluralize(len(value.data_vars), 'variable')}", rung.name, cut=cut)


def _rows(array: Any, rung: Rung, top: str, chars: int) -> Description:
    """The first rows, or evenly spaced rows masked, along the first dimension, one to a line."""
    length = array.shape[0] if array.ndim else 1
    wanted = length if rung.rows is None else min(rung.rows, length)
    step = max(length // wanted, 1) if rung.name == "sample" and wanted else 1
    kind = "masked row" if rung.name == "sample" else "row"
    top, cut = shorten(f"{top}\n{pluralize(wanted, kind)} of {length:,}:", chars // 2)
    left = chars - len(top) - len(f"\n[cut: {wanted:,} of {wanted:,} rows fit]")
    lines: list[str] = []
    for line in _lines(array, range(0, wanted * step, step), rung.name == "sample", left):
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line)
    shown = len(lines)
    if shown < wanted:
        lines.append(f"[cut: {shown:,} of {pluralize(wanted, 'row')} fit]")
    label = f"{pluralize(shown, kind)} of an array"
    return Description("\n".join([top, *lines]), label, rung.name, cut=cut or shown < wanted)


def _lines(array: Any, rows: range, masked: bool, chars: int) -> Iterator[str]:
    show = mask if masked else plain
    for row in rows:
        item = array[row] if array.ndim else array
        if getattr(item, "size", 1) > chars:
            return
        values = item.ravel().tolist() if hasattr(item, "ravel") else [item]
        yield ", ".join(map(show, values)) if getattr(item, "ndim", 0) < 2 or masked else str(item.tolist())
