"""One decoded payload of an answer, a chunk of a stream or a whole reply, to typed events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.api.keys import Key
from nbchat.api.textflow import TextFlow, paired
from nbchat.api.toolcalls import ToolCallFlow, index_of
from nbchat.values.carried import REASONING, attached
from nbchat.values.events import CarriedDelta, Event, Finished, LogprobsDelta, Started, TextDelta, UsageReport
from nbchat.values.limits import LIMITS
from nbchat.values.usage import UNKNOWN, Usage

__all__ = ["PayloadReader"]


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
        """The finish reason of each choice that said why it ended."""
        self.counted = False
        """Whether a usage count came with the last of the finish reasons so far, or behind it."""
        self._started = Started()
        self._choices: dict[int, _ChoiceReader] = {}

    def read(self, payload: Mapping[str, Any], events: list[Event]) -> None:
        """Append the events of one chunk, or of one whole reply."""
        self._read_start(payload, events)
        choices = payload.get("choices")
        if isinstance(choices, list):
            self.seen = True
            for position, choice in enumerate(choices[: LIMITS.choices.most + 1]):
                if isinstance(choice, dict):
                    self._read_choice(choice, index_of(choice.get("index"), position), events)
        groq = payload.get("x_groq")
        for usage in (payload.get("usage"), groq.get("usage") if isinstance(groq, dict) else None):
            self._read_usage(usage, events)

    def is_only_text(self, payload: Any, text: str) -> bool:
        """Whether a chunk, coming now, would be this text for choice 0 and nothing else."""
        if not isinstance(payload, dict) or not self.seen:
            return False
        trial = PayloadReader()
        trial._started = self._started
        events: list[Event] = []
        trial.read(payload, events)
        return events == [TextDelta(text, 0)]

    def more_text(self, text: str, events: list[Event]) -> None:
        """Append what a chunk brings that is only text for choice 0."""
        self._choice(0).flow.text(text, events)

    @property
    def all_finished(self) -> bool:
        """Whether every choice that was heard of said why it ended."""
        return bool(self.reasons) and self.reasons.keys() >= self._choices.keys()

    def flush(self) -> list[Event]:
        """What was held back in case more came."""
        events: list[Event] = []
        for choice in self._choices.values():
            choice.flush(events)
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

    def _read_usage(self, usage: object, events: list[Event]) -> None:
        if isinstance(usage, dict) and (report := Usage.from_wire(usage)) is not UNKNOWN:
            self.seen = True
            self.counted = self.all_finished
            events.append(UsageReport(report))

    def _read_choice(self, choice: Mapping[str, Any], index: int, events: list[Event]) -> None:
        reader = self._choice(index)
        reader.read(choice, events)
        self._read_usage(choice.get("usage"), events)
        if reason := _word(choice.get("finish_reason")):
            reader.flush(events)
            self.reasons[index] = reason
            events.append(Finished(reason, index))

    def _choice(self, index: int) -> _ChoiceReader:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceReader(index, self._key, self._tools)
        return choice


class _ChoiceReader:
    """What one choice says, whether in a `delta`, in a `message`, or (in older servers) in its own `text`."""

    def __init__(self, index: int, key: Key | None, tools: Sequence[str]) -> None:
        self._index = index
        self.flow = TextFlow(index, key)
        self._calls = ToolCallFlow(index, key, tools)
        self._has_reasoning = False

    def read(self, choice: Mapping[str, Any], events: list[Event]) -> None:
        delta = choice.get("delta")
        said = delta if isinstance(delta, dict) else choice.get("message")
        if isinstance(said, dict):
            self._read_said(said, events)
            self._read_carried(said, events, whole=said is not delta)
        else:
            self.flow.text(_text(choice.get("text")), events)
        if logprobs := _tokens(choice.get("logprobs")):
            events.append(LogprobsDelta(logprobs, self._index))

    def flush(self, events: list[Event]) -> None:
        self.flow.flush(events)
        self._calls.flush(events)

    def _read_said(self, said: Mapping[str, Any], events: list[Event]) -> None:
        # Some servers send both names, with the same text.
        self.flow.reasoning(_text(said.get("reasoning_content")) or _text(said.get("reasoning")), events)
        content = said.get("content")
        for part in content if isinstance(content, list) else [content]:
            self._read_part(part, events)
        self.flow.refusal(_text(said.get("refusal")), events)
        if isinstance(calls := said.get("tool_calls"), list):
            self._calls.read(calls, events)
        self._calls.read_old(said.get("function_call"), events)

    def _read_carried(self, said: Mapping[str, Any], events: list[Event], *, whole: bool) -> None:
        """What the server wants back; that it has a field for reasoning is told once, for that field may be empty."""
        if said.keys() <= _READ_HERE and (self._has_reasoning or REASONING not in said):
            return
        fields = attached(said)
        if not self._has_reasoning and isinstance(said.get(REASONING), str):
            self._has_reasoning, fields[REASONING] = True, ""
        if fields:
            events.append(CarriedDelta(fields, None, self._index, whole))

    def _read_part(self, part: object, events: list[Event]) -> None:
        """Content, or a part of its list: text, or thinking (a string, or again a list of parts)."""
        if isinstance(part, str):
            self.flow.text(part, events)
        elif isinstance(part, dict):
            thinking = part.get("thinking")
            if isinstance(thinking, list):
                thinking = "".join(_text(item.get("text")) for item in thinking if isinstance(item, dict))
            self.flow.reasoning(_text(thinking), events)
            self.flow.text(_text(part.get("text")), events)


_READ_HERE = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "reasoning", REASONING})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str | None:
    return paired(value) if isinstance(value, str) and value else None


def _tokens(logprobs: object) -> tuple[Mapping[str, Any], ...]:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    return tuple(_whole(token) for token in tokens if isinstance(token, dict)) if isinstance(tokens, list) else ()


def _whole(value: Any) -> Any:
    """JSON without lone surrogates."""
    if isinstance(value, dict):
        return {paired(name): _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return paired(value) if isinstance(value, str) else value
