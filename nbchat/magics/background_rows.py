"""`%%chat --each --background`: the rows are asked while the kernel stays free."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from nbchat.display import chrome
from nbchat.frontend import Session
from nbchat.magics import background
from nbchat.values.errors import ConfigError, Interrupted, NbchatError
from nbchat.values.threads import start_daemon
from nbchat.views.watched_rows import watched_rows

__all__ = ["BackgroundRows", "start"]


class BackgroundRows:
    """Rows that are being asked in the background. At the end the result replaces it under the cell's name."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done = threading.Event()
        self._progress = "not begun"
        self.result: Any = None
        """The result, once there is one; None = not yet."""

    @property
    def done(self) -> bool:
        """Whether it has ended, successfully or not."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, for at most `timeout` seconds (None = no limit); return whether it was reached."""
        return self._done.wait(timeout)

    def stop(self) -> None:
        """Stop asking; the answers so far are kept."""
        self._session.stop()

    def __repr__(self) -> str:
        return f"<BackgroundRows: {'over' if self.done else self._progress}>"


def start(shell: Any, session: Session, data: Any, template: str, options: Mapping[str, Any]) -> None:
    """Ask in a separate thread and show progress and result in the cell that is running now.

    Raises ConfigError where that is impossible: see `pinned_canvas`. Later failures are shown in the cell.
    """
    canvas, name = background.pinned_canvas(shell), options.get("name")
    coming = BackgroundRows(session)
    if name:
        shell.user_ns[name] = coming

    def keep(result: Any) -> None:
        coming.result = result
        if name and shell.user_ns.get(name) is coming:
            shell.user_ns[name] = result

    def note(progress: Any) -> None:
        of = "" if progress.total is None else f" of {progress.total:,}"
        coming._progress = f"{progress.done:,}{of} rows"  # noqa: SLF001  # this module's own

    def work() -> None:
        try:
            watched_rows(session, data, template, display=True, canvas=canvas, keep=keep, on_progress=note, **options)
        except (NbchatError, Interrupted) as failure:
            canvas.show(chrome.line(f"{type(failure).__name__}: {failure}"))
        finally:
            coming._done.set()  # noqa: SLF001  # this module's own
            background.leave(coming)

    background.enter(coming)
    try:
        start_daemon(work, name="nbchat-background")
    except ConfigError:
        background.leave(coming)
        raise
