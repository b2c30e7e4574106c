"""The check of a file that a user names, before it is read."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

__all__ = ["regular"]


def regular(path: Path) -> Path:
    """Return the path. Raises OSError for a missing file, and for a pipe or a device, which may never end."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder says what it is
        raise OSError(errno.EINVAL, "it is a pipe or a device")
    return path
