"""Enforce the table of limits on one answer."""

from __future__ import annotations

import json

from msgspec.structs import replace

from nbchat.values.answer.events import (
    CarriedDelta,
    Event,
    Finished,
    ImageDelta,
    LogprobsDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ThoughtBefore,
    ToolCallDelta,
)
from nbchat.values.limits import LIMITS, Limit, Limits, clipped

__all__ = ["Meter"]


class Meter:
    """Counts the events of one answer and cuts what exceeds the limits."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._text = self._reasoning = self._arguments = self._logprobs = self._notices = self._pictures = (
            self._carried
        ) = 0
        self._calls: set[tuple[int, int]] = set()

    def admit(self, events: list[Event]) -> Limit | None:
        """Cut the list in place to what the limits allow; return the limit exceeded, or None."""
        if self._admit_plain(events):
            return None
        admitted: list[Event] = []
        exceeded: Limit | None = None
        for event in events:
            kept, exceeded = self._admit(event)
            if kept is not None:
                admitted.append(kept)
            if exceeded is not None:
                break
        events[:] = admitted
        return exceeded

    def _admit_plain(self, events: list[Event]) -> bool:
        """Fast path: whether all events are text pieces within the limits."""
        size, choices = self._text, self._limits.choices.most
        for event in events:
            if type(event) is not TextDelta or event.index >= choices:
                return False
            size += len(event.text)
        if size > self._limits.text.most:
            return False
        self._text = size
        return True

    def _admit(self, event: Event) -> tuple[Event | None, Limit | None]:
        """Return the admitted part of an event (None = nothing) and the limit that it exceeds (None = none)."""
        limits, word = self._limits, self._limits.word
        if getattr(event, "index", 0) >= limits.choices.most:
            return None, limits.choices
        match event:
            case TextDelta(text) | RefusalDelta(text) | ThoughtBefore(text):
                self._text += len(text)
                return _fitted(event, self._text, limits.text)
            case ReasoningDelta(text):
                self._reasoning += len(text)
                return _fitted(event, self._reasoning, limits.reasoning)
            case ToolCallDelta():
                return self._admit_call(event)
            case CarriedDelta(fields):
                self._carried += len(json.dumps(fields))
                return (event, None) if self._carried <= limits.carried.most else (None, limits.carried)
            case LogprobsDelta(tokens):
                self._logprobs += len(tokens)
                return (event, None) if self._logprobs <= limits.logprobs.most else (None, limits.logprobs)
            case ImageDelta(image):
                self._pictures += len(image.url)
                return (event, None) if self._pictures <= limits.pictures.most else (None, limits.pictures)
            case Started(model, reply_id):
                return Started(model and clipped(model, word), reply_id and clipped(reply_id, word)), None
            case Finished(reason):
                return replace(event, reason=clipped(reason, word)), None
            case Notice(text):
                self._notices += 1
                return (Notice(clipped(text, limits.notice)) if self._notices <= limits.notices else None), None
        return event, None

    def _admit_call(self, event: ToolCallDelta) -> tuple[Event | None, Limit | None]:
        limits, arguments = self._limits, event.arguments
        self._calls.add((event.index, event.call))
        if len(self._calls) > limits.calls.most:
            return None, limits.calls
        self._arguments += len(arguments)
        excess = self._arguments - limits.arguments.most
        if excess <= 0 and len(event.id) <= limits.word and len(event.name) <= limits.word:
            return event, None
        kept = arguments if excess <= 0 else arguments[: max(0, len(arguments) - excess)]
        named = replace(event, id=clipped(event.id, limits.word), name=clipped(event.name, limits.word))
        return replace(named, arguments=kept), limits.arguments if excess > 0 else None


def _fitted(
    event: TextDelta | RefusalDelta | ReasoningDelta | ThoughtBefore, size: int, limit: Limit
) -> tuple[Event | None, Limit | None]:
    """Return the piece, cut if the text including it, of `size` characters, is too long."""
    excess = size - limit.most
    if excess <= 0:
        return event, None
    kept = event.text[: max(0, len(event.text) - excess)]
    return (replace(event, text=kept) if kept else None), limit
