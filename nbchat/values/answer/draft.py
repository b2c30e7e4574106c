"""An answer under construction: folds events and returns a `Reply` at any time."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Mapping
from typing import Any

from nbchat.values.answer.carried import REASONING, Carried, with_more
from nbchat.values.answer.events import (
    CarriedDelta,
    Ended,
    Event,
    Failed,
    Finished,
    FirstToken,
    ImageDelta,
    LogprobsDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Responded,
    Retrying,
    Sent,
    SourcesDelta,
    Started,
    TextDelta,
    ThoughtBefore,
    ToolCallDelta,
    Unshown,
    UsageReport,
)
from nbchat.values.answer.ignored import ignored_parameters
from nbchat.values.answer.reply import Choice, Reply, Request, Status, Timing
from nbchat.values.answer.tool_arguments import repaired_arguments
from nbchat.values.answer.usage import UNKNOWN, Usage, estimate_tokens
from nbchat.values.errors import CutOff, NbchatError, ServerSilent
from nbchat.values.frozen import FrozenDict
from nbchat.values.messages import ImagePart, Source, ToolCall

__all__ = ["Draft"]


class _ChoiceDraft:
    """One choice under construction. Texts are buffers: a list of a million pieces would take ten times their size."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.reasoning = io.StringIO()
        self.refusal = io.StringIO()
        self.logprobs: list[Mapping[str, Any]] = []
        self.calls: dict[int, _CallDraft] = {}
        self.finish_reason: str | None = None
        self.fields: dict[str, Any] = {}
        self.thought: io.StringIO | None = None  # the server's field for reasoning, if it has one
        self.images: list[ImagePart] = []
        self.sources: list[Source] = []
        self.unshown: list[str] = []
        self._size_at_end = -1  # the length of its texts when the server certainly ended it

    def finish(self, reason: str, *, certain: bool) -> None:
        self.finish_reason = reason
        self._size_at_end = self._size if certain else -1

    @property
    def is_whole(self) -> bool:
        """Whether the server has certainly ended it, and nothing has arrived after that."""
        return self._size == self._size_at_end

    @property
    def _size(self) -> int:
        return self.text.tell() + self.reasoning.tell() + self.refusal.tell()

    def thought_before(self, last: str) -> None:
        """Turn all text so far, and this last piece, into reasoning."""
        self.reasoning.write(self.text.getvalue() + last)
        self.text = io.StringIO()

    def carry(self, event: CarriedDelta) -> None:
        """Add fields to return to the server."""
        if event.call is not None:
            call = self.calls.setdefault(event.call, _CallDraft())
            call.extra = with_more(call.extra, event.fields)
        else:
            fields = dict(event.fields)
            if (thought := fields.pop(REASONING, None)) is not None:
                self.thought = self.thought or io.StringIO()
                self.thought.write(thought)
            self.fields = {**self.fields, **fields} if event.whole else with_more(self.fields, fields)

    def carried(self, server: str, *, in_tools: bool) -> Carried | None:
        """The fields to return to `server`; the reasoning only if the turn calls tools. None = nothing."""
        fields = dict(self.fields)
        if self.thought is not None and (in_tools or self.calls):
            fields[REASONING] = self.thought.getvalue()
        has_more = fields or any(call.extra for call in self.calls.values())
        return Carried(server, FrozenDict(fields)) if has_more else None

    def _calls(self, index: int) -> tuple[ToolCall, ...]:
        """The calls by number; one that repeats another with its id is that call, sent twice."""
        calls = (call.call(index, number) for number, call in sorted(self.calls.items()) if call.name)
        return tuple(dict.fromkeys(calls))

    def choice(self, index: int, server: str, *, in_tools: bool) -> Choice:
        return Choice(
            index,
            self.text.getvalue(),
            self.finish_reason,
            self.reasoning.getvalue(),
            self.refusal.getvalue(),
            self._calls(index),
            tuple(self.logprobs),
            tuple(self.images),
            tuple(self.sources),
            tuple(self.unshown),
            self.carried(server, in_tools=in_tools),
        )


class _CallDraft:
    """The pieces of one tool call: the first id and name win, a cumulative name may grow, arguments are joined."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.extra: dict[str, Any] = {}
        self.arguments = io.StringIO()
        self.last = ""
        self.grows = True  # whether the pieces are cumulative

    def add(self, delta: ToolCallDelta) -> None:
        self.id = self.id or delta.id
        if delta.name.startswith(self.name):
            self.name = delta.name or self.name
        if delta.arguments:
            self.grows = self.grows and delta.arguments.startswith(self.last)
            self.last = delta.arguments
            self.arguments.write(delta.arguments)

    def call(self, index: int, number: int) -> ToolCall:
        arguments = repaired_arguments(self.arguments.getvalue(), self.last if self.grows else "")
        return ToolCall(self.id or f"call_{index}_{number}", self.name, arguments, FrozenDict(self.extra))


class Draft:
    """Folds the events of one request into a reply. `asked` is the request sent.

    `started` is when the request was made, by `time.perf_counter` (None = now); a `Sent` event overrides it.
    """

    def __init__(self, request: Request, started: float | None = None) -> None:
        self._request = request
        self._sent_at = time.perf_counter() if started is None else started
        self._choices: dict[int, _ChoiceDraft] = {}
        self._model: str | None = None
        self._id: str | None = None
        self._usage: Usage | None = None
        self._raw_usage: Mapping[str, Any] | None = None
        self._first: float | None = None
        self._total: float | None = None
        self._notices: list[str] = []
        self._tries = 1
        self._request_id: str | None = None
        self.sent = False
        """Whether the request has gone out."""
        self.error: NbchatError | None = None
        """What went wrong, if anything."""

    @property
    def ended(self) -> bool:
        """Whether the answer has ended, successfully or not."""
        return self._total is not None or self.error is not None

    def add(self, events: Iterable[Event]) -> None:
        """Fold in some events."""
        for event in events:
            if type(event) is TextDelta:
                self._choice(event.index).text.write(event.text)
            else:
                self._add(event)

    def _add(self, event: Event) -> None:
        match event:
            case TextDelta(text, index):
                self._choice(index).text.write(text)
            case ReasoningDelta(text, index):
                self._choice(index).reasoning.write(text)
            case RefusalDelta(text, index):
                self._choice(index).refusal.write(text)
            case LogprobsDelta(tokens, index):
                self._choice(index).logprobs.extend(tokens)
            case ToolCallDelta(call=number, index=index):
                self._choice(index).calls.setdefault(number, _CallDraft()).add(event)
            case ThoughtBefore(text, index):
                self._choice(index).thought_before(text)
            case ImageDelta(image, index):
                self._choice(index).images.append(image)
            case SourcesDelta(sources, index):
                self._choice(index).sources.extend(sources)
            case Unshown(kind, index):
                self._choice(index).unshown.append(kind)
            case CarriedDelta(index=index):
                self._choice(index).carry(event)
            case Finished(reason, index, certain):
                self._choice(index).finish(reason, certain=certain)
            case UsageReport(usage, raw):
                self._usage, self._raw_usage = usage, raw
            case Sent(at):
                self.sent, self._sent_at = True, at
            case Started(model, reply_id):
                self._model, self._id = model, reply_id
            case Responded(request_id=request_id):
                self._request_id = request_id
            case FirstToken(at):
                self._first = at - self._sent_at
            case Ended(at):
                self._total = at - self._sent_at
            case Notice(text):
                self._notices.append(text)
            case Retrying(seconds=seconds, attempt=1):
                self._notices.append(f"waited {seconds:.0f} s for the server's rate limit")
            case Retrying(reason=reason, attempt=attempt):
                self._tries = attempt
                self._notices = [note for note in self._notices if not note.startswith("retried")]
                self._notices.append("retried" + (f" {attempt - 1} times" if attempt > 2 else "") + f" ({reason})")
            case Failed(error):
                self.error = error

    def _choice(self, index: int) -> _ChoiceDraft:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceDraft()
        return choice

    def reply(self, *, interrupted: bool = False) -> Reply:
        """Return the answer so far, with unknown cost. `interrupted`: the user stopped it, perhaps after its end."""
        server, sent = self._request.url, self._request.body.get("messages") or [{}]
        in_tools = sent[-1].get("role") == "tool"
        drafts = sorted(self._choices.items())
        choices = tuple(draft.choice(index, server, in_tools=in_tools) for index, draft in drafts) or (Choice(),)
        total = time.perf_counter() - self._sent_at if self._total is None else self._total
        status, usage = self._status(interrupted=interrupted), self._usage_of(choices)
        whole = status == "complete" and bool(self._choices)
        return Reply(
            choices,
            status,
            self._model or self._request.body.get("model"),
            usage,
            timing=Timing(self._first, total),
            id=self._id,
            request=self._request,
            notices=(*self._notices, *ignored_parameters(self._request.body, choices, usage, self._model, whole=whole)),
            tries=self._tries,
            request_id=self._request_id,
            raw_usage=self._raw_usage,
        )

    def _status(self, *, interrupted: bool) -> Status:
        if interrupted and not self.ended and not self._is_whole:
            return "interrupted"
        if isinstance(self.error, (CutOff, ServerSilent)):
            return "cut_off"
        return "failed" if self.error is not None else "complete"

    @property
    def _is_whole(self) -> bool:
        """Whether all choices have ended; only a usage count may be missing."""
        drafts = self._choices.values()
        return len(drafts) >= (self._request.body.get("n") or 1) and all(draft.is_whole for draft in drafts)

    def _usage_of(self, choices: tuple[Choice, ...]) -> Usage:
        if self._usage is not None:
            return self._usage
        texts = [_written(message) for message in self._request.body.get("messages", ())]
        prompt = None if None in texts else sum(estimate_tokens(text or "") for text in texts)
        if prompt is None and not self._choices:
            return UNKNOWN
        return Usage.estimated(prompt, sum(map(_estimated, choices)))


def _estimated(choice: Choice) -> int:
    """Estimate the tokens of a choice."""
    texts = (choice.text, choice.reasoning, choice.refusal, *(call.arguments for call in choice.tool_calls))
    return sum(map(estimate_tokens, texts))


def _written(message: Mapping[str, Any]) -> str | None:
    """The text of a sent message, to estimate its tokens; None if it holds an image, whose tokens are unknown."""
    content = message.get("content", "")
    if isinstance(content, str):
        return content
    if any(part.get("type") != "text" for part in content):
        return None
    return "".join(part.get("text", "") for part in content)
