"""Decode server-sent events as real servers send them.

Follows the HTML standard (section 9.2.6), extended for observed deviations: a line that begins with `{` is data without
a field name, the field name may be repeated or followed by a comment, and the last event may lack its blank line.
"""

from __future__ import annotations

import re

from nbchat.values.limits import LIMITS, Limit, Limits

__all__ = ["DONE", "SSEDecoder"]

DONE = b"[DONE]"
"""The data that ends a stream."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_DONE_LINE = re.compile(rb"data:\s{0,9}\[DONE\]")
"""A line that counts before it has ended, because a connection that stays open may never send its end."""


class SSEDecoder:
    r"""Splits bytes, in any portions, into lines, and extracts a line's data.

    Lines end at `\n`, `\r\n` or `\r` only: U+2028 and the like occur unescaped inside JSON strings. Linear in the bytes
    fed, however small the portions. A line that exceeds its limit ends decoding.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self.exceeded: Limit | None = None
        """The limit that was exceeded; None = none."""
        self._pending = bytearray()  # an unfinished line
        self._after_cr = False  # the next "\n" belongs to the "\r" already seen
        self._first = True
        self.type = b""
        """The type of the current event; empty = "message"."""

    def beginning(self, most: int) -> bytes:
        """The first `most` bytes of the unfinished line."""
        return bytes(self._pending[:most]).removeprefix(b"data:")

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that these bytes complete; `[DONE]` counts even before its line has ended."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" not in data:
            lines = data.split(b"\n")
        else:
            self._after_cr = data.endswith(b"\r")
            lines = _LINE_END.split(data)
        rest = lines.pop()
        if lines:
            if self._pending:
                self._pending += lines[0]
                lines[0] = bytes(self._pending)
                self._pending.clear()
            self._strip_mark(lines)
        if rest:
            self._pending += rest
            if _DONE_LINE.fullmatch(self._pending):
                self._pending.clear()
                lines.append(b"data:" + DONE)
            elif len(self._pending) > self._limits.line.most:
                self.exceeded = self._limits.line
        return lines

    def flush(self) -> list[bytes]:
        """Return the line that the end of the bytes completes: the last may lack its line end."""
        lines = [bytes(self._pending)] if self._pending else []
        self._pending.clear()
        self._strip_mark(lines)
        return lines

    def data(self, line: bytes) -> bytes | None:
        """Return the data in a line; None = it has none. A blank line ends the event."""
        if line.startswith(b"data:"):
            data = line[6:] if line.startswith(b"data: ") else line[5:]
            while data.startswith(b"data:"):
                data = data[5:].lstrip(b" ")
            return None if data.startswith(b":") else data
        if not line:
            self.type = b""
        elif line.startswith(b"event:"):
            self.type = line[6:].strip()
        return line if line.startswith(b"{") else None

    def _strip_mark(self, lines: list[bytes]) -> None:
        """Remove a byte-order mark at the beginning."""
        if self._first and lines:
            self._first = False
            lines[0] = lines[0].removeprefix(_BOM)
