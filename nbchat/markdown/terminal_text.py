"""Model text where there is no Markdown: a terminal, and the `text/plain` twin of a display.

A terminal obeys control characters, so text from a model could move the cursor, rewrite what was printed, set the
window's title or the clipboard. `TerminalText` drops every control sequence of ECMA-48 and of xterm (7-bit and 8-bit
forms) from a stream that may be cut anywhere.
"""

from __future__ import annotations

import re

from nbchat.values.unlinked import unlinked

__all__ = ["TerminalText", "join_surrogates", "plain_text", "terminal_text"]

_PAYLOAD = 4096
"""Longest OSC or DCS payload that is dropped, in characters; after it, text is text again."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STRING_END = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_CSI_END = re.compile("[^ -?]")
_ESCAPE_END = re.compile("[^ -/]")


def join_surrogates(text: str) -> str:
    """`text` with surrogate pairs joined into their character and lone surrogates as U+FFFD, so that it encodes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class TerminalText:
    """A stream of model text on its way to a terminal.

    `feed(chunk)` returns what may be printed now: a control sequence that the chunk's end cuts stays recognised in the
    next one, and half a surrogate pair waits for its other half. `flush()` ends the text. Line feeds and tabs pass; a
    carriage return becomes a line feed, because it would let text overwrite the line before it.
    """

    def __init__(self) -> None:
        self._state = "text"  # or "escape", "csi", "string"
        self._payload = 0
        self._high = ""
        self._after_return = False

    def feed(self, chunk: str) -> str:
        """The printable part of `chunk`."""
        chunk = self._high + chunk
        self._high = chunk[-1] if chunk and "\ud800" <= chunk[-1] <= "\udbff" else ""
        if self._high:
            chunk = chunk[:-1]
        shown: list[str] = []
        at = 0
        while at < len(chunk):
            at = self._step(chunk, at, shown)
        return "".join(map(join_surrogates, shown))  # halves with something dropped between them are no pair

    def flush(self) -> str:
        """The rest of the text; an unfinished control sequence is dropped. The object is as new afterwards."""
        rest = "\ufffd" if self._high and self._state == "text" else ""
        self._state, self._high, self._after_return = "text", "", False
        return rest

    def _step(self, chunk: str, at: int, shown: list[str]) -> int:
        """Take one run of `chunk` from `at` on; where the next begins."""
        if self._state == "text":
            return self._text(chunk, at, shown)
        if self._state == "string":
            return self._string(chunk, at)
        end = (_CSI_END if self._state == "csi" else _ESCAPE_END).search(chunk, at)
        if end is None:
            return len(chunk)
        if _CONTROL.match(end[0]) or end[0] in "\t\n" or end[0] > "~":
            self._state = "text"  # not part of the sequence: it is looked at afresh
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
        end = _STRING_END.search(chunk, at, at + _PAYLOAD - self._payload)
        if end is None:
            stop = min(len(chunk), at + _PAYLOAD - self._payload)
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
    """`text` with every control sequence removed, for a terminal."""
    stream = TerminalText()
    return stream.feed(text) + stream.flush()


def plain_text(text: str) -> str:
    """`text` as the `text/plain` of a display: as `terminal_text`, and no address but http and https is live."""
    return unlinked(terminal_text(text))
