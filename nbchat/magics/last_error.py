"""The cell that failed last: its source, the end of its traceback, what its variables are."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from dataclasses import dataclass
from types import FrameType, ModuleType, TracebackType
from typing import Any

from nbchat.values.errors import PromptError

__all__ = ["Failure", "last_failure", "last_source"]

LAST_LINES = 25
"""Lines of the traceback's end that are sent."""

MOST_VARIABLES = 30
"""Variables that are described."""


MOST_CELLS = 200
"""Cells back to which the failing one is looked for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a failed cell. `variables` has one line for each: its type and shape, no value."""

    source: str
    traceback: str
    variables: tuple[str, ...]


def last_failure(shell: Any) -> Failure:
    """The last error that a cell raised. Raises PromptError where there was none."""
    error: BaseException | None = getattr(sys, "last_value", None)
    if error is None:
        raise PromptError("No cell has failed yet: there is nothing to fix.")
    frames = _user_frames(sys.last_traceback if hasattr(sys, "last_traceback") else None)
    source = _source_of(frames, shell)
    told = traceback.TracebackException(type(error), error, frames[0] if frames else None)
    told.stack = traceback.StackSummary.from_list([step for step in told.stack if not _is_translation(step)])
    lines = "".join(told.format()).rstrip().split("\n")
    variables = _variables(frames[-1].tb_frame, source) if frames else ()
    return Failure(source, "\n".join(lines[-LAST_LINES:]), variables)


def last_source(shell: Any) -> str:
    """The cell before this one that is no `%chat` line, as it was typed. Raises PromptError where there is none."""
    for source in reversed(_typed(shell)[:-1]):
        if source.strip() and not source.lstrip().startswith(("%chat", "%%chat")):
            return source
    raise PromptError("There is no cell before this one to speak of.")


def _typed(shell: Any) -> list[str]:
    """The cells of this kernel as they were typed, before IPython's translation; this one last."""
    return [str(source) for source in shell.history_manager.input_hist_raw]


def _user_frames(trace: TracebackType | None) -> list[TracebackType]:
    """The steps of a traceback from the cell on; those of IPython before it left out."""
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
    """Whether a step is IPython's own, or a line that IPython put in place of a magic."""
    return "/IPython/" in step.filename.replace("\\", "/") or "get_ipython().run_" in (step.line or "")


def _source_of(frames: list[TracebackType], shell: Any) -> str:
    """The failing cell as it was typed: the one whose translation its first frame ran, else the one before this."""
    ran = "".join(linecache.getlines(frames[0].tb_frame.f_code.co_filename)).rstrip("\n") if frames else ""
    for source in reversed(_typed(shell)[-MOST_CELLS:]) if ran else ():
        if source.rstrip("\n") == ran or _translated(shell, source) == ran:
            return source
    return ran or last_source(shell)


def _translated(shell: Any, source: str) -> str:
    try:
        return str(shell.transform_cell(source)).rstrip("\n")
    except Exception:  # noqa: BLE001  # it never ran then; a transformer of anybody's may raise anything
        return ""


def _variables(frame: FrameType, source: str) -> tuple[str, ...]:
    """The variables that the failing code names, where it failed."""
    found = {**frame.f_globals, **frame.f_locals} if frame.f_locals is not frame.f_globals else frame.f_globals
    names = [name for name in found if not name.startswith("_") and re.search(rf"\b{re.escape(name)}\b", source)]
    kept = [name for name in names if not issubclass(type(found[name]), ModuleType) and not callable(found[name])]
    lines = [f"- {name}: {_described(found[name])}" for name in kept[:MOST_VARIABLES]]
    return (*lines, f"- and {len(kept) - MOST_VARIABLES} more") if len(kept) > MOST_VARIABLES else tuple(lines)


def _described(value: object) -> str:
    """What a value is. Its own methods may raise anything: then it is its type's name."""
    try:
        return _shape(value)
    except Exception as error:  # noqa: BLE001
        return f"{type(value).__name__}, which raises {type(error).__name__} when looked at"


def _shape(value: object) -> str:
    """What a value is, without its contents: a frame's schema, an array's shape, a container's length."""
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
