"""The chat-completions protocol, pure: values to a request body, bytes of an answer to typed events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbchat.api.error_body import describe
from nbchat.api.failure import error_from
from nbchat.api.keys import Key, Redactor
from nbchat.api.meter import Meter
from nbchat.api.payload import PayloadReader
from nbchat.api.sse import ServerSentEvent, SSEDecoder
from nbchat.api.template import ChunkTemplate
from nbchat.api.textflow import paired
from nbchat.api.toolcalls import tool_names
from nbchat.api.truncated import read_truncated
from nbchat.values.errors import CutOff, NbchatError, ParameterError, ProtocolError, ServerError
from nbchat.values.events import Event, Failed, Notice
from nbchat.values.limits import LIMITS, Limit, Limits
from nbchat.values.messages import Message
from nbchat.values.params import Params

__all__ = ["AnswerDecoder", "body", "encoded"]

FAILED_REASONS = frozenset({"error", "network_error"})
"""Finish reasons that say that the answer failed."""

SHORT_QUOTE = 60
"""Characters of an unreadable event that are shown."""

_HOLLOW = re.compile(rb"\s*(:.*|(event|id|retry):.*|data:\s*(\[DONE\])?)?\s*")

OPENING = 4096
"""Bytes of an answer's beginning that are kept, to quote them where they turn out to be no answer."""

RESCUED = 2_000_000
"""Bytes of an event or a body that is too long in which text is looked for."""

PORTION = 1_000_000
"""Bytes that are read at a time: what exceeds a limit is seen after so many at the latest."""


def body(
    messages: Iterable[Message],
    params: Params,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    include_usage: bool = True,
    server: str | None = None,
) -> dict[str, Any]:
    """The request's JSON: what the user set, and nothing else but `stream` and the wish for a usage count.

    `server` is the address it goes to; what another one attached to its messages stays out (None = what any one did).
    No defaults, no nulls: many servers refuse a parameter they do not know, and "unset" means that the server decides.
    """
    request: dict[str, Any] = {}
    if params.model is not None:
        request["model"] = params.model
    request["messages"] = [message.to_wire(server) for message in messages]
    for name, value in params.items():
        request.setdefault(name, list(value) if isinstance(value, tuple) else value)
    if tools:
        request["tools"] = list(tools)
    streaming = params.stream is not False
    request["stream"] = streaming
    if streaming and include_usage:
        request["stream_options"] = {"include_usage": True}
    return request


def encoded(request: Mapping[str, Any]) -> bytes:
    """The request's JSON as bytes. A lone half of a character becomes U+FFFD: UTF-8 can't hold it.

    Raises ParameterError for what JSON can't hold.
    """
    try:
        text = json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"The request can't be written as JSON ({error}). Nothing was sent.") from None
    return paired(text).encode()


class AnswerDecoder:
    """The bytes of one answer, in any portions, to events: a stream of server-sent events or one JSON body.

    Nothing raises: what goes wrong comes as a `Failed` event, after which nothing follows. `server` names who answers,
    `sent` is the request's body (both for the error sentences); `key` is masked wherever it comes back. `known` says
    that the address has answered before. What exceeds `limits` ends the answer there, as cut off.
    """

    def __init__(
        self,
        *,
        server: str = "The server",
        sent: Mapping[str, Any] | None = None,
        key: Key | None = None,
        known: bool = False,
        limits: Limits = LIMITS,
    ) -> None:
        self._limits = limits
        self._meter = Meter(limits)
        self._size = 0  # bytes so far
        self._server = server
        self._sent = sent or {}
        self._key = key
        self._known = known
        self._redactor = Redactor.of_bytes(key)
        self._sse: SSEDecoder | None = None
        self._head = bytearray()  # until it is clear whether this is a stream; then the whole of a JSON body
        self._opening = b""
        self._payload = PayloadReader(key, tool_names(self._sent.get("tools")))
        self._template = ChunkTemplate(self._reads_as_text)
        self._unreadable = ""  # the beginning of the first event that could not be read
        self._count_unreadable = 0
        self.done = False
        """Whether the answer said that it has ended, by `[DONE]` or by being one whole JSON body."""
        self.failed = False
        """Whether a `Failed` event was given out."""

    @property
    def begun(self) -> bool:
        """Whether anything of a reply has come. A request is never sent again after that."""
        return self._payload.seen or bool(self._head)

    @property
    def hollow(self) -> bool:
        """Whether nothing has come but what streams hold beside events: comments, field names, `[DONE]`."""
        nothing = not (self.begun or self.failed or self._unreadable)
        return nothing and all(_HOLLOW.fullmatch(line) for line in self._opening.removeprefix(_BOM).splitlines())

    @property
    def finished(self) -> bool:
        """Whether every choice that was asked for has said why it ended: a usage count and `[DONE]` may follow."""
        asked = self._sent.get("n")
        return self._payload.all_finished and len(self._payload.reasons) >= (asked if isinstance(asked, int) else 1)

    @property
    def counted(self) -> bool:
        """Whether, besides, the usage count has come: only `[DONE]` may follow."""
        return self.finished and self._payload.counted

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if len(data) > PORTION:
            parts = (data[start : start + PORTION] for start in range(0, len(data), PORTION))
            return [event for part in parts for event in self.feed(part)]
        if self.failed:
            return []
        self._size += len(data)
        events = self._feed(self._redactor.feed(data))
        return self._bounded(events)

    def _bounded(self, events: list[Event]) -> list[Event]:
        """The events up to where a limit is exceeded, and the failure that this is."""
        exceeded = self._meter.admit(events)
        if exceeded is None and not self.failed and (exceeded := self._exceeded_bytes()) is not None:
            rest = self._rescued()
            self._meter.admit(rest)
            events += rest
        if exceeded is not None and not (events and isinstance(events[-1], Failed)):
            self._fail(exceeded.error(self._server), events)
        return events

    def _exceeded_bytes(self) -> Limit | None:
        """The limit that the bytes exceed as they are, whatever they say."""
        if self._sse is None:
            return self._limits.body if len(self._head) > self._limits.body.most else None
        return self._sse.exceeded or (self._limits.stream if self._size > self._limits.stream.most else None)

    def _rescued(self) -> list[Event]:
        """What can be read of the event, or of the body, that was too long to be read to its end."""
        began = bytes(self._head[:RESCUED]) if self._sse is None else self._sse.beginning(RESCUED)
        self._head.clear()
        events: list[Event] = []
        self._take(read_truncated(began.decode("utf-8", "ignore")), b"", events)
        return events if self.failed else events + self._payload.flush()

    def _feed(self, data: bytes) -> list[Event]:
        if len(self._opening) < OPENING:
            self._opening += data[:OPENING]
        if self._sse is None:
            self._head += data if self._head else data.lstrip()
            if not _is_stream(self._head[:4]):
                return []
            self._sse = SSEDecoder(self._limits)
            data = bytes(self._head)
            self._head.clear()
        return self._read(self._sse.feed(data))

    def end(self, broken: str | None = None) -> list[Event]:
        """The last events, at the end of the bytes. `broken` is the transport's complaint, None = an orderly end.

        Whole is: `[DONE]`, or a finish reason and then the end. After a broken connection every choice must have
        finished. Anything else is cut off.
        """
        if self.failed:
            return []
        events = self._feed(self._redactor.flush())
        if not self.failed:
            events += self._read(self._sse.flush()) if self._sse is not None else self._whole_body()
        if not self.failed:
            events += self._closing(broken)
        return self._bounded(events)

    def _closing(self, broken: str | None) -> list[Event]:
        events = self._payload.flush()
        if self._count_unreadable:
            count = "one event" if self._count_unreadable == 1 else f"{self._count_unreadable:,} events"
            quoted = self._quoted(self._unreadable[:SHORT_QUOTE])
            events.append(Notice(f"{count} could not be read, so text may be missing: {quoted}"))
        if error := self._verdict(broken):
            self._fail(error, events)
        return events

    def _verdict(self, broken: str | None) -> NbchatError | None:
        """What is wrong with the answer as a whole."""
        reasons = self._payload.reasons
        if bad := FAILED_REASONS & set(reasons.values()):
            return ServerError(f"{self._server} ended the answer with finish_reason {min(bad)!r}: it is not whole.")
        if self._payload.seen:
            if self.done or (self._payload.all_finished if broken else reasons):
                return None
            why = f" ({broken})" if broken else ", with neither a finish_reason nor [DONE]"
            return CutOff(
                f"{self._server} broke off in the middle of the answer{why}. %chat continue takes it up, %chat retry asks anew."
            )
        if broken:
            return CutOff(f"{self._server} broke off before its answer could be read ({broken}). Run it again.")
        said = self._quoted(self._unreadable or self._stray())
        blame = "" if self._known else " Is the base URL that of a chat-completions API (often ending in /v1)?"
        return ProtocolError(
            f"{self._server} answered with nothing that is a reply{f' ({said})' if said else ''}.{blame}"
        )

    def _quoted(self, words: str) -> str:
        """The server's words as an error quotes them."""
        return describe(words, self._key).message

    def _stray(self) -> str:
        """The opening bytes as text, without a stream's field name."""
        return self._opening.decode("utf-8", "replace").strip().removeprefix("data:").strip()

    def _read(self, events: Iterable[ServerSentEvent]) -> list[Event]:
        read: list[Event] = []
        for lines, kind in events:
            if self.done:
                break
            text = self._template.text(lines[0]) if len(lines) == 1 and not kind else None
            if text is not None:
                self._payload.more_text(text, read)
                continue
            for payload in self._payloads(lines):
                self._take(payload, kind, read)
                if self.failed:
                    return read
        return read

    def _payloads(self, lines: list[bytes]) -> list[Any]:
        """The JSON of one event; where its lines are not JSON together, that of each line."""
        data = b"\n".join(lines).strip()
        if not data:
            return []
        if data.startswith(b"[DONE]"):
            self.done = True
            return []
        try:
            payload = _loads(data)
        except (ValueError, RecursionError):
            if len(lines) == 1:
                self._note_unreadable(data[:200].decode("utf-8", "replace"))
                return []
            return [payload for line in lines for payload in self._payloads([line])]
        if len(lines) == 1:
            self._template.learn(lines[0])
        return [payload]

    def _reads_as_text(self, data: bytes, text: str) -> bool:
        """Whether these bytes are a chunk that brings this text for the first choice, and nothing else."""
        try:
            payload = _loads(data)
        except (ValueError, RecursionError):
            return False
        return _failure(payload, b"") is None and self._payload.is_only_text(payload, text)

    def _take(self, payload: Any, kind: bytes, events: list[Event]) -> None:
        """Read one payload, or a list of several, into events."""
        for item in payload if isinstance(payload, list) else [payload]:
            if self.failed:
                return
            try:
                if isinstance(item, dict):
                    self._payload.read(item, events)
                failure = _failure(item, kind)
            except RecursionError:
                self._note_unreadable("nested too deep")
                continue
            if failure is not None:
                events += self._payload.flush()
                self._fail(error_from(None, failure, server=self._server, sent=self._sent, key=self._key), events)

    def _note_unreadable(self, words: str) -> None:
        self._unreadable = self._unreadable or words
        self._count_unreadable += 1

    def _fail(self, error: NbchatError, events: list[Event]) -> None:
        self.failed = True
        events.append(Failed(error))

    def _whole_body(self) -> list[Event]:
        """A streaming request may be answered by plain JSON; some servers write one object a line."""
        text = bytes(self._head).removeprefix(_BOM).strip()
        events: list[Event] = []
        try:
            payload = _loads(text)
        except (ValueError, RecursionError):
            sse = SSEDecoder(self._limits)
            return self._read(sse.feed(text.replace(b"\n{", b"\n\n{")) + sse.flush())
        self._take(payload, b"", events)
        self.done = True
        return events


def _loads(data: bytes) -> Any:
    """JSON as servers write it: bytes that are no UTF-8 become U+FFFD, raw control characters in strings may stand."""
    return _DECODER.decode(data.decode("utf-8", "replace"))


_DECODER = json.JSONDecoder(strict=False)


def _is_stream(head: bytearray) -> bool:
    """Whether these first bytes are those of an event stream rather than of a JSON body."""
    start = bytes(head).removeprefix(_BOM)
    return bool(start) and start[:1] not in b"{[" and not _BOM.startswith(start)


_BOM = b"\xef\xbb\xbf"


def _failure(payload: Any, kind: bytes) -> object:
    """What of a payload is an error, or None: an `error` that says something, or an error's form without choices."""
    if not isinstance(payload, dict):
        return str(payload) if kind == b"error" else None
    if payload.get("error"):
        return payload
    formed = kind == b"error" or "error" in (payload.get("object"), payload.get("type")) or payload.get("detail")
    return payload if formed and "choices" not in payload else None
