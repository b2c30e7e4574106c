"""Server-sent events from bytes, as real servers send them. No input or output.

The rules are the HTML standard's (section 9.2.6), widened where servers were seen to differ: a line that begins with
`{` is data without its field name, the field name may come twice, a comment may stand behind it, and a last event may
lack its blank line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nbchat.values.limits import LIMITS, Limit, Limits

__all__ = ["DONE", "DataLine", "SSEDecoder"]

DONE = b"[DONE]"
"""The data that ends a stream."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_LONGEST_DONE = 24


class DataLine(NamedTuple):
    """A line of data and the type of its event (empty = "message"); `data` None = the event ends here."""

    data: bytes | None
    type: bytes = b""


class SSEDecoder:
    r"""Bytes in any portions to lines of data.

    Lines end at `\n`, `\r\n` or `\r` bytes and nowhere else: U+2028 and its like occur raw inside JSON strings.
    Work is linear in the bytes fed, however small the portions. A line that exceeds its limit ends it.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self.exceeded: Limit | None = None
        """The limit that was exceeded: nothing more is read; None = none."""
        self._pending = bytearray()  # an unfinished line
        self._after_cr = False  # a "\n" that comes next belongs to the "\r" already seen
        self._first = True
        self._open = False  # whether the event has data
        self._type = b""

    def beginning(self, most: int) -> bytes:
        """The beginning, of `most` bytes, of the line that has not ended."""
        return bytes(self._pending[:most]).removeprefix(b"data:")

    def feed(self, data: bytes) -> list[DataLine]:
        """The lines that these bytes complete; `[DONE]` counts though its line may still go on."""
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
        rest = lines.pop()
        if lines and self._pending:
            self._pending += lines[0]
            lines[0] = bytes(self._pending)
            self._pending.clear()
        read = self._read(lines)
        if rest:
            self._pending += rest
            if len(self._pending) <= _LONGEST_DONE and self._says_done():
                self._pending.clear()
                read += self._read([b"data:" + DONE])
            elif len(self._pending) > self._limits.line.most:
                self.exceeded = self._limits.line
        return read

    def flush(self) -> list[DataLine]:
        """The lines that the end of the bytes completes: the last may lack its line end."""
        lines = [bytes(self._pending), b""]
        self._pending.clear()
        return self._read(lines)

    def _says_done(self) -> bool:
        """Whether the unfinished line is that of the end: a connection that stays open may bring no more of it."""
        return self._pending.startswith(b"data:") and self._pending[5:].lstrip() == DONE

    def _read(self, lines: list[bytes]) -> list[DataLine]:
        if self._first and lines:
            self._first = False
            lines[0] = lines[0].removeprefix(_BOM)
        read = []
        for line in lines:
            if not line:
                if self._open:
                    read.append(DataLine(None))
                self._open, self._type = False, b""
            elif line.startswith(b"data:"):
                data = line[6:] if line.startswith(b"data: ") else line[5:]
                while data.startswith(b"data:"):
                    data = data[5:].lstrip(b" ")
                if not data.startswith(b":"):
                    self._open = True
                    read.append(DataLine(data, self._type))
            elif line.startswith(b"event:"):
                self._type = line[6:].strip()
            elif line.startswith(b"{"):
                self._open = True
                read.append(DataLine(line, self._type))
        return read
