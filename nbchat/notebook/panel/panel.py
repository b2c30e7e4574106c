"""The panel: a session as widgets."""

from __future__ import annotations

from ipywidgets import VBox

from nbchat.session.session import Session

__all__ = ["Panel"]


class Panel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A session as widgets."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
