"""The last failing cell: its source, the end of its traceback, and its variables."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from types import FrameType, ModuleType, TracebackType
from typing import Any

from msgspec import Struct

from nbchat.values.errors import PromptError

__all__ = ["Failure", "last_failure", "last_source"]

LAST_LINES = 25
"""Traceback lines sent, counted from its end."""

MOST_VARIABLES = 30
"""Most variables described."""


MOST_CELLS = 200
"""Number of previous cells searched for the failing one."""


class Failure(Struct, frozen=True):
    """A failed cell. `variables` has one line for each variable: its type and shape, no value."""

    source: str
    traceback: str
    variables: tuple[str, ...]


def last_failure(shell: Any) -> Failure:
    """Return the last error raised by a cell. Raises PromptError if there was none."""
    error: BaseException | None = getattr(sys, "last_value", None)
    if error is None:
        raise PromptError("No cell has failed yet: there is nothing to fix.")
    frames = _user_frames(sys.last_traceback if hasattr(sys, "last_traceback") else None)
    source = _source_of(frames, shell)
    report = traceback.TracebackException(type(error), error, frames[0] if frames else None)
    report.stack = traceback.StackSummary.from_list([step for step in report.stack if not _is_translation(step)])
    lines = "".join(report.format()).rstrip().split("\n")
    variables = _variables(frames[-1].tb_frame, source) if frames else ()
    return Failure(source, "\n".join(lines[-LAST_LINES:]), variables)


def last_source(shell: Any) -> str:
    """Return the source of the previous cell that is not a `%chat` line. Raises PromptError if there is none."""
    for source in reversed(_typed(shell)[:-1]):
        if source.strip() and not source.lstrip().startswith(("%chat", "%%chat")):
            return source
    raise PromptError("There is no earlier cell to explain or document.")


def _typed(shell: Any) -> list[str]:
    """Return this kernel's cells as typed, before IPython's translation; the current one last."""
    return [str(source) for source in shell.history_manager.input_hist_raw]


def _user_frames(trace: TracebackType | None) -> list[TracebackType]:
    """Return the traceback's frames from the cell on, without IPython's own above it."""
    steps = []
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    first = next((i for i, step in enumerate(steps) if _is_cell(step.tb_frame)), len(steps))
    return [step for step in steps[first:] if _is_cell(step.tb_frame)]


def _is_cell(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return "ipykernel_" in name or "ipython-input" in name or name.startswith(("<ipython", "<timed "))


def _is_translation(step: traceback.FrameSummary) -> bool:
    """Whether a frame is IPython's, or a line that IPython substituted for a magic."""
    return "/IPython/" in step.filename.replace("\\", "/") or "get_ipython().run_" in (step.line or "")


def _source_of(frames: list[TracebackType], shell: Any) -> str:
    """Return the failing cell as typed: the one whose translation the first frame ran, else the previous one."""
    ran = "".join(linecache.getlines(frames[0].tb_frame.f_code.co_filename)).rstrip("\n") if frames else ""
    for source in reversed(_typed(shell)[-MOST_CELLS:]) if ran else ():
        if source.rstrip("\n") == ran or _translated(shell, source) == ran:
            return source
    return ran or last_source(shell)


def _translated(shell: Any, source: str) -> str:
    try:
        return str(shell.transform_cell(source)).rstrip("\n")
    except Exception:  # noqa: BLE001  # then it never ran; anyone's input transformer may raise anything
        return ""


def _variables(frame: FrameType, source: str) -> tuple[str, ...]:
    """Return the variables named in the failing code, from the failing frame."""
    found = {**frame.f_globals, **frame.f_locals} if frame.f_locals is not frame.f_globals else frame.f_globals
    names = [name for name in found if not name.startswith("_") and re.search(rf"\b{re.escape(name)}\b", source)]
    kept = [name for name in names if not issubclass(type(found[name]), ModuleType) and not callable(found[name])]
    lines = [f"- {name}: {_described(found[name])}" for name in kept[:MOST_VARIABLES]]
    return (*lines, f"- and {len(kept) - MOST_VARIABLES} more") if len(kept) > MOST_VARIABLES else tuple(lines)


def _described(value: object) -> str:
    """Describe a value without its contents; if its own methods raise, only by its type."""
    try:
        return _shape(value)
    except Exception as error:  # noqa: BLE001  # a value's own methods may raise anything
        return f"{type(value).__name__}, which raises {type(error).__name__} when inspected"


def _shape(value: object) -> str:
    """Describe a value's shape: a frame's schema, an array's shape, a container's length."""
    kind = type(value).__name__
    if hasattr(value, "dtypes") or hasattr(value, "schema"):
        from nbchat.data.describe import describe

        return describe(value).text.replace("\n", "\n  ")
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{kind}, shape {value.shape}, dtype {value.dtype}"
    if isinstance(value, dict):
        keys = ", ".join(repr(key) for key in list(value)[:12])
        return f"{kind} of {len(value)} items, keys {keys}" + (" …" if len(value) > 12 else "")
    if isinstance(value, (list, tuple, set, frozenset)):
        kinds = sorted({type(item).__name__ for item in list(value)[:100]})
        return f"{kind} of {len(value)} items ({', '.join(kinds)})"
    return f"{kind} of {len(value)} characters" if isinstance(value, (str, bytes)) else kind
