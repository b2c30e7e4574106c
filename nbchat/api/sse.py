"""Server-sent events from bytes, as real servers send them. No input or output.

The rules are the HTML standard's (section 9.2.6), widened where servers were seen to differ: a line that begins with
`{` is data without its field name, and a last event may lack its blank line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nbchat.values.limits import LIMITS, Limit, Limits

__all__ = ["SSEDecoder", "ServerSentEvent"]

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"

LINE_COST = 64
"""Bytes that a line of an event counts beside its own: what Python needs to hold it."""


class ServerSentEvent(NamedTuple):
    """One event: the lines of its data, to be joined by newlines, and its type (empty = "message")."""

    lines: list[bytes]
    type: bytes = b""


class SSEDecoder:
    r"""Bytes in any portions to events.

    Lines end at `\n`, `\r\n` or `\r` bytes and nowhere else: U+2028 and its like occur raw inside JSON strings.
    Work is linear in the bytes fed, however small the portions. A line or an event that exceeds its limit ends it.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self.exceeded: Limit | None = None
        """The limit that was exceeded: nothing more is read; None = none."""
        self._pending = bytearray()  # an unfinished line
        self._after_cr = False  # a "\n" that comes next belongs to the "\r" already seen
        self._first = True
        self._lines: list[bytes] = []
        self._size = 0  # of these lines
        self._type = b""

    def beginning(self, most: int) -> bytes:
        """The beginning, of `most` bytes, of the event that has not ended."""
        lines = [*self._lines, bytes(self._pending[:most]).removeprefix(b"data:")]
        return b"\n".join(lines[: most // LINE_COST])[:most]

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete."""
        if self.exceeded is not None:
            return []
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" not in data:
            lines = data.split(b"\n")
        else:
            self._after_cr = data.endswith(b"\r")
            lines = _LINE_END.split(data)
        if len(lines) == 1:
            self._pending += data
            self._check_line()
            return []
        if self._pending:
            self._pending += lines[0]
            lines[0] = bytes(self._pending)
            self._pending.clear()
        if rest := lines.pop():
            self._pending += rest
            self._check_line()
        return self._events(lines)

    def _check_line(self) -> None:
        if len(self._pending) > self._limits.line.most:
            self.exceeded = self._limits.line

    def flush(self) -> list[ServerSentEvent]:
        """The events that the end of the bytes completes: the last may lack its blank line, even its line end."""
        lines = [bytes(self._pending), b""]
        self._pending.clear()
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[ServerSentEvent]:
        if self._first:
            self._first = False
            lines[0] = lines[0].removeprefix(_BOM)
        events = []
        for line in lines:
            if not line:
                if self._lines:
                    events.append(ServerSentEvent(self._lines, self._type))
                    self._lines, self._size = [], 0
                self._type = b""
                continue
            if line.startswith(b"data:"):
                data = line[6:] if line.startswith(b"data: ") else line[5:]
            elif line.startswith(b"{"):
                data = line
            else:
                if line.startswith(b"event:"):
                    self._type = line[6:].strip()
                continue
            self._lines.append(data)
            if len(self._lines) > 1 and self._is_too_long():
                break
        return events

    def _is_too_long(self) -> bool:
        """Whether the event, which has just got another line, is longer than one may be."""
        grown = self._lines if len(self._lines) == 2 else self._lines[-1:]
        self._size += sum(len(line) + LINE_COST for line in grown)
        if self._size > self._limits.event.most:
            self.exceeded = self._limits.event
        return self.exceeded is not None
