"""Paths of the journal (in the user's data directory, or as `NBCHAT_STORE` says) and of the current notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["OFF", "VARIABLE", "is_wanted", "journal_path", "notebook_path"]

VARIABLE = "NBCHAT_STORE"

OFF = frozenset({"off", "none", "no", "false", "0"})
"""Values of `NBCHAT_STORE` that turn the journal off."""

FILE = "nbchat.sqlite"


def is_wanted(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the user wants a journal."""
    return env.get(VARIABLE, "").strip().lower() not in OFF


def journal_path(env: Mapping[str, str] = os.environ) -> Path | None:
    """Return the journal's file; None = turned off. A directory stands for the file `nbchat.sqlite` in it."""
    named = env.get(VARIABLE, "").strip()
    if not is_wanted(env):
        return None
    if not named:
        import platformdirs

        return Path(platformdirs.user_data_dir("nbchat", appauthor=False)) / FILE
    try:
        path = Path(named).expanduser()
    except RuntimeError:  # no home directory
        path = Path(named)
    return (path / FILE if path.is_dir() else path).absolute()


def notebook_path(env: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of this kernel's notebook; None = unknown.

    Jupyter's server sets `JPY_SESSION_NAME`; `NBCHAT_NOTEBOOK` overrides it.
    """
    named = env.get("NBCHAT_NOTEBOOK", "").strip() or env.get("JPY_SESSION_NAME", "").strip()
    return str(Path(named).absolute()) if named.endswith(".ipynb") else None
