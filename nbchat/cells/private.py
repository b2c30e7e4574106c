"""`nbchat.private` for a notebook: the frame that it gives back is not shown as its cell's value."""

from __future__ import annotations

import ast
import sys
from collections.abc import Hashable
from typing import Any, TypeVar

from nbchat.data import private as marks

__all__ = ["private"]

Frame = TypeVar("Frame")


def private(frame: Frame, *columns: Hashable) -> Frame:
    """Mark columns of a frame private, and give the frame back. Of a single column (a Series), no name is needed.

    From then on no description of the frame shows them, and a message that holds one of their values is refused. A cell
    that ends in this call shows no rows. Raises PromptError where it is no data frame, or has no such column.
    """
    global _given  # what the running cell was given last
    marks.private(frame, *columns)
    if (shell := _shell()) is not None:
        formatter = shell.display_formatter.ipython_display_formatter
        if type(frame) not in formatter.type_printers:
            formatter.for_type(type(frame), _show_nothing)
        _given = id(frame)
    return frame


_given: int | None = None


def _show_nothing(value: Any) -> None:
    """Take a frame for shown where it is the value of a cell that ends in `private(…)`."""
    global _given
    if id(value) != _given or not _ends_in_call(_shell()):
        raise NotImplementedError  # IPython goes on with its usual ways
    _given = None


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _ends_in_call(shell: Any) -> bool:
    """Whether the last statement of the running cell is a call of `private` alone."""
    try:
        last = ast.parse(shell.history_manager.input_hist_parsed[-1]).body[-1]
    except (SyntaxError, ValueError, IndexError):
        return False
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return False
    called = last.value.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "private"
