"""Where things are: the journal (the user's data directory, or what `NBCHAT_STORE` names), and the notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["OFF", "VARIABLE", "is_wanted", "journal_path", "notebook_path"]

VARIABLE = "NBCHAT_STORE"

OFF = frozenset({"off", "none", "no", "false", "0"})
"""Values of the variable that mean: keep nothing."""

FILE = "nbchat.sqlite"


def is_wanted(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the user wants a journal."""
    return env.get(VARIABLE, "").strip().lower() not in OFF


def journal_path(env: Mapping[str, str] = os.environ) -> Path | None:
    """The journal's file; None = the user wants none. A directory stands for the file `nbchat.sqlite` in it."""
    named = env.get(VARIABLE, "").strip()
    if not is_wanted(env):
        return None
    if not named:
        import platformdirs

        return Path(platformdirs.user_data_dir("nbchat", appauthor=False)) / FILE
    try:
        path = Path(named).expanduser()
    except RuntimeError:  # a home that nobody knows
        path = Path(named)
    return (path / FILE if path.is_dir() else path).absolute()


def notebook_path(env: Mapping[str, str] = os.environ) -> str | None:
    """The notebook that this process is the kernel of, as its server told; None = nobody said.

    Jupyter's server sets `JPY_SESSION_NAME`. `NBCHAT_NOTEBOOK` says it for those who know better.
    """
    named = env.get("NBCHAT_NOTEBOOK", "").strip() or env.get("JPY_SESSION_NAME", "").strip()
    return str(Path(named).absolute()) if named.endswith(".ipynb") else None
