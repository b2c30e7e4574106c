"""Progress bars with a line of facts, in one output that is updated a few times per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from nbchat.display import chrome
from nbchat.display.canvas import BYTES_PER_SECOND, Bundle, Canvas, TextOutput, message_size
from nbchat.markdown.terminal_text import terminal_text

__all__ = ["CellBar", "TerminalBar", "bar_bundle"]

PAINT_SECONDS = 0.2
"""Shortest interval between updates, in seconds."""

LONG_SECONDS = 1.0
"""The interval that it grows to in a minute: a bar that is watched for long need not move so often."""

WIDTH = 24
"""Width of the plain-text bar, in characters."""


def bar_bundle(done: int, total: int | None, facts: Sequence[str], noun: str = "") -> Bundle:
    """Return the current bar with the facts below it; only the facts if the `total` is unknown (None).

    `noun` says what is counted; empty = the reader knows.
    """
    if total is None:
        return chrome.line([f"{done:,} {noun} so far" if noun else f"{done:,} so far", *facts])
    part = done / total if total else 1.0
    track = (
        '<div style="height:5px;max-width:32em;border-radius:3px;overflow:hidden;margin:0.5em 0 0.3em;'
        'background:rgba(127,127,127,0.3)">'
        f'<div style="height:100%;width:{100 * part:.1f}%;'
        'background:var(--jp-brand-color1,var(--vscode-progressBar-background,#1976d2))"></div></div>'
    )
    line = chrome.line([f"{done:,} of {total:,} {noun}".rstrip(), *facts])
    return {"text/html": track + line["text/html"], "text/plain": f"{_plain_bar(part)} {line['text/plain']}"}


def _plain_bar(part: float) -> str:
    full = int(WIDTH * part)
    return f"[{'#' * full}{'.' * (WIDTH - full)}]"


class CellBar:
    """A bar in a cell. At the end its output can be replaced by the result. The more it shows, the rarer it is updated."""

    def __init__(self, canvas: Canvas, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._canvas = canvas
        self._clock = clock
        self._output: str | None = None
        self._began = clock()
        self._paint_at = 0.0

    def show(self, done: int, total: int | None, facts: Sequence[str], noun: str = "") -> None:
        """Show progress; updates in quick succession are dropped."""
        if self._clock() >= self._paint_at:
            bundle = self._bundle(done, total, facts, noun)
            self._put(bundle)
            now = self._clock()
            pause = min(LONG_SECONDS, (now - self._began) / 60)
            self._paint_at = now + max(PAINT_SECONDS, pause, message_size(bundle) / BYTES_PER_SECOND)

    def _bundle(self, done: int, total: int | None, facts: Sequence[str], noun: str) -> Bundle:
        return bar_bundle(done, total, facts, noun)

    def replace(self, bundle: Bundle) -> None:
        """Replace the bar with this output."""
        self._put(bundle)
        self._output = None

    def clear(self) -> None:
        """Remove the bar."""
        if self._output is not None:
            self.replace(chrome.EMPTY)

    def _put(self, bundle: Bundle) -> None:
        if self._output is None:
            self._output = self._canvas.show(bundle)
        else:
            self._canvas.update(self._output, bundle)


class TerminalBar:
    """A bar on the last line of a terminal; not shown in files and pipes."""

    def __init__(self, stream: TextIO | None) -> None:
        self._output = TextOutput(stream)
        self._paint_at = 0.0
        self._shown = False

    def show(self, done: int, total: int | None, facts: Sequence[str], noun: str = "") -> None:
        """As for `CellBar`."""
        if self._output.is_terminal and time.monotonic() >= self._paint_at:
            plain = terminal_text(str(bar_bundle(done, total, facts, noun)["text/plain"]))
            self._output.write(f"\r\x1b[K{plain}")
            self._output.flush()
            self._shown = True
            self._paint_at = time.monotonic() + PAINT_SECONDS

    def replace(self, bundle: Bundle) -> None:
        """As for `CellBar`."""
        self.clear()
        self._output.write(terminal_text(str(bundle["text/plain"])) + "\n")
        self._output.flush()

    def clear(self) -> None:
        """As for `CellBar`."""
        if self._shown:
            self._output.write("\r\x1b[K")
            self._shown = False
