"""`%%chat --each --background`: the rows are asked while the kernel stays free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbchat.frontend import Session
from nbchat.magics.background import BackgroundCell, pinned_canvas
from nbchat.views.watched_rows import watched_rows

__all__ = ["BackgroundRows", "start"]


class BackgroundRows(BackgroundCell):
    """Rows that are being asked in the background."""

    _progress = "not begun"
    result: Any = None
    """The result, once there is one; None = not yet."""

    def __repr__(self) -> str:
        return f"<BackgroundRows: {'over' if self.done else self._progress}>"

    def keep(self, result: Any) -> None:
        """Keep the result, complete or not."""
        self.result = result
        self.replace(result)

    def note(self, progress: Any) -> None:
        """Keep how far it is."""
        of = "" if progress.total is None else f" of {progress.total:,}"
        self._progress = f"{progress.done:,}{of} rows"


def start(shell: Any, session: Session, data: Any, template: str, options: Mapping[str, Any]) -> None:
    """Ask in a separate thread and show progress and result in the cell that is running now.

    Raises ConfigError where that is impossible: see `pinned_canvas`. Later failures are shown in the cell.
    """
    canvas = pinned_canvas(shell)
    rows = BackgroundRows(shell, options.get("name"), session.stop)
    given = {"display": True, "canvas": canvas, "keep": rows.keep, "on_progress": rows.note, **options}
    rows.run(lambda: watched_rows(session, data, template, **given), canvas)
