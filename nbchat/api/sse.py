"""Server-sent events from bytes, as real servers send them. No input or output.

The rules are the HTML standard's (section 9.2.6), widened where servers were seen to differ: a line that begins with
`{` is data without its field name, and a last event may lack its blank line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["SSEDecoder", "ServerSentEvent"]

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event: the lines of its data, to be joined by newlines, and its type (empty = "message")."""

    lines: list[bytes]
    type: bytes = b""


class SSEDecoder:
    r"""Bytes in any portions to events.

    Lines end at `\n`, `\r\n` or `\r` bytes and nowhere else: U+2028 and its like occur raw inside JSON strings.
    Work is linear in the bytes fed, however small the portions.
    """

    def __init__(self) -> None:
        self._pending: list[bytes] = []  # an unfinished line, in pieces
        self._after_cr = False  # a "\n" that comes next belongs to the "\r" already seen
        self._first = True
        self._lines: list[bytes] = []
        self._type = b""

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" not in data:
            lines = data.split(b"\n")
        else:
            self._after_cr = data.endswith(b"\r")
            lines = _LINE_END.split(data)
        if len(lines) == 1:
            if data:
                self._pending.append(data)
            return []
        if self._pending:
            self._pending.append(lines[0])
            lines[0] = b"".join(self._pending)
            self._pending.clear()
        if rest := lines.pop():
            self._pending.append(rest)
        return self._events(lines)

    def flush(self) -> list[ServerSentEvent]:
        """The events that the end of the bytes completes: the last may lack its blank line, even its line end."""
        lines = [b"".join(self._pending), b""]
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
                    self._lines = []
                self._type = b""
            elif line.startswith(b"data:"):
                self._lines.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif line.startswith(b"event:"):
                self._type = line[6:].strip()
            elif line.startswith(b"{"):
                self._lines.append(line)
        return events
