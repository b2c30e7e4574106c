"""One decoded payload of an answer, a chunk of a stream or a whole reply, to typed events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nbchat.api.textflow import TextFlow
from nbchat.values.events import Event, Finished, LogprobsDelta, Started, TextDelta, ToolCallDelta, UsageReport
from nbchat.values.usage import UNKNOWN, Usage

__all__ = ["PayloadReader"]


class PayloadReader:
    """Chunks and whole replies, decoded, to events. Remembers what must be joined or told once."""

    def __init__(self) -> None:
        self.seen = False
        """Whether anything of the protocol has come."""
        self.reasons: dict[int, str] = {}
        """The finish reason of each choice that said why it ended."""
        self._started: tuple[str | None, str | None] = (None, None)
        self._flows: dict[int, TextFlow] = {}
        self._calls: dict[int, _CallKeys] = {}

    def read(self, payload: Mapping[str, Any], events: list[Event]) -> None:
        """Append the events of one chunk, or of one whole reply."""
        self._read_start(payload, events)
        choices = payload.get("choices")
        if isinstance(choices, list):
            self.seen = True
            for position, choice in enumerate(choices):
                if isinstance(choice, dict):
                    self._read_choice(choice, position, events)
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
        if text:
            self._flow(0).text(text, 0, events)

    @property
    def all_finished(self) -> bool:
        """Whether every choice that was heard of said why it ended."""
        return bool(self.reasons) and self.reasons.keys() >= self._flows.keys()

    def flush(self) -> list[Event]:
        """What was held back in case more came."""
        events: list[Event] = []
        for index, flow in self._flows.items():
            flow.flush(index, events)
        return events

    def _read_start(self, payload: Mapping[str, Any], events: list[Event]) -> None:
        model, reply_id = payload.get("model"), payload.get("id")
        known = (
            self._started[0] or (model if isinstance(model, str) and model else None),
            self._started[1] or (reply_id if isinstance(reply_id, str) and reply_id else None),
        )
        if known != self._started:
            self._started = known
            events.append(Started(*known))

    def _read_usage(self, usage: object, events: list[Event]) -> None:
        if isinstance(usage, dict) and (report := Usage.from_wire(usage)) is not UNKNOWN:
            self.seen = True
            events.append(UsageReport(report))

    def _read_choice(self, choice: Mapping[str, Any], position: int, events: list[Event]) -> None:
        index = _index(choice.get("index"), position)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if isinstance(delta, dict):
            content = delta.get("content")
            if isinstance(content, str) and content and len(delta) <= 2 and ("role" in delta or len(delta) == 1):
                self._flow(index).text(content, index, events)
            else:
                self._read_delta(delta, index, events)
        elif isinstance(choice.get("text"), str):
            self._flow(index).text(choice["text"], index, events)
        if logprobs := choice.get("logprobs"):
            _read_logprobs(logprobs, index, events)
        if choice.get("usage"):
            self._read_usage(choice["usage"], events)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self._flow(index).flush(index, events)
            self.reasons[index] = reason
            events.append(Finished(reason, index))

    def _read_delta(self, delta: Mapping[str, Any], index: int, events: list[Event]) -> None:
        flow = self._flow(index)
        for key in ("reasoning_content", "reasoning"):  # some servers send both, with the same text
            if reasoning := _text_of(delta.get(key)):
                flow.reasoning(reasoning, index, events)
                break
        content = delta.get("content")
        if isinstance(content, list):
            for part in content:
                _read_part(part, flow, index, events)
        elif isinstance(content, str) and content:
            flow.text(content, index, events)
        if refusal := _text_of(delta.get("refusal")):
            flow.refusal(refusal, index, events)
        calls = delta.get("tool_calls")
        keys = self._calls.setdefault(index, _CallKeys())
        if isinstance(calls, list) and calls:
            for position, call in enumerate(calls):
                if isinstance(call, dict):
                    keys.read(call, position, index, events)
        elif isinstance(old := delta.get("function_call"), dict) and not keys.modern:
            keys.read_old(old, index, events)

    def _flow(self, index: int) -> TextFlow:
        flow = self._flows.get(index)
        if flow is None:
            flow = self._flows[index] = TextFlow()
        return flow


class _CallKeys:
    """Which tool call of one choice a piece belongs to: by its `index`, else by its id, else by its position."""

    def __init__(self) -> None:
        self.modern = False
        """Whether `tool_calls` was seen: then the old `function_call` is an echo."""
        self._by_id: dict[str, int] = {}
        self._next = 0

    def read(self, call: Mapping[str, Any], position: int, index: int, events: list[Event]) -> None:
        self.modern = True
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        call_id = call.get("id")
        call_id = str(call_id) if isinstance(call_id, (str, int)) and call_id != "" else ""
        number = self._number(call.get("index"), call_id, position)
        self._next = max(self._next, number + 1)
        if call_id:
            self._by_id.setdefault(call_id, number)
        name = function.get("name")
        events.append(
            ToolCallDelta(
                number, call_id, name if isinstance(name, str) else "", _arguments(function.get("arguments")), index
            )
        )

    def read_old(self, call: Mapping[str, Any], index: int, events: list[Event]) -> None:
        name = call.get("name")
        events.append(
            ToolCallDelta(0, "", name if isinstance(name, str) else "", _arguments(call.get("arguments")), index)
        )

    def _number(self, given: object, call_id: str, position: int) -> int:
        if given is not None:
            return _index(given, position)
        if not call_id:
            return max(self._next - 1, position)
        return self._by_id.get(call_id, self._next)


def _arguments(arguments: object) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _index(given: object, position: int) -> int:
    if isinstance(given, bool):
        return position
    if isinstance(given, int):
        return given if given >= 0 else position
    return int(given) if isinstance(given, str) and given.isdecimal() and len(given) < 9 else position


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def _read_part(part: object, flow: TextFlow, index: int, events: list[Event]) -> None:
    """A part of a content list: text, or thinking (a string, or again a list of parts)."""
    if isinstance(part, str):
        flow.text(part, index, events)
    elif isinstance(part, dict):
        thinking = part.get("thinking")
        if isinstance(thinking, list):
            thinking = "".join(_text_of(item.get("text")) for item in thinking if isinstance(item, dict))
        if text := _text_of(thinking):
            flow.reasoning(text, index, events)
        elif text := _text_of(part.get("text")):
            flow.text(text, index, events)


def _read_logprobs(logprobs: object, index: int, events: list[Event]) -> None:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if isinstance(tokens, list):
        kept = tuple(token for token in tokens if isinstance(token, dict))
        if kept:
            events.append(LogprobsDelta(kept, index))
