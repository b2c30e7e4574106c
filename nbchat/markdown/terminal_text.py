"""Make model text safe where there is no Markdown: in a terminal, and as a display's `text/plain`.

A terminal executes control characters, so a model's text could move the cursor, overwrite output, set the window's title
or the clipboard. `TerminalText` removes every control sequence of ECMA-48 and xterm (7-bit and 8-bit forms) from a stream
that may be split anywhere.
"""

from __future__ import annotations

import re

from nbchat.values.surrogates import paired
from nbchat.values.wording import unlinked

__all__ = ["TerminalText", "plain_text", "terminal_text"]

_PAYLOAD = 4096
"""Longest OSC or DCS payload to drop, in characters; text after that is shown again."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STRING_END = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_CSI_END = re.compile("[^ -?]")
_ESCAPE_END = re.compile("[^ -/]")


class TerminalText:
    """Filters a stream of model text for a terminal.

    `feed(chunk)` returns what may be printed now: control sequences and surrogate pairs split between chunks are handled.
    `flush()` ends the text. Line feeds and tabs are kept; a carriage return becomes a line feed, since it would let text
    overwrite the line.
    """

    def __init__(self) -> None:
        self._state: str  # "text", "escape", "csi" or "string"
        self._begin("text")
        self._high = ""
        self._after_return = False

    def feed(self, chunk: str) -> str:
        """Return the printable part of `chunk`."""
        chunk = self._high + chunk
        self._high = chunk[-1] if chunk and "\ud800" <= chunk[-1] <= "\udbff" else ""
        if self._high:
            chunk = chunk[:-1]
        shown: list[str] = []
        at = 0
        while at < len(chunk):
            at = self._step(chunk, at, shown)
        return "".join(map(paired, shown))  # surrogates with something removed between them are not a pair

    def flush(self) -> str:
        """Return the rest of the text, dropping an unfinished control sequence, and reset the filter."""
        rest = "\ufffd" if self._high and self._state == "text" else ""
        self._begin("text")
        self._high, self._after_return = "", False
        return rest

    def _step(self, chunk: str, at: int, shown: list[str]) -> int:
        """Process a run of `chunk` from `at`; return the start of the next."""
        if self._state == "text":
            return self._text(chunk, at, shown)
        if self._state == "string":
            return self._string(chunk, at)
        end = (_CSI_END if self._state == "csi" else _ESCAPE_END).search(chunk, at)
        if end is None:
            return len(chunk)
        if _CONTROL.match(end[0]) or end[0] in "\t\n" or end[0] > "~":
            self._state = "text"  # not part of the sequence: processed again as text
            return end.start()
        self._begin(
            {"[": "csi", "]": "string", "P": "string", "X": "string", "^": "string", "_": "string"}.get(end[0], "text")
            if self._state == "escape"
            else "text"
        )
        return end.end()

    def _text(self, chunk: str, at: int, shown: list[str]) -> int:
        if self._after_return:
            self._after_return = False
            if chunk[at] == "\n":
                return at + 1
        control = _CONTROL.search(chunk, at)
        if control is None:
            shown.append(chunk[at:])
            return len(chunk)
        shown.append(chunk[at : control.start()])
        if control[0] == "\r":
            shown.append("\n")
            self._after_return = True
        else:
            self._begin(
                {"\x1b": "escape", "\x9b": "csi"}.get(
                    control[0], "string" if control[0] in "\x90\x98\x9d\x9e\x9f" else "text"
                )
            )
        return control.end()

    def _string(self, chunk: str, at: int) -> int:
        limit = at + _PAYLOAD - self._payload
        end = _STRING_END.search(chunk, at, limit)
        if end is None:
            stop = min(len(chunk), limit)
            self._payload += stop - at
            if self._payload >= _PAYLOAD:
                self._begin("text")
            return stop
        # ST and BEL end it, CAN and SUB cancel it, ESC begins ST or another sequence; no real one holds a line's end.
        self._begin("text")
        return end.start() if end[0] in "\x1b\n\r" else end.end()

    def _begin(self, state: str) -> None:
        self._state = state
        self._payload = 0


def terminal_text(text: str) -> str:
    """Remove every control sequence from `text`, for a terminal."""
    stream = TerminalText()
    return stream.feed(text) + stream.flush()


def plain_text(text: str) -> str:
    """Return `text` for a display's `text/plain`: as `terminal_text`, with no live address except http and https."""
    return unlinked(terminal_text(text))
