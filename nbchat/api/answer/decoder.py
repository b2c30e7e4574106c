"""The bytes of an answer to typed events, without I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nbchat.api.answer.failed import failure_in, has_detail, remark_in
from nbchat.api.answer.json_text import loads, read_truncated, several
from nbchat.api.answer.meter import Meter
from nbchat.api.answer.payload import PayloadReader
from nbchat.api.answer.plain import PlainChunks
from nbchat.api.answer.sse import DONE, SSEDecoder
from nbchat.api.answer.toolcalls import tool_names
from nbchat.api.keys import Key, Redactor
from nbchat.values.answer.events import Event, Failed, Notice
from nbchat.values.errors import CutOff, NbchatError, ProtocolError, ServerError
from nbchat.values.limits import LIMITS, Limit, Limits

__all__ = ["AnswerDecoder"]

FAILED_REASONS = frozenset({"error", "network_error"})
"""Finish reasons of failed answers."""

SHORT_QUOTE = 60
"""Characters shown of an unreadable event."""

_HOLLOW = re.compile(rb"\s*(:.*|(event|id|retry):.*|data:\s*(\[DONE\])?)?\s*")

OPENING = 4096
"""Bytes kept of an answer's beginning, to quote if it is not an answer."""

RESCUED = 2_000_000
"""Bytes of an oversized event or body that are searched for text."""

LINE_COST = 64
"""Bytes that a line of an event counts beside its own: what Python needs to hold it."""

PORTION = 1_000_000
"""Bytes read at a time, the granularity of limits."""


class AnswerDecoder:
    """Decodes the bytes of one answer, in any portions, to events: a stream of server-sent events or one JSON body.

    Nothing raises: a failure is a final `Failed` event. `server` names the server and `sent` is the request's body, both
    for error messages; `key` is masked wherever it is echoed. `known`: the address has answered before. An answer that
    exceeds `limits` is cut off there.
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
        quoted = any(mark in text for text in (key.texts if key is not None else ()) for mark in '"\\/')
        self._escape = b"\\" if quoted else b"\\u"
        """What is in JSON that hides the key: of letters, digits and most signs it has no other escape."""
        self._known = known
        self._redactor = Redactor.of_bytes(key)
        self._sse: SSEDecoder | None = None
        self._head = bytearray()  # until it is clear whether this is a stream; then the whole of a JSON body
        self._is_body = False  # whether it is a body: its first line is not JSON by itself
        self._only = False  # for a body that begins with an object: whether nothing else has arrived
        self._unfinished: list[bytes] = []  # lines of an event that are not JSON by themselves
        self._event_size = 0  # of these lines
        self._opening = b""
        self._payload = PayloadReader(key, tool_names(self._sent.get("tools")))
        self._plain = PlainChunks(self._payload)
        self._unreadable = ""  # the beginning of the first event that could not be read
        self._count_unreadable = 0
        self._remark: object = None  # the last event that held only a message, and its position
        self._remark_at = 0
        self.done = False
        """Whether the answer ended explicitly, with `[DONE]` or as one complete JSON body."""
        self.failed = False
        """Whether a `Failed` event was emitted."""

    @property
    def begun(self) -> bool:
        """Whether any of a reply has arrived; the request is then never retried."""
        return self._payload.seen or bool(self._head)

    @property
    def hollow(self) -> bool:
        """Whether only stream syntax has arrived: comments, field names, `[DONE]`."""
        nothing = not (self.begun or self.failed or self._unreadable)
        return nothing and all(_HOLLOW.fullmatch(line) for line in self._opening.removeprefix(_BOM).splitlines())

    @property
    def finished(self) -> bool:
        """Whether every choice seen has a finish reason; a usage count and `[DONE]` may follow."""
        return self._payload.all_finished

    @property
    def trusted(self) -> bool:
        """Whether every requested choice has a finish reason, and this stream's finish reasons are known to mark ends."""
        choices = self._sent.get("n")
        return self._payload.trusted and len(self._payload.reasons) >= (choices if isinstance(choices, int) else 1)

    @property
    def counted(self) -> bool:
        """Whether the usage count has arrived too; only `[DONE]` may follow."""
        return self._payload.counted

    def feed(self, data: bytes) -> list[Event]:
        """Return the events completed by these bytes."""
        if len(data) > PORTION:
            parts = (data[start : start + PORTION] for start in range(0, len(data), PORTION))
            return [event for part in parts for event in self.feed(part)]
        if self.failed:
            return []
        self._size += len(data)
        events = self._feed(self._redactor.feed(data))
        return self._bounded(events)

    def _bounded(self, events: list[Event]) -> list[Event]:
        """Cut the events where a limit is exceeded, and add the failure."""
        exceeded = self._meter.admit(events)
        if exceeded is None and not self.failed and (exceeded := self._exceeded_bytes()) is not None:
            rest = self._rescued()
            self._meter.admit(rest)
            events += rest
        if exceeded is not None and not (events and isinstance(events[-1], Failed)):
            self._fail(exceeded.error(self._server), events)
        return events

    def _exceeded_bytes(self) -> Limit | None:
        """Return the limit exceeded by the raw bytes."""
        if self._sse is None:
            return self._limits.body if len(self._head) > self._limits.body.most else None
        if self._event_size > self._limits.event.most:
            return self._limits.event
        return self._sse.exceeded or (self._limits.stream if self._size > self._limits.stream.most else None)

    def _rescued(self) -> list[Event]:
        """Return what can be read of an oversized event or body."""
        began = bytes(self._head[:RESCUED])
        if self._sse is not None:
            lines = (*self._unfinished, self._sse.beginning(RESCUED))
            began = b"\n".join(lines[: RESCUED // LINE_COST])[:RESCUED]
        self._head.clear()
        events: list[Event] = []
        self._take(read_truncated(began.decode("utf-8", "ignore")), b"", events)
        return events if self.failed else events + self._payload.flush()

    def _feed(self, data: bytes) -> list[Event]:
        if len(self._opening) < OPENING:
            self._opening += data[:OPENING]
        if self._sse is None:
            known = len(self._head)
            self._head += data if self._head else data.lstrip()
            if self._is_body or not self._is_stream(known):
                return []
            self._sse = SSEDecoder(self._limits)
            data = bytes(self._head)
            self._head.clear()
        return self._read(self._sse.feed(data), self._sse)

    def _is_stream(self, known: int) -> bool:
        """Whether the body so far is a stream of events, or of objects, one per line; `known` bytes hold no line end."""
        start = bytes(self._head[:4]).removeprefix(_BOM)
        if not start or _BOM.startswith(start):
            return False
        if start[:1] != b"{":
            return start[:1] != b"["
        end = self._head.find(b"\n", known)
        if end < 0:
            return False
        try:
            loads(bytes(self._head[:end]).removeprefix(_BOM))
        except ValueError:
            self._is_body = True
            return False
        self._only = True
        return True

    def end(self, broken: str | None = None, *, abandoned: bool = False) -> list[Event]:
        """Return the last events, at the end of the bytes. `broken` is the transport's error; None = orderly end.

        An answer is whole after `[DONE]`, or after a finish reason followed by the end of the bytes. If the connection
        broke, every choice must have finished, with nothing after that. Anything else is cut off, as is an answer that
        was `abandoned` while bytes still arrived.
        """
        if self.failed:
            return []
        events = self._feed(self._redactor.flush())
        if not self.failed:
            events += self._read(self._sse.flush(), self._sse) if self._sse is not None else self._whole_body()
        if not self.failed and self._rescue_last(events):
            broken, abandoned = broken or "its JSON is incomplete", True
        if not self.failed:
            self._give_up(events)
            self.done = self.done or self._only
        if not self.failed:
            events += self._closing(broken, abandoned=abandoned)
        return self._bounded(events)

    def _closing(self, broken: str | None, *, abandoned: bool) -> list[Event]:
        events = self._payload.flush()
        if self._count_unreadable:
            count = "one event" if self._count_unreadable == 1 else f"{self._count_unreadable:,} events"
            quoted = self._quoted(self._unreadable[:SHORT_QUOTE])
            events.append(Notice(f"{count} could not be read, so text may be missing: {quoted}"))
        error = self._verdict(broken, abandoned=abandoned)
        if self._remark is not None and (error is None or self._is_remark_followed):
            events.append(Notice(f"the server also said: {self._quoted(self._remark)}"))
        if error is not None:
            self._fail(error, events)
        return events

    @property
    def _is_remark_followed(self) -> bool:
        """Whether more of the answer followed the server's remark, so that the remark did not end the answer."""
        return self._payload.reads > self._remark_at

    def _verdict(self, broken: str | None, *, abandoned: bool) -> NbchatError | None:
        """Return what is wrong with the answer as a whole."""
        reasons = self._payload.reasons
        if bad := FAILED_REASONS & set(reasons.values()):
            return ServerError(f"{self._server} ended the answer with finish_reason {min(bad)!r}: it is incomplete.")
        last_words = self._remark is not None and not (self._payload.ended or self._is_remark_followed)
        if last_words and (self._payload.seen or has_detail(self._remark)):
            return self._error(self._remark)
        if self._payload.seen:
            if self.done or (not abandoned and (self._payload.all_finished if broken else self._payload.ended)):
                return None
            why = f" ({broken})" if broken else ", with neither a finish_reason nor [DONE]"
            return CutOff(f"{self._server} broke off in the middle of the answer{why}.")
        if broken:
            return CutOff(f"{self._server} broke off before its answer could be read ({broken}). Run it again.")
        excerpt = self._quoted(self._unreadable or self._stray())
        blame = "" if self._known else " Is the base URL that of a chat-completions API (often ending in /v1)?"
        return ProtocolError(
            f"{self._server} sent nothing that can be read as a reply{f' ({excerpt})' if excerpt else ''}.{blame}"
        )

    def _quoted(self, words: object) -> str:
        """Format the server's words for an error."""
        from nbchat.api.error_body import describe  # not needed before something goes wrong

        return describe(words, self._key).message

    def _stray(self) -> str:
        """The opening bytes as text, without a stream's field name."""
        from nbchat.api.error_body import text_of  # not needed before something goes wrong

        return text_of(bytes(self._opening)).strip().removeprefix("data:").strip()

    def _read(self, lines: Iterable[bytes], sse: SSEDecoder) -> list[Event]:
        read: list[Event] = []
        plain = self._plain
        for line in () if self.done or self.failed else lines:
            if self._event_size == 0:
                if not line:
                    sse.type = b""
                    continue
                if line.startswith(b"data:"):
                    if sse.type != b"error" and plain.read(line[5:], read):
                        continue
                elif line.startswith(b"{") and plain.read(line, read):
                    self._only = False
                    continue
            elif not line:
                self._give_up(read)
            plain.settle(read)
            if (data := sse.data(line)) is not None:
                self._read_line(data.strip(), sse.type, read)
            if self.done or self.failed:
                break
        plain.settle(read)
        return read

    def _read_line(self, data: bytes, kind: bytes, read: list[Event]) -> None:
        """Read a line: valid JSON is an event; anything else may be part of one that continues in the next lines."""
        if data.startswith((DONE, b'"[DONE]"')):
            self._give_up(read)
            self.done = True
            return
        try:
            payload = loads(data)
        except ValueError:
            if kind == b"error" and data and not data.startswith(b"{"):
                self._take({"error": data.decode("utf-8", "replace")}, kind, read)
            else:
                self._keep(data)
            return
        if self._unfinished:
            if not isinstance(payload, dict) or payload.keys().isdisjoint(("choices", "error")):
                self._keep(data)
                return
            self._give_up(read)
        self._take(payload, kind, read, escaped=self._escape in data)

    def _keep(self, data: bytes) -> None:
        """Keep a line that is not an event by itself."""
        self._event_size += len(data) + LINE_COST
        if data:
            self._unfinished.append(data)

    def _give_up(self, read: list[Event]) -> None:
        """Read the lines of an event that will not be completed: as JSON values together, or else each by itself."""
        lines, self._unfinished, self._event_size = self._unfinished, [], 0
        if len(lines) > 1 and self._read_several(b"\n".join(lines), read):
            return
        for line in lines:
            if not self._read_several(line, read):
                self._note_unreadable(line[:200].decode("utf-8", "replace"))

    def _rescue_last(self, events: list[Event]) -> bool:
        """Read what can be read of a body or last event that is truncated; False = it is not."""
        text = b"\n".join(self._unfinished)
        try:
            several(text)
        except ValueError:
            began = read_truncated(text.decode("utf-8", "ignore"))
        else:
            return False
        match began:
            case {"choices": [_, *_]}:
                self._unfinished = []
                self._take(began, b"", events)
                return True
        return False

    def _read_several(self, data: bytes, read: list[Event]) -> bool:
        """Read several JSON values in a row; False = the text is not that."""
        try:
            payloads = several(data)
        except ValueError:
            return False
        for payload in payloads:
            self._take(payload, b"", read)
        return True

    def _take(self, payload: Any, kind: bytes, events: list[Event], *, escaped: bool = True) -> None:
        """Read one payload, or a list of several, into events; `escaped`: the bytes may not have shown the key in it."""
        if self._key is not None and escaped:
            payload = self._key.masked(payload)
        self._only = self._only and not self._payload.seen and _is_whole(payload)
        for item in payload if isinstance(payload, list) else [payload]:
            if self.failed:
                return
            if isinstance(item, dict):
                self._payload.read(item, events)
            if (failure := failure_in(item, kind)) is not None:
                events += self._payload.flush()
                self._fail(self._error(failure), events)
            elif (remark := remark_in(item)) is not None:
                self._remark, self._remark_at = remark, self._payload.reads

    def _error(self, failure: object) -> NbchatError:
        from nbchat.api.failure import error_from  # not needed before something goes wrong

        return error_from(None, failure, server=self._server, sent=self._sent, key=self._key)

    def _note_unreadable(self, words: str) -> None:
        self._unreadable = self._unreadable or words
        self._count_unreadable += 1

    def _fail(self, error: NbchatError, events: list[Event]) -> None:
        self.failed = True
        events.append(Failed(error))

    def _whole_body(self) -> list[Event]:
        """Read a body that is JSON: a whole reply, or several objects in a row, each on one line or more."""
        text = bytes(self._head).removeprefix(_BOM).strip()
        events: list[Event] = []
        try:
            payloads = several(text)
        except ValueError:
            sse = SSEDecoder(self._limits)
            events = self._read(sse.feed(text) + sse.flush(), sse)
            if not self._payload.seen and text.startswith(b"{"):
                self._unfinished = [text]
            return events
        for payload in payloads:
            self._take(payload, b"", events)
        self.done = len(payloads) == 1
        return events


def _is_whole(payload: Any) -> bool:
    """Whether a payload is a whole reply, not a chunk."""
    match payload:
        case {"choices": [*choices]}:
            return not any(isinstance(one, dict) and "delta" in one for one in choices)
    return False


_BOM = b"\xef\xbb\xbf"
