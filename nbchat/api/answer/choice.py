"""Decode one choice of an answer, from deltas or a message, to events."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.api.answer import parts
from nbchat.api.answer.masked_tokens import MaskedTokens
from nbchat.api.answer.textflow import TextCleaner, TextFlow
from nbchat.api.answer.toolcalls import ToolCallFlow
from nbchat.api.keys import Key
from nbchat.values.answer.carried import REASONING, attached
from nbchat.values.answer.events import CarriedDelta, Event, ImageDelta, LogprobsDelta, Notice, SourcesDelta, Unshown
from nbchat.values.messages import ImagePart, Source
from nbchat.values.surrogates import paired

__all__ = ["ChoiceReader"]

THOUGHTS = frozenset({"thinking", "reasoning", "thought", "reasoning_text", "reasoning_content"})
"""Types of content parts whose text is reasoning."""

SHOWN = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "reasoning"})
"""Message fields that are shown but never sent back unchanged."""

MOST_KINDS = 10
"""Kinds of content that can't be shown and are reported."""


class ChoiceReader:
    """Decodes one choice, whether it comes as a `delta`, a `message` or (from older servers) its own `text`."""

    def __init__(self, index: int, key: Key | None, tools: Sequence[str]) -> None:
        self._index = index
        self.flow = TextFlow(index, key)
        self.owes_reason = False
        """Whether its finish reason is pending until held-back text is emitted."""
        self._calls = ToolCallFlow(index, key, tools)
        self._thought = TextCleaner(key) if tools else None
        self._has_thought = False
        self._in_deltas = False  # whether deltas have arrived, so that a message repeats them
        self._called = False
        self._sources: set[str] = set()  # by their addresses
        self._images: set[str] = set()
        self._unshown: set[str] = set()
        self._logprobs = False
        self._tokens = MaskedTokens(key)

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return self.flow.holds or self._tokens.holds

    def room_for(self, kind: str, call: int) -> int:
        """See `PayloadReader.room_for`."""
        if kind == "arguments":
            return sys.maxsize if self._calls.continues(call) else 0
        if not self._in_deltas or (kind == "reasoning" and self._thought is not None):
            return 0
        return self.flow.room_for(kind)

    def read_run(self, kind: str, call: int, pieces: list[str], events: list[Event]) -> None:
        """See `PayloadReader.read_run`."""
        if kind == "arguments":
            self._calls.extend(call, pieces, events)
        else:
            self.flow.more(kind, pieces, events)

    def read(self, choice: Mapping[str, Any], events: list[Event], *, last: bool) -> None:
        """Decode a choice of a chunk or of a whole reply."""
        delta, message, text = choice.get("delta"), choice.get("message"), choice.get("text")
        again = False
        if isinstance(delta, dict) and delta:
            self._in_deltas = True
            self._read_content(delta, events, last=last)
            self._read_carried(delta, events)
        elif isinstance(delta, str):
            self.flow.text(delta, events, last=last)
        if isinstance(message, dict):
            again = self._in_deltas
            self._read_content(message, events, last=last, whole=again)
            self._read_carried(message, events, whole=True)
        if isinstance(text, str) and text and not (isinstance(delta, dict) and delta.get("content")) and not message:
            self.flow.text(text, events, last=last)
        if not parts.SOURCE_NAMES.isdisjoint(choice):
            self.read_sources(choice, events)
        if (logprobs := choice.get("logprobs")) and not (again and self._logprobs):
            self._read_logprobs(logprobs, events)

    def _read_logprobs(self, logprobs: object, events: list[Event]) -> None:
        if tokens := parts.token_logprobs(logprobs):
            self._logprobs = True
            self._add_tokens(self._tokens.feed(tokens), events)

    def _add_tokens(self, tokens: tuple[Mapping[str, Any], ...], events: list[Event]) -> None:
        if tokens:
            events.append(LogprobsDelta(tokens, self._index))

    def read_sources(self, holder: Mapping[str, Any], events: list[Event]) -> None:
        """Emit new sources; many servers repeat all of them in each chunk."""
        found: dict[str, Source] = {}
        for source in parts.sources_in(holder):
            name = source.url or source.title
            if name not in self._sources and (name not in found or source.title):
                found[name] = source
        if new := tuple(found.values())[: parts.MOST_SOURCES - len(self._sources)]:
            self._sources.update(source.url or source.title for source in new)
            events.append(SourcesDelta(new, self._index))

    def flush(self, events: list[Event]) -> None:
        """Emit what was held back, at the end."""
        self.flow.flush(events)
        self._calls.flush(events)
        self._add_tokens(self._tokens.flush(), events)
        if self._thought is not None and (rest := self._thought.flush()):
            events.append(CarriedDelta({REASONING: rest}, None, self._index))

    def _read_content(
        self, message: Mapping[str, Any], events: list[Event], *, last: bool, whole: bool = False
    ) -> None:
        """Decode a delta or a message; `whole`: it repeats the deltas."""
        text, thought, refusal = "", parts.reasoning_in(message), parts.text_in(message.get("refusal"))
        content = message.get("content")
        if isinstance(content, str):
            text = content
        elif content:
            read = [self._read_part(part, events) for part in (content if isinstance(content, list) else [content])]
            text = "".join(part[0] for part in read)
            thought += "".join(part[1] for part in read)
            refusal += "".join(part[2] for part in read)
        if not content:
            text = parts.text_in(message.get("text")) or _transcript(message)
        self._read_attachments(message, events)
        if whole:
            self._read_whole(text, thought, refusal, events)
        else:
            self.flow.reasoning(thought, events, last=last)
            self.flow.text(text, events, last=last)
            self.flow.refusal(refusal, events, last=last)
        if not (whole and self._called):
            self._read_calls(message, events)

    def _read_whole(self, text: str, thought: str, refusal: str, events: list[Event]) -> None:
        self.flow.whole_reasoning(thought, events)
        if not self.flow.whole_text(text, events):
            note = "the server's final summary differs from the answer that it streamed, which is shown"
            events.append(Notice(note))
        self.flow.whole_refusal(refusal, events)

    def _read_calls(self, message: Mapping[str, Any], events: list[Event]) -> None:
        calls = message.get("tool_calls")
        if isinstance(calls, (list, dict)) and calls:
            self._called = True
            self._calls.read(calls if isinstance(calls, list) else [calls], events)
        if old := message.get("function_call"):
            self._called = True
            self._calls.read_old(old, events)

    def _read_carried(self, message: Mapping[str, Any], events: list[Event], *, whole: bool = False) -> None:
        """Keep the fields that the server expects back; reasoning, even if empty, only if tools are offered."""
        if message.keys() <= SHOWN:
            return
        fields, thought = attached(message), message.get(REASONING)
        if self._thought is not None and isinstance(thought, str) and not (whole and self._has_thought):
            self._has_thought = True
            fields[REASONING] = self._thought.feed(thought)
        if fields:
            events.append(CarriedDelta(fields, None, self._index, whole))

    def _read_part(self, part: object, events: list[Event]) -> tuple[str, str, str]:
        """Decode the text, reasoning or refusal in a content part."""
        if isinstance(part, str):
            return part, "", ""
        if not isinstance(part, dict):
            return "", "", ""
        kind, text = part.get("type"), parts.text_in(part.get("text"))
        thought, refusal = parts.reasoning_in(part), parts.text_in(part.get("refusal"))
        if kind in THOUGHTS or part.get("thought") is True:
            return "", thought or text, ""
        shown = self._read_attachments(part, events)
        text = text or _transcript(part)
        if not (text or thought or refusal or shown) and isinstance(kind, str) and "text" not in part:
            self._report_unshown(kind, events)
        return text, thought, refusal

    def _read_attachments(self, message: Mapping[str, Any], events: list[Event]) -> bool:
        """Decode images, sources, and content that can't be shown; return whether there was any."""
        before = len(events)
        if not parts.SOURCE_NAMES.isdisjoint(message):
            self.read_sources(message, events)
        for address in parts.images_in(message):
            self._read_image(address, events)
        for kind in parts.unshown_in(message):
            self._report_unshown(kind, events)
        return len(events) > before

    def _read_image(self, address: str, events: list[Event]) -> None:
        if address in self._images:
            return
        self._images.add(address)
        if address.startswith("data:image/"):
            events.append(ImageDelta(ImagePart(paired(address)), self._index))
        else:
            self.read_sources({"sources": [{"url": address, "title": "a picture"}]}, events)

    def _report_unshown(self, kind: str, events: list[Event]) -> None:
        if kind not in self._unshown and len(self._unshown) < MOST_KINDS:
            self._unshown.add(kind)
            events.append(Unshown(paired(kind)[:40], self._index))


def _transcript(message: Mapping[str, Any]) -> str:
    """Return the transcript of an audio answer."""
    for name in ("audio", "input_audio", "output_audio"):
        if isinstance(audio := message.get(name), Mapping):
            return parts.text_in(audio.get("transcript"))
    return parts.text_in(message.get("transcript"))
