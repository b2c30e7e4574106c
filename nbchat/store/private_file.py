"""Write files that hold conversations: readable by their owner only, and atomically."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_private"]


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, atomically: a reader sees the old content or the new.

    Symbolic links are refused, since their target may be another user's file. Raises OSError.
    """
    if path.is_symlink():
        raise OSError(None, "it is a symbolic link; name the file itself")
    if path.is_dir():
        raise OSError(None, "it is a folder; name a file in it")
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)  # made with mode 0600
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
