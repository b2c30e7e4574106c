"""One decoded payload of an answer, a chunk of a stream or a whole reply, to typed events."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.api import parts
from nbchat.api.counting import UsageTally
from nbchat.api.keys import Key
from nbchat.api.textflow import Joiner, TextFlow, paired
from nbchat.api.toolcalls import ToolCallFlow, index_of
from nbchat.values import usage
from nbchat.values.carried import REASONING, attached, is_carried
from nbchat.values.events import (
    CarriedDelta,
    Event,
    Finished,
    ImageDelta,
    LogprobsDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    SourcesDelta,
    Started,
    TextDelta,
    ThoughtBefore,
    ToolCallDelta,
    Unshown,
    UsageReport,
)
from nbchat.values.limits import LIMITS
from nbchat.values.messages import ImagePart, Source

__all__ = ["PIECES", "PayloadReader"]

PIECES = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta, ThoughtBefore, ImageDelta)
"""Events that bring something of an answer itself."""

NO_REASONS = frozenset({"", "null", "none", "nil", "undefined"})
"""Words that stand where no finish reason is meant."""

THOUGHTS = frozenset({"thinking", "reasoning", "thought", "reasoning_text", "reasoning_content"})
"""Types of content parts whose text is reasoning."""

SOURCE_NAMES = frozenset({*parts.SOURCE_LISTS, *parts.SOURCE_HOLDERS})


MEANT = {
    "chunk": frozenset({"choices", "id", "model", "usage", "x_groq", "error", *SOURCE_NAMES}),
    "choice": frozenset(
        {"index", "delta", "message", "text", "finish_reason", "logprobs", "usage", "error", *SOURCE_NAMES}
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
                *SOURCE_NAMES,
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
    """Chunks and whole replies, decoded, to events. Remembers what must be joined or told once.

    `tools` are the names of the functions that were offered.
    """

    def __init__(self, key: Key | None = None, tools: Sequence[str] = ()) -> None:
        self._key = key
        self._tools = tools
        self.seen = False
        """Whether anything of the protocol has come."""
        self.reasons: dict[int, str] = {}
        """The finish reason of each choice that said why it ended; those behind which nothing came stand."""
        self.trusted = False
        """Whether finish reasons are known to mark ends: a piece of an answer has come without one, and none behind one."""
        self.counted = False
        """Whether a usage count came with the last of the finish reasons so far, or behind it."""
        self._standing: set[int] = set()
        self._refuted = False
        self._started = Started()
        self._choices: dict[int, _ChoiceReader] = {}
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
        if not SOURCE_NAMES.isdisjoint(payload):
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
        """How many choices were heard of."""
        return len(self._choices)

    def room_for(self, kind: str, index: int, call: int) -> int:
        """Characters from which a piece of a run would have to be looked at by itself; 0 = every one.

        A run is pieces of one `kind` ("text", "reasoning", or "arguments" of a `call`) of one choice, and nothing else.
        """
        reader = self._choices.get(index)
        if reader is None or not self.trusted or index in self.reasons:
            return 0
        return reader.room_for(kind, call)

    def read_run(self, kind: str, index: int, call: int, pieces: list[str], events: list[Event]) -> None:
        """Append what a run brings, each piece of which has less than the room for it."""
        self._choices[index].read_run(kind, call, pieces, events)

    def read_usage(self, count: Mapping[str, Any], events: list[Event]) -> None:
        """Append what a usage count in a chunk says."""
        self._read_usage(count, None, events)

    @property
    def all_finished(self) -> bool:
        """Whether every choice that was heard of said why it ended, and nothing has come behind that."""
        return bool(self.reasons) and not self._refuted and self._standing >= self._choices.keys()

    @property
    def ended(self) -> bool:
        """Whether the end of the bytes, coming now, is the end of the answer: some finish reason stands."""
        return bool(self._standing)

    def flush(self) -> list[Event]:
        """What was held back in case more came."""
        events: list[Event] = []
        for index, choice in self._choices.items():
            choice.flush(events)
            if choice.owes_reason:
                choice.owes_reason = False
                events.append(Finished(self.reasons[index], index))
        return events

    def _read_start(self, payload: Mapping[str, Any], events: list[Event]) -> None:
        if self._started.model and self._started.id:
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
                events.append(UsageReport(report))

    def _read_choice(self, choice: Mapping[str, Any], index: int, events: list[Event]) -> None:
        reader, before = self._choice(index), len(events)
        reason = _reason(choice.get("finish_reason"))
        reader.read(choice, events, last=reason is not None or index in self.reasons)
        if index in self._standing or not (self.trusted or self._refuted):
            self._weigh(index, reason, came=any(isinstance(event, PIECES) for event in events[before:]))
        self._read_usage(choice.get("usage"), index, events)
        if reason is not None:
            told = self.reasons.get(index)
            self.reasons[index] = reason
            self._standing.add(index)
            if reader.holds:
                reader.owes_reason = True
            elif told != reason:
                events.append(Finished(reason, index))

    def _weigh(self, index: int, reason: str | None, *, came: bool) -> None:
        """What the coming of a piece says of this server's finish reasons."""
        if came and index in self._standing:
            self._standing.discard(index)
            self._refuted, self.trusted = True, False
        elif came and reason is None:
            self.trusted = True

    def _choice(self, index: int) -> _ChoiceReader:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceReader(index, self._key, self._tools)
        return choice


class _ChoiceReader:
    """What one choice says, whether in a `delta`, in a `message`, or (in older servers) in its own `text`."""

    def __init__(self, index: int, key: Key | None, tools: Sequence[str]) -> None:
        self._index = index
        self._key = key
        self.flow = TextFlow(index, key)
        self.owes_reason = False
        """Whether its finish reason is told once what is held back is."""
        self._calls = ToolCallFlow(index, key, tools)
        self._thought = Joiner(key) if tools else None
        self._has_thought = False
        self._in_deltas = False  # whether it comes in deltas, so that a message is the whole of them
        self._called = False
        self._sources: set[str] = set()  # by their addresses
        self._images: set[str] = set()
        self._unshown: set[str] = set()
        self._logprobs = False

    @property
    def holds(self) -> bool:
        """Whether something waits for what comes next."""
        return self.flow.holds

    def room_for(self, kind: str, call: int) -> int:
        """See `PayloadReader.room_for`."""
        if kind == "arguments":
            return sys.maxsize if self._calls.goes_on(call) else 0
        if not self._in_deltas or (kind == "reasoning" and self._thought is not None):
            return 0
        return self.flow.room_for(kind)

    def read_run(self, kind: str, call: int, pieces: list[str], events: list[Event]) -> None:
        """See `PayloadReader.read_run`."""
        if kind == "arguments":
            self._calls.go_on(call, pieces, events)
        else:
            self.flow.more(kind, pieces, events)

    def read(self, choice: Mapping[str, Any], events: list[Event], *, last: bool) -> None:
        """One choice of a chunk, or of a whole reply."""
        delta, message, text = choice.get("delta"), choice.get("message"), choice.get("text")
        again = False
        if isinstance(delta, dict) and delta:
            self._in_deltas = True
            self._read_said(delta, events, last=last)
            self._read_carried(delta, events)
        elif isinstance(delta, str):
            self.flow.text(delta, events, last=last)
        if isinstance(message, dict):
            again = self._in_deltas
            self._read_said(message, events, last=last, whole=again)
            self._read_carried(message, events, whole=True)
        if isinstance(text, str) and text and not (isinstance(delta, dict) and delta.get("content")) and not message:
            self.flow.text(text, events, last=last)
        if not SOURCE_NAMES.isdisjoint(choice):
            self.read_sources(choice, events)
        if (logprobs := choice.get("logprobs")) and not (again and self._logprobs):
            self._read_logprobs(logprobs, events)

    def _read_logprobs(self, logprobs: object, events: list[Event]) -> None:
        if tokens := parts.token_logprobs(logprobs):
            self._logprobs = True
            events.append(LogprobsDelta(tokens, self._index))

    def read_sources(self, holder: Mapping[str, Any], events: list[Event]) -> None:
        """The sources that are new; many servers name them all in each chunk."""
        found: dict[str, Source] = {}
        for source in map(self._masked, parts.sources_in(holder)):
            name = source.url or source.title
            if name not in self._sources and (name not in found or source.title):
                found[name] = source
        if new := tuple(found.values())[: parts.MOST_SOURCES - len(self._sources)]:
            self._sources.update(source.url or source.title for source in new)
            events.append(SourcesDelta(new, self._index))

    def flush(self, events: list[Event]) -> None:
        """Give out what was held back: no more comes."""
        self.flow.flush(events)
        self._calls.flush(events)
        if self._thought is not None and (rest := self._thought.flush()):
            events.append(CarriedDelta({REASONING: rest}, None, self._index))

    def _read_said(self, said: Mapping[str, Any], events: list[Event], *, last: bool, whole: bool = False) -> None:
        """A delta, or a message; `whole`: it says again what the deltas said."""
        text, thought, refusal = "", parts.reasoning_in(said), parts.text_in(said.get("refusal"))
        content = said.get("content")
        if isinstance(content, str):
            text = content
        elif content:
            read = [self._read_part(part, events) for part in (content if isinstance(content, list) else [content])]
            text = "".join(part[0] for part in read)
            thought += "".join(part[1] for part in read)
            refusal += "".join(part[2] for part in read)
        if not content:
            text = parts.text_in(said.get("text")) or _transcript(said)
        self._read_beside(said, events)
        if whole:
            self._read_whole(text, thought, refusal, events)
        else:
            self.flow.reasoning(thought, events, last=last)
            self.flow.text(text, events, last=last)
            self.flow.refusal(refusal, events, last=last)
        if not (whole and self._called):
            self._read_calls(said, events)

    def _read_whole(self, text: str, thought: str, refusal: str, events: list[Event]) -> None:
        self.flow.whole_reasoning(thought, events)
        if not self.flow.whole_text(text, events):
            note = "the server's final summary differs from the answer that it streamed, which is shown"
            events.append(Notice(note))
        self.flow.whole_refusal(refusal, events)

    def _read_calls(self, said: Mapping[str, Any], events: list[Event]) -> None:
        if isinstance(calls := said.get("tool_calls"), list) and calls:
            self._called = True
            self._calls.read(calls, events)
        if old := said.get("function_call"):
            self._called = True
            self._calls.read_old(old, events)

    def _read_carried(self, said: Mapping[str, Any], events: list[Event], *, whole: bool = False) -> None:
        """What the server wants back, its reasoning, which may be empty, only where tools are offered."""
        if said.keys() <= _SHOWN:
            return
        fields, thought = attached(said), said.get(REASONING)
        if self._thought is not None and isinstance(thought, str) and not (whole and self._has_thought):
            self._has_thought = True
            fields[REASONING] = self._thought.feed(thought)
        if fields:
            events.append(CarriedDelta(fields, None, self._index, whole))

    def _read_part(self, part: object, events: list[Event]) -> tuple[str, str, str]:
        """The text, the reasoning and the refusal in a part of a list of content."""
        if isinstance(part, str):
            return part, "", ""
        if not isinstance(part, dict):
            return "", "", ""
        kind, text = part.get("type"), parts.text_in(part.get("text"))
        thought, refusal = parts.reasoning_in(part), parts.text_in(part.get("refusal"))
        if kind in THOUGHTS or part.get("thought") is True:
            return "", thought or text, ""
        shown = self._read_beside(part, events)
        text = text or _transcript(part)
        if not (text or thought or refusal or shown) and isinstance(kind, str) and "text" not in part:
            self._say_unshown(kind, events)
        return text, thought, refusal

    def _read_beside(self, said: Mapping[str, Any], events: list[Event]) -> bool:
        """Pictures, sources, and what can't be shown; whether there was any."""
        before = len(events)
        if not SOURCE_NAMES.isdisjoint(said):
            self.read_sources(said, events)
        for address in parts.images_in(said):
            self._read_image(address, events)
        for kind in parts.unshown_in(said):
            self._say_unshown(kind, events)
        return len(events) > before

    def _read_image(self, address: str, events: list[Event]) -> None:
        if address in self._images:
            return
        self._images.add(address)
        if address.startswith("data:image/"):
            events.append(ImageDelta(ImagePart(paired(address)), self._index))
        else:
            self.read_sources({"sources": [{"url": address, "title": "a picture"}]}, events)

    def _say_unshown(self, kind: str, events: list[Event]) -> None:
        if kind not in self._unshown and len(self._unshown) < MOST_KINDS:
            self._unshown.add(kind)
            events.append(Unshown(self._mask(paired(kind))[:40], self._index))

    def _masked(self, source: Source) -> Source:
        return Source(self._mask(source.url), self._mask(source.title)) if self._key is not None else source

    def _mask(self, text: str) -> str:
        return self._key.redact(text) if self._key is not None and self._key.distinct else text


_SHOWN = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "reasoning"})
"""What of a message is shown, and never sent back as it is."""

MOST_KINDS = 10
"""Kinds of what can't be shown that are named."""


def _transcript(said: Mapping[str, Any]) -> str:
    """The words of an answer that was spoken."""
    for name in ("audio", "input_audio", "output_audio"):
        if isinstance(audio := said.get(name), Mapping):
            return parts.text_in(audio.get("transcript"))
    return parts.text_in(said.get("transcript"))


def _word(value: object) -> str | None:
    return paired(value) if isinstance(value, str) and value else None


def _reason(value: object) -> str | None:
    """A finish reason; None for none, however it is spelled."""
    return None if not isinstance(value, str) or value.strip().lower() in NO_REASONS else paired(value)
