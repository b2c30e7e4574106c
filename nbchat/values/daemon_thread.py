"""Threads in the background, and the one sentence where there can be none."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbchat.values.errors import ConfigError

__all__ = ["require_threads", "start_daemon"]


def start_daemon(target: Callable[..., object], *args: object, name: str) -> threading.Thread:
    """Start a daemon thread and return it.

    Raises ConfigError where none can be started: in Pyodide (JupyterLite), or at the system's limit.
    """
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise ConfigError(
            f"nbchat works in background threads, and this Python can't start one ({error});"
            " in the browser (Pyodide, JupyterLite) it never can. Use a kernel with threads."
        ) from None
    return thread


def require_threads() -> None:
    """Raise ConfigError where `start_daemon` would."""
    start_daemon(int, name="nbchat-check").join()
