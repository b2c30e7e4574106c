"""Resolve `--each` and `--truth`: the rows or values that an expression of live variables gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbchat.cells.usage_error import UsageError
from nbchat.rows.parquet_source import is_file
from nbchat.values.key_shapes import without_keys
from nbchat.values.wording import nearest

__all__ = ["named_rows"]

LONGEST_REASON = 200
"""Most characters quoted of what an expression raised."""


def named_rows(text: str, namespace: dict[str, Any], flag: str = "--each") -> Any:
    """Return the value of a Python expression such as `df`, `df.comment` or `[1, 2]`, or the path of a Parquet file.

    Raises UsageError, which names the option.
    """
    text = text.strip()
    shown = without_keys(text)
    if _is_path(text, namespace):
        return Path(text).expanduser()
    try:
        code = compile(text, f"<{flag}>", "eval")
    except (SyntaxError, ValueError):
        raise UsageError(
            f"{flag} takes a data frame, a column, a list or another expression; got {shown!r}. One with spaces goes in"
            f' quotes: {flag} "df[df.year > 2020].comment".'
        ) from None
    try:
        return eval(code, namespace)  # noqa: S307  # the user's own expression, in the user's own kernel
    except NameError as error:
        hint = nearest(error.name or "", _candidates(namespace))
        raise UsageError(f"{flag} {shown}: there is no variable {error.name!r}.{hint}") from None
    except Exception as error:  # noqa: BLE001  # whatever the expression does
        reason = f"{type(error).__name__}: {without_keys(str(error))}"[:LONGEST_REASON]
        raise UsageError(f"{flag} {shown} could not be evaluated: {reason}") from None


def _is_path(text: str, namespace: Mapping[str, object]) -> bool:
    """Whether this is the name of a Parquet file rather than an expression of live variables."""
    if not is_file(text) or text.partition(".")[0] in namespace:
        return False
    try:
        return Path(text).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        return False


def _candidates(namespace: Mapping[str, object]) -> list[str]:
    """The variables that may hold rows."""
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_")
        and not callable(value)
        and (hasattr(value, "columns") or hasattr(value, "__iter__"))
    ]
