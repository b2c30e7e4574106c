"""`nbchat.private` for notebooks: the returned frame is not displayed as the cell's value."""

from __future__ import annotations

import ast
import sys
from collections.abc import Hashable
from typing import Any, TypeVar

from nbchat.data.privacy import private_columns as marks

__all__ = ["private"]

Frame = TypeVar("Frame")


def private(frame: Frame, *columns: Hashable) -> Frame:
    """Mark columns of a data frame private and return the frame; a Series needs no column names.

    Descriptions of the frame then omit these columns, and messages that contain any of their values are refused. A cell
    that ends in this call shows no rows. Raises PromptError if it is not a data frame or lacks a column.
    """
    global _given  # the last frame marked in the running cell
    marks.private(frame, *columns)
    if (shell := _shell()) is not None:
        formatter = shell.display_formatter.ipython_display_formatter
        if type(frame) not in formatter.type_printers:
            formatter.for_type(type(frame), _show_nothing)
        _given = id(frame)
    return frame


_given: int | None = None


def _show_nothing(value: Any) -> None:
    """Suppress the display of a frame returned by a final `private(…)`."""
    global _given
    if id(value) != _given or not _ends_in_call(_shell()):
        raise NotImplementedError  # fall through to IPython's usual display
    _given = None


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _ends_in_call(shell: Any) -> bool:
    """Whether the running cell's last statement is just a call of `private`."""
    try:
        last = ast.parse(shell.history_manager.input_hist_parsed[-1]).body[-1]
    except (SyntaxError, ValueError, IndexError):
        return False
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return False
    called = last.value.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "private"
