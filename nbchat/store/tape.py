"""The events of an answer, written down and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nbchat.values import events as e
from nbchat.values.usage import Usage

__all__ = ["read", "written"]

_DELTAS: dict[str, Any] = {"text": e.TextDelta, "reasoning": e.ReasoningDelta, "refusal": e.RefusalDelta}
_NAMES = {kind: name for name, kind in _DELTAS.items()}


def written(events: Iterable[e.Event], *, merge: bool = False) -> list[list[Any]]:
    """The events as JSON: `[kind, …]` each. What belongs to the clock alone, and failures, are left out.

    `merge`: pieces of one text that follow each other become one.
    """
    rows: list[list[Any]] = []
    for event in events:
        row = _row(event)
        if row is None:
            continue
        if merge and rows and row[0] in _DELTAS and rows[-1][0] == row[0] and rows[-1][2:] == row[2:]:
            rows[-1][1].append(row[1])
        else:
            rows.append([row[0], [row[1]], *row[2:]] if merge and row[0] in _DELTAS else row)
    for row in rows if merge else ():
        if row[0] in _DELTAS:
            row[1] = "".join(row[1])
    return rows


def read(rows: Iterable[Sequence[Any]]) -> list[e.Event]:
    """The inverse of `written`. Raises ValueError for what is not an event."""
    try:
        return [_READERS[row[0]](*row[1:]) for row in rows]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"not an event of an answer: {error!r:.80}") from None


def _row(event: e.Event) -> list[Any] | None:
    if (name := _NAMES.get(type(event))) is not None:
        return [name, event.text, event.index] if event.index else [name, event.text]  # type: ignore[union-attr]
    match event:
        case e.ToolCallDelta(call, call_id, name, arguments, index):
            return ["call", call, call_id, name, arguments, index]
        case e.LogprobsDelta(tokens, index):
            return ["logprobs", [dict(token) for token in tokens], index]
        case e.UsageReport(usage):
            return ["usage", usage.to_dict()]
        case e.Finished(reason, index):
            return ["finished", reason, index]
        case e.Started(model, reply_id):
            return ["started", model, reply_id]
        case e.Notice(text):
            return ["notice", text]
    return None


def _logprobs(tokens: Sequence[Mapping[str, Any]], index: int) -> e.LogprobsDelta:
    return e.LogprobsDelta(tuple(tokens), index)


def _usage(usage: Mapping[str, Any]) -> e.UsageReport:
    return e.UsageReport(Usage.from_dict(usage))


_READERS: dict[str, Callable[..., e.Event]] = {
    **_DELTAS,
    "call": e.ToolCallDelta,
    "logprobs": _logprobs,
    "usage": _usage,
    "finished": e.Finished,
    "started": e.Started,
    "notice": e.Notice,
}
