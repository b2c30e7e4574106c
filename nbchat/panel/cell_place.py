"""The cell that shows a panel: the last one only, because running a cell again removes its panel from the page."""

from __future__ import annotations

from typing import Any, Protocol

from nbchat.display.kernel import running_cell_id

__all__ = ["CellPlace"]


class _Panel(Protocol):
    def close(self) -> None: ...

    def refresh(self, *_event: Any) -> None: ...


_shown: dict[str, _Panel] = {}
"""The last panel of each cell; without cell ids, of each session."""


class CellPlace:
    """The cells of one panel, which is refreshed after each cell that runs once it has one."""

    def __init__(self, panel: _Panel) -> None:
        self._panel = panel
        self._shell: Any = None

    def take(self, shell: Any, session: str) -> None:
        """Show the panel in the running cell, and close the one that it showed before."""
        place = running_cell_id(shell) or f"session {session}"
        if (old := _shown.get(place)) is not None and old is not self._panel:
            old.close()
        _shown[place] = self._panel
        if self._shell is None:
            self._shell = shell
            shell.events.register("post_run_cell", self._panel.refresh)

    def leave(self) -> None:
        """Leave all cells, and be refreshed no more. Idempotent."""
        for place in [place for place, panel in _shown.items() if panel is self._panel]:
            del _shown[place]
        shell, self._shell = self._shell, None
        if shell is not None:
            shell.events.unregister("post_run_cell", self._panel.refresh)
