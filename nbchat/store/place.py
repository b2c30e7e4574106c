"""Where the journal is: the user's data directory, or what `NBCHAT_STORE` names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["OFF", "VARIABLE", "journal_path"]

VARIABLE = "NBCHAT_STORE"

OFF = frozenset({"off", "none", "no", "false", "0"})
"""Values of the variable that mean: keep nothing."""

FILE = "nbchat.sqlite"


def journal_path(env: Mapping[str, str] = os.environ) -> Path | None:
    """The journal's file; None = the user wants none. A directory stands for the file `nbchat.sqlite` in it."""
    named = env.get(VARIABLE, "").strip()
    if named.lower() in OFF:
        return None
    if not named:
        import platformdirs

        return Path(platformdirs.user_data_dir("nbchat", appauthor=False)) / FILE
    try:
        path = Path(named).expanduser()
    except RuntimeError:  # a home that nobody knows
        path = Path(named)
    return (path / FILE if path.is_dir() else path).absolute()
