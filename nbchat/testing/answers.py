"""Answers: frozen values that turn a request into the steps of one HTTP response."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus
from itertools import accumulate, pairwise
from typing import Any, Literal, Protocol

from nbchat.testing.payloads import DONE, MODEL, Payload, chunk, completion, encode, encode_event, usage

__all__ = [
    "Answer",
    "Cut",
    "Flood",
    "Hang",
    "Pause",
    "Plain",
    "Raw",
    "Received",
    "Refuse",
    "Say",
    "Script",
    "Silent",
    "StaleKeepAlive",
    "Status",
    "Step",
    "Stream",
    "Until",
]

Framing = Literal["chunked", "length", "close"]

_EVENT_STREAM = "text/event-stream; charset=utf-8"
_JSON = "application/json"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Received:
    """A request, and what became of its answer.

    `headers` have lower-case names; `connection` counts accepted connections from 1. `finished` is set once the whole
    answer was written, `closed` if the client disconnected before that.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int = 1
    finished: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    closed: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    @property
    def json(self) -> Any:
        """The decoded body. Raises ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Pause:
    """Pause for some seconds; ends early if the client disconnects or the server stops."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Until:
    """Pause until a test sets the event, to order things without sleeping."""

    event: threading.Event


@dataclass(frozen=True, slots=True)
class Hang:
    """Send nothing more until the client disconnects or the server stops."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection, gracefully (FIN) or, with `reset`, as in a crash (RST)."""

    reset: bool = False


Cue = Pause | Until | Hang | Cut
Step = bytes | Cue


class Answer(Protocol):
    """Anything that turns a request into the steps of a response, including its HTTP head."""

    def steps(self, request: Received, /) -> Iterable[Step]:
        """Return what to write and when. The connection is kept alive unless the last step is a `Cut`."""


Script = Answer | Callable[[Received], Answer]


@dataclass(frozen=True, slots=True)
class Say:
    """A successful answer with this text, streamed or whole as requested.

    `text` is sent in `chunks` pieces (None = word by word); a sequence of strings is sent in exactly those pieces.
    `usage` is (prompt, completion) tokens, None = never sent; like OpenAI, a stream sends it only if
    `stream_options.include_usage` is set. `finish` "auto" is "stop", or "tool_calls" if there are any; None = not sent.
    `model` None = the key is omitted. `choices` None = the request's `n`. `done` False = no `[DONE]`. `reasoning` is sent
    before the text as `reasoning_content`. `delay` and `first_delay` are the seconds between chunks, and between the
    headers and the first chunk.
    """

    text: str | Sequence[str] = "Hello from the scripted server."
    _: KW_ONLY
    chunks: int | None = None
    usage: tuple[int, int] | None = (12, 6)
    finish: str | None = "auto"
    model: str | None = MODEL
    choices: int | None = None
    reasoning: str | None = None
    tool_calls: Sequence[Payload] = ()
    done: bool = True
    delay: float = 0.0
    first_delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def steps(self, request: Received) -> Iterable[Step]:
        """Return a stream of events or one JSON body."""
        body = request.json
        choices = self.choices or body.get("n") or 1
        if not body.get("stream"):
            return Plain(self._completion(choices), headers=self.headers).steps(request)
        events = list(self._opening(choices))
        for delta in self._deltas():
            events += [chunk(**delta, index=index, model=self.model) for index in range(choices)]
        events += self._ending(choices, (body.get("stream_options") or {}).get("include_usage", False))
        paced: list[Payload | str | Cue] = []
        for position, event in enumerate(events):
            wait = self.delay if position else self.first_delay
            paced += [Pause(wait), event] if wait else [event]
        return Stream([*paced, *([DONE] if self.done else [])], headers=self.headers).steps(request)

    @property
    def _finish(self) -> str | None:
        if self.finish != "auto":
            return self.finish
        return "tool_calls" if self.tool_calls else "stop"

    def _completion(self, choices: int) -> Payload:
        text = self.text if isinstance(self.text, str) else "".join(self.text)
        extra: dict[str, Any] = {} if self.reasoning is None else {"reasoning_content": self.reasoning}
        if self.tool_calls:
            extra["tool_calls"] = [{key: call[key] for key in call if key != "index"} for call in self.tool_calls]
        whole = completion(text or None, self._finish, model=self.model, choices=choices, **extra)
        return whole if self.usage is None else {**whole, "usage": usage(*self.usage)}

    def _opening(self, choices: int) -> Iterator[Payload]:
        for index in range(choices):
            yield chunk("", index, model=self.model, role="assistant")

    def _deltas(self) -> Iterator[dict[str, Any]]:
        for words in _pieces(self.reasoning or "", None):
            yield {"reasoning_content": words}
        for words in _pieces(self.text, self.chunks):
            yield {"content": words}
        for number, call in enumerate(self.tool_calls):
            yield from _tool_deltas({"index": number, **call})

    def _ending(self, choices: int, include_usage: bool) -> Iterator[Payload]:
        if self._finish is not None:
            for index in range(choices):
                yield chunk(None, index, self._finish, model=self.model)
        if self.usage is not None and include_usage:
            yield {**chunk(model=self.model), "choices": [], "usage": usage(*self.usage)}


def _pieces(text: str | Sequence[str], number: int | None) -> Sequence[str]:
    if not isinstance(text, str):
        return text
    if number is None:
        return re.findall(r"\S+\s*|\s+", text)
    cuts = [len(text) * position // number for position in range(number + 1)]
    return [text[start:end] for start, end in pairwise(cuts)]


def _tool_deltas(call: Payload) -> Iterator[dict[str, Any]]:
    """A call as OpenAI streams it: id and name first, then the arguments in two halves."""
    arguments = call["function"]["arguments"]
    half = len(arguments) // 2
    yield {"tool_calls": [{**call, "function": {**call["function"], "arguments": ""}}]}
    for part in (arguments[:half], arguments[half:]):
        yield {"tool_calls": [{"index": call["index"], "function": {"arguments": part}}]}


@dataclass(frozen=True, slots=True)
class Stream:
    """Exactly these events: a mapping becomes `data: JSON` and a blank line; text and bytes are written unchanged.

    Each event is a separate write and HTTP chunk. Nothing is added: end with `DONE` if it should be sent.
    """

    events: Iterable[Payload | str | bytes | Cue]
    _: KW_ONLY
    content_type: str = _EVENT_STREAM
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Framing = "chunked"

    def steps(self, _request: Received) -> Iterable[Step]:
        """The head, then the events."""
        body = (event if isinstance(event, Cue) else encode_event(event) for event in self.events)
        return _response(body, headers={"content-type": self.content_type, **self.headers}, framing=self.framing)


@dataclass(frozen=True, slots=True)
class Raw:
    """Exactly these bytes as the body, written in `pieces` of the given sizes (the remainder is the last one).

    With `framing` "chunked" each piece is an HTTP chunk, so a client that passes chunks on sees exactly these boundaries.
    "length" sends a Content-Length, "close" ends the body by closing the connection, as in HTTP/1.0; there TCP may join
    pieces unless `gap` (seconds between them) separates them.
    """

    body: bytes
    _: KW_ONLY
    pieces: Sequence[int] = ()
    gap: float = 0.0
    status: int = 200
    content_type: str = _EVENT_STREAM
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Framing = "chunked"

    def steps(self, _request: Received) -> Iterable[Step]:
        """The head, then the pieces."""
        headers = {"content-type": self.content_type, **self.headers}
        return _response(self._body(), status=self.status, headers=headers, framing=self.framing)

    def _body(self) -> Iterator[Step]:
        cuts = [0, *(cut for cut in accumulate(self.pieces) if cut < len(self.body)), len(self.body)]
        for start, end in pairwise(cuts):
            if start and self.gap:
                yield Pause(self.gap)
            yield self.body[start:end]


@dataclass(frozen=True, slots=True)
class Status:
    """An answer with this HTTP status; `body` as JSON, text or bytes, None = empty."""

    status: int
    body: Payload | list[Any] | str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def steps(self, _request: Received) -> Iterable[Step]:
        """The head and the body."""
        body, kind = _document(self.body)
        return _response([body], status=self.status, headers={**kind, **self.headers}, framing="length")


def _document(body: Any) -> tuple[bytes, dict[str, str]]:
    if body is None or isinstance(body, bytes):
        return body or b"", {}
    if isinstance(body, str):
        return body.encode(), {"content-type": "text/plain; charset=utf-8"}
    return encode(body), {"content-type": _JSON}


@dataclass(frozen=True, slots=True)
class Plain:
    """One JSON body with status 200, whatever the request."""

    payload: Any
    _: KW_ONLY
    headers: Mapping[str, str] = field(default_factory=dict)

    def steps(self, _request: Received) -> Iterable[Step]:
        """The head and the body."""
        headers = {"content-type": _JSON, **self.headers}
        return _response([encode(self.payload)], headers=headers, framing="length")


@dataclass(frozen=True, slots=True)
class Refuse:
    """Close the connection after reading the request, without sending anything."""

    reset: bool = False

    def steps(self, _request: Received) -> Iterable[Step]:
        """The cut."""
        return [Cut(self.reset)]


@dataclass(frozen=True, slots=True)
class Silent:
    """Read the request and never answer."""

    def steps(self, _request: Received) -> Iterable[Step]:
        """The silence."""
        return [Hang()]


@dataclass(frozen=True, slots=True)
class StaleKeepAlive:
    """A successful answer on a keep-alive connection that the server closes as soon as it is used again.

    To the client, this looks as if the server's idle timeout expired while the next request was on its way: the pooled
    connection looks alive and fails before the first byte. That next request is not in `requests`.
    """

    answer: Answer = Say()
    reset: bool = False

    def steps(self, request: Received) -> Iterable[Step]:
        """Return the answer's own steps; the server does the rest."""
        return self.answer.steps(request)


@dataclass(frozen=True, slots=True)
class Flood:
    """A stream of `tokens` events of `size` characters each, as fast as the client reads."""

    tokens: int = 10_000
    size: int = 4
    usage: tuple[int, int] | None = None

    def steps(self, _request: Received) -> Iterable[Step]:
        """Yield batches of prepared HTTP chunks, so that the server costs next to nothing."""
        yield _head(200, {"content-type": _EVENT_STREAM, "transfer-encoding": "chunked"})
        piece = _chunked(encode_event(chunk("x" * (self.size - 1) + " ")))
        batch = max(1, 65_536 // len(piece))
        for start in range(0, self.tokens, batch):
            yield piece * min(batch, self.tokens - start)
        yield _chunked(encode_event(chunk(finish="stop")))
        if self.usage is not None:
            yield _chunked(encode_event({**chunk(), "choices": [], "usage": usage(*self.usage)}))
        yield _chunked(encode_event(DONE)) + _chunked(b"")


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    phrase = _PHRASES.get(status, "Status")
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _response(
    body: Iterable[Step], *, headers: Mapping[str, str], status: int = 200, framing: Framing
) -> Iterator[Step]:
    """Return the steps of a response, its body framed in one of the three ways of RFC 9112, section 6.3."""
    fields = {name.lower(): value for name, value in headers.items()}
    match framing:
        case "length":
            body = list(body)
            fields["content-length"] = str(sum(len(step) for step in body if isinstance(step, bytes)))
        case "chunked":
            fields["transfer-encoding"] = "chunked"
        case "close":
            fields["connection"] = "close"
    yield _head(status, fields)
    for step in body:
        if not isinstance(step, bytes):
            yield step
        elif step:
            yield _chunked(step) if framing == "chunked" else step
    if framing == "chunked":
        yield _chunked(b"")
    elif framing == "close":
        yield Cut()
