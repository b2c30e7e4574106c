"""Handling of widget messages while a cell runs."""

from __future__ import annotations

from typing import Any

from ipywidgets import Widget

__all__ = ["answer_during_cells"]


def answer_during_cells(widget: Any) -> None:
    """Handle these widgets' events while a cell runs, as ipykernel 7.0 to 7.3 do by default.

    From 7.4 on a widget replies in the shell that published it last, which the running cell blocks. Front ends send
    widget messages to a separate subshell; this keeps the replies there. Other versions lack the method.
    """
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_sent  # noqa: SLF001  # there is no public way
    for child in getattr(widget, "children", ()):
        if isinstance(child, Widget):
            answer_during_cells(child)


def _as_sent(_data: Any, default: Any) -> Any:
    return default
