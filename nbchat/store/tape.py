"""Serialise the events of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nbchat.values.answer import events as e
from nbchat.values.answer.usage import Usage
from nbchat.values.messages import ImagePart, Source

__all__ = ["TIMING_EVENTS", "read", "written"]

_DELTAS: dict[str, Any] = {"text": e.TextDelta, "reasoning": e.ReasoningDelta, "refusal": e.RefusalDelta}
_WORDS: dict[str, Any] = {**_DELTAS, "thought": e.ThoughtBefore}
_NAMES = {kind: name for name, kind in _WORDS.items()}

TIMING_EVENTS = (e.Sent, e.Responded, e.FirstToken, e.Ended, e.Retrying, e.Failed)
"""Events about one execution of a request rather than about its answer; not recorded."""


def written(events: Iterable[e.Event], *, merge: bool = False) -> list[list[Any]]:
    """Return the events as JSON, `[kind, …]` each. Those of `TIMING_EVENTS` are left out.

    `merge` joins adjacent pieces of one text.
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
        return [name, event.text, event.index] if event.index else [name, event.text]  # type: ignore[union-attr]  # both kinds have a text
    match event:
        case e.ToolCallDelta(call, call_id, name, arguments, index):
            return ["call", call, call_id, name, arguments, index]
        case e.LogprobsDelta(tokens, index):
            return ["logprobs", [dict(token) for token in tokens], index]
        case e.CarriedDelta(fields, call, index, whole):
            return ["carried", dict(fields), call, index, whole]
        case e.ImageDelta(image, index):
            return ["image", image.url, image.detail, index]
        case e.SourcesDelta(sources, index):
            return ["sources", [source.to_dict() for source in sources], index]
        case e.Unshown(kind, index):
            return ["unshown", kind, index]
        case e.UsageReport(usage, raw):
            return ["usage", usage.to_dict(), *([dict(raw)] if raw else [])]
        case e.Finished(reason, index):
            return ["finished", reason, index]
        case e.Started(model, reply_id):
            return ["started", model, reply_id]
        case e.Notice(text):
            return ["notice", text]
    return None


def _logprobs(tokens: Sequence[Mapping[str, Any]], index: int) -> e.LogprobsDelta:
    return e.LogprobsDelta(tuple(tokens), index)


def _image(url: str, detail: str | None, index: int) -> e.ImageDelta:
    return e.ImageDelta(ImagePart(url, detail), index)


def _sources(sources: Sequence[Mapping[str, Any]], index: int) -> e.SourcesDelta:
    return e.SourcesDelta(tuple(map(Source.from_dict, sources)), index)


def _usage(usage: Mapping[str, Any], raw: Mapping[str, Any] | None = None) -> e.UsageReport:
    return e.UsageReport(Usage.from_dict(usage), raw)


_READERS: dict[str, Callable[..., e.Event]] = {
    **_WORDS,
    "call": e.ToolCallDelta,
    "logprobs": _logprobs,
    "carried": e.CarriedDelta,
    "image": _image,
    "sources": _sources,
    "unshown": e.Unshown,
    "usage": _usage,
    "finished": e.Finished,
    "started": e.Started,
    "notice": e.Notice,
}
