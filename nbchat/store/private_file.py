"""Files that hold conversations: their owner's alone, and whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_private"]


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, in one step: whoever looks finds the old one or the new one, whole.

    A link is not followed: what it points to may be another's. Raises OSError.
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
