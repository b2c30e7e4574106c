"""The cell that failed last: its source, the end of its traceback, what its variables are."""

from __future__ import annotations

import linecache
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
    source = _source_of(frames, error, shell)
    lines = "".join(traceback.format_exception(type(error), error, _from_first(frames))).rstrip().split("\n")
    variables = _variables(frames[-1].tb_frame, source) if frames else ()
    return Failure(source, "\n".join(lines[-LAST_LINES:]), variables)


def last_source(shell: Any) -> str:
    """The source of the cell before this one that is no `%chat` line. Raises PromptError where there is none."""
    for source in reversed(shell.user_ns.get("In", [])[:-1]):
        if source.strip() and not source.lstrip().startswith(("%chat", "%%chat", "get_ipython().run_")):
            return str(source)
    raise PromptError("There is no cell before this one to speak of.")


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
    return "ipykernel_" in name or "ipython-input" in name or name.startswith("<ipython")


def _from_first(frames: list[TracebackType]) -> TracebackType | None:
    return frames[0] if frames else None


def _source_of(frames: list[TracebackType], error: BaseException, shell: Any) -> str:
    """The failing cell: the file of its first frame, else what the shell ran before this."""
    if frames:
        lines = linecache.getlines(frames[0].tb_frame.f_code.co_filename)
        if lines:
            return "".join(lines).rstrip("\n")
    if isinstance(error, SyntaxError) and error.text and "\n" in error.text.strip():
        return error.text
    return last_source(shell)


def _variables(frame: FrameType, source: str) -> tuple[str, ...]:
    """The variables that the failing code names, where it failed."""
    found = {**frame.f_globals, **frame.f_locals} if frame.f_locals is not frame.f_globals else frame.f_globals
    names = [name for name in found if not name.startswith("_") and name in source]
    kept = [name for name in names if not isinstance(found[name], ModuleType) and not callable(found[name])]
    lines = [f"- {name}: {_shape(found[name])}" for name in kept[:MOST_VARIABLES]]
    return (*lines, f"- and {len(kept) - MOST_VARIABLES} more") if len(kept) > MOST_VARIABLES else tuple(lines)


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
