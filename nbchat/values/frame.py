"""Convert rows to a data frame of whichever library is installed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from nbchat.values.errors import NbchatError

__all__ = ["data_frame"]


def data_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], numbers: Collection[str]) -> Any:
    """Return a pandas data frame, else a polars one. Columns named in `numbers` are floats even if values are missing.

    Raises NbchatError if neither library is installed.
    """
    if find_spec("pandas"):
        import pandas as pd

        frame = pd.DataFrame(list(rows), columns=list(columns))
        return frame.astype({name: "float64" for name in columns if name in numbers})
    if find_spec("polars"):
        import polars as pl

        kinds = {name: pl.Float64 if name in numbers else None for name in columns}
        return pl.DataFrame(
            [pl.Series(name, [row.get(name) for row in rows], kind, strict=False) for name, kind in kinds.items()]
        )
    raise NbchatError("A data frame needs pandas or polars; install one (pip install pandas), or use table_rows().")
