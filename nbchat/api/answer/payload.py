"""Turn decoded payloads, chunks of a stream or a whole reply, into typed events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.api.answer import parts
from nbchat.api.answer.choice import ChoiceReader
from nbchat.api.answer.counting import UsageTally, raw_counts
from nbchat.api.answer.toolcalls import index_of
from nbchat.api.keys import Key
from nbchat.values.answer import usage
from nbchat.values.answer.carried import is_carried
from nbchat.values.answer.events import (
    Event,
    Finished,
    ImageDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ThoughtBefore,
    ToolCallDelta,
    UsageReport,
)
from nbchat.values.limits import LIMITS
from nbchat.values.surrogates import paired

__all__ = ["PIECES", "PayloadReader", "is_meant"]

PIECES = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta, ThoughtBefore, ImageDelta)
"""Events that carry part of the answer itself."""

NO_REASONS = frozenset({"", "null", "none", "nil", "undefined"})
"""Values that mean "no finish reason"."""

MEANT = {
    "chunk": frozenset({"choices", "id", "model", "usage", "x_groq", "error", *parts.SOURCE_NAMES}),
    "choice": frozenset(
        {"index", "delta", "message", "text", "finish_reason", "logprobs", "usage", "error", *parts.SOURCE_NAMES}
    ),
    "delta": frozenset(
        {
            *("content", "text", "refusal", "tool_calls", "function_call", "images", "type", "transcript"),
            *(
                "input_audio",
                "output_audio",
                *parts.REASONING_NAMES,
                *parts.REASONING_LISTS,
                *parts.MEDIA,
                *parts.SOURCE_NAMES,
            ),
        }
    ),
    "usage": usage.NAMES,
}
"""The fields that the reader looks at, in each kind of object."""


def is_meant(kind: str, name: str) -> bool:
    """Whether the reader looks at a field of this name in a "chunk", a "choice", a "delta" or a "usage" object."""
    return name in MEANT[kind] or (kind == "delta" and is_carried(name))


class PayloadReader:
    """Turns decoded chunks and whole replies into events, with the state that this needs.

    `tools` are the names of the functions that were offered.
    """

    def __init__(self, key: Key | None = None, tools: Sequence[str] = ()) -> None:
        self._key = key
        self._tools = tools
        self.seen = False
        """Whether anything recognizable has arrived."""
        self.reads = 0
        """Counts the pieces received of all choices."""
        self.reasons: dict[int, str] = {}
        """The finish reasons by choice; withdrawn if more of the choice follows."""
        self.trusted = False
        """Whether finish reasons are known to mark ends: some piece came without one, and none after one."""
        self.counted = False
        """Whether a usage count came with the last finish reason so far, or after it."""
        self._standing: set[int] = set()
        self._refuted = False
        self._started = Started()
        self._choices: dict[int, ChoiceReader] = {}
        self._tally = UsageTally()

    def read(self, payload: Mapping[str, Any], events: list[Event]) -> None:
        """Append the events of one chunk, or of one whole reply."""
        self._read_start(payload, events)
        choices = payload.get("choices")
        if isinstance(choices, list):
            self.seen = True
            for position, choice in enumerate(choices[: LIMITS.choices.most + 1]):
                if isinstance(choice, dict):
                    self._read_choice(choice, index_of(choice.get("index"), position), events)
        if not parts.SOURCE_NAMES.isdisjoint(payload):
            self._choice(min(self._choices, default=0)).read_sources(payload, events)
        groq = payload.get("x_groq")
        for count in (payload.get("usage"), groq.get("usage") if isinstance(groq, dict) else None):
            self._read_usage(count, None, events)

    @property
    def knows_start(self) -> tuple[bool, bool]:
        """Whether the model and the id of the answer are known."""
        return bool(self._started.model), bool(self._started.id)

    @property
    def choices(self) -> int:
        """The number of choices seen."""
        return len(self._choices)

    def room_for(self, kind: str, index: int, call: int) -> int:
        """The length from which a piece of a run must be examined by itself; 0 = every piece.

        A run is pieces of one `kind` ("text", "reasoning", or "arguments" of a `call`) of one choice, and nothing else.
        """
        reader = self._choices.get(index)
        if reader is None or not self.trusted or index in self.reasons:
            return 0
        return reader.room_for(kind, call)

    def read_run(self, kind: str, index: int, call: int, pieces: list[str], events: list[Event]) -> None:
        """Append the events of a run whose pieces are all shorter than `room_for`."""
        self.reads += 1
        self._choices[index].read_run(kind, call, pieces, events)

    def read_usage(self, count: Mapping[str, Any], events: list[Event]) -> None:
        """Append the event for a usage count in a chunk."""
        self._read_usage(count, None, events)

    @property
    def all_finished(self) -> bool:
        """Whether every choice seen has a finish reason, and nothing has arrived after it."""
        return bool(self.reasons) and not self._refuted and self._standing >= self._choices.keys()

    @property
    def ended(self) -> bool:
        """Whether the end of the bytes is also the end of the answer: some finish reason is still valid."""
        return bool(self._standing)

    def flush(self) -> list[Event]:
        """Return the events that were held back, at the end."""
        events: list[Event] = []
        for index, choice in self._choices.items():
            choice.flush(events)
            if choice.owes_reason:
                choice.owes_reason = False
                events.append(Finished(self.reasons[index], index, self.trusted))
        return events

    def _read_start(self, payload: Mapping[str, Any], events: list[Event]) -> None:
        if self._started.model and self._started.id:  # as in nearly every chunk
            return
        known = Started(
            self._started.model or _word(payload.get("model")), self._started.id or _word(payload.get("id"))
        )
        if known != self._started:
            self._started = known
            events.append(known)

    def _read_usage(self, count: object, index: int | None, events: list[Event]) -> None:
        if isinstance(count, Mapping) and count:
            report = self._tally.add(count, index, self._standing, len(self._choices))
            if report is not None:
                self.seen = True
                self.counted = self.all_finished
                events.append(UsageReport(report, raw_counts(count, self._key)))

    def _read_choice(self, choice: Mapping[str, Any], index: int, events: list[Event]) -> None:
        self.reads += 1
        reader, before = self._choice(index), len(events)
        reason = _reason(choice.get("finish_reason"))
        reader.read(choice, events, last=not self._refuted and (reason is not None or index in self.reasons))
        if index in self._standing or not (self.trusted or self._refuted):
            self._weigh(index, reason, has_piece=any(isinstance(event, PIECES) for event in events[before:]))
        self._read_usage(choice.get("usage"), index, events)
        if reason is not None:
            known = self.reasons.get(index)
            self.reasons[index] = reason
            self._standing.add(index)
            if reader.holds:
                reader.owes_reason = True
            elif known != reason:
                events.append(Finished(reason, index, self.trusted))

    def _weigh(self, index: int, reason: str | None, *, has_piece: bool) -> None:
        """Update what is known of this server's finish reasons when a piece arrives."""
        if has_piece and index in self._standing:
            self._standing.discard(index)
            self._refuted, self.trusted = True, False
        elif has_piece and reason is None:
            self.trusted = True

    def _choice(self, index: int) -> ChoiceReader:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = ChoiceReader(index, self._key, self._tools)
        return choice


def _word(value: object) -> str | None:
    return paired(value) if isinstance(value, str) and value else None


def _reason(value: object) -> str | None:
    """Return a finish reason; None for every way to write none. SGLang sends objects, `{"type": "stop"}`."""
    if isinstance(value, Mapping):
        value = value.get("type") or value.get("reason")
    return None if not isinstance(value, str) or value.strip().lower() in NO_REASONS else paired(value)
