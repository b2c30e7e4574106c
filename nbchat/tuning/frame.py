"""Rows as a data frame of whichever library is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from nbchat.values.errors import NbchatError

__all__ = ["data_frame"]


def data_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A pandas data frame, else a polars one. Numbers that are missing are missing there too. Raises NbchatError."""
    if find_spec("pandas"):
        import pandas as pd

        return pd.DataFrame(list(rows), columns=list(columns))
    if find_spec("polars"):
        import polars as pl

        data = {name: pl.Series(name, [row.get(name) for row in rows], strict=False) for name in columns}
        return pl.DataFrame(data)
    raise NbchatError("A data frame needs pandas or polars; install one (pip install pandas), or use table_rows().")
