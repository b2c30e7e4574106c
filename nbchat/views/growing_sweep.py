"""A sweep's answers while they arrive: a few side by side, many as a grid of small cards."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import Bundle, Canvas
from nbchat.display.progress import CellBar, bar_bundle
from nbchat.markdown.html import markdown_html, markdown_words
from nbchat.markdown.inline import html_text
from nbchat.markdown.tail import markdown_tail
from nbchat.tuning.run import Run
from nbchat.views.sweep import FEW, HEAD, card, cards
from nbchat.views.sweep_table import run_heading

__all__ = ["GROWING_CLASS", "RUNNING_CLASS", "GrowingSweep"]

WINDOW = 8_000
"""Most characters in all cards together: all of them are sent again at each change."""

LARGEST_WINDOW = 4_000
"""Most characters of one answer, more than a card has room for."""

MOST_CARDS = 60
"""Most cards of a grid. With more runs, a starting run takes the card of the one that ended first."""

WORDS = 110
"""Most characters of an answer in a small card: two or three lines."""

GROWING_CLASS = "nbchat-growing"
"""Marks answers side by side for the panel, which then keeps those that grow in view, rather than the end of all."""

RUNNING_CLASS = "nbchat-running"
"""Marks an answer that grows."""

SMALL = (
    "display:grid;grid-template-columns:repeat(auto-fill,minmax(min(14em,100%),1fr));gap:6px;margin:0.5em 0;"
    "font-size:0.9em;line-height:1.35"
)
SMALL_BODY = "height:4.05em;overflow:hidden;overflow-wrap:anywhere"


class GrowingSweep(CellBar):
    """A sweep's progress bar with its answers below.

    `put` records a run's state; `show` draws at a limited rate. An answer longer than its card shows its end while it
    grows, and its beginning when it is complete. Cards never shrink or move.
    """

    def __init__(self, canvas: Canvas, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(canvas, clock=clock)
        self._runs: dict[int, Run] = {}
        self._slots: list[int] = []
        self._ended: list[int] = []
        self._repeats = False

    def put(self, run: Run) -> None:
        """Record a run's state."""
        self._runs[run.index] = run
        self._repeats = self._repeats or run.repeat > 1
        if run.status == "not run":
            if len(self._slots) < MOST_CARDS:
                self._slots.append(run.index)
            return
        if run.index not in self._slots:
            self._take_slot(run.index)
        if run.status != "running" and run.index in self._slots:
            self._ended.append(run.index)

    def _take_slot(self, index: int) -> None:
        waiting = (i for i in self._slots if self._runs[i].status == "not run")
        freed = self._ended.pop(0) if self._ended else next(waiting, None)
        if freed is not None:
            self._slots[self._slots.index(freed)] = index

    def _bundle(self, done: int, total: int | None, facts: Sequence[str], noun: str) -> Bundle:
        bar = bar_bundle(done, total, facts, noun)
        shown = [self._runs[index] for index in self._slots]
        few = len(self._runs) <= FEW
        grid = (
            cards(map(self._card, shown)) if few else f'<div style="{SMALL}">{"".join(map(self._small, shown))}</div>'
        )
        head = f'<div style="{HEAD}">{bar["text/html"]}</div>'
        html = f'<div class="{GROWING_CLASS} {chrome.NO_MATH_CLASS}">{head}{grid if shown else ""}</div>'
        return {"text/html": html, "text/plain": bar["text/plain"]}

    def _card(self, run: Run) -> str:
        """Return a card like the result's, with as much of the answer as fits."""
        window = min(LARGEST_WINDOW, WINDOW // len(self._runs))
        text, grows = _text_of(run), run.status == "running"
        if run.problem:
            inner = html_text(run.problem, 600)
        else:
            inner = markdown_html(markdown_tail(text, window) if grows else text[:window], coloured=False)
        side = "column-reverse" if grows else "column"  # show the end, or the beginning
        mark = f' class="{RUNNING_CLASS}"' if grows else ""
        body = f'<div{mark} style="display:flex;flex-direction:{side};max-height:inherit;overflow:hidden">{inner}</div>'
        return card(run.index, f"{run_heading(run, self._repeats)}{_state(run)}", body)

    def _small(self, run: Run) -> str:
        text = _text_of(run)
        if run.problem:
            words = run.problem[:WORDS]
        elif run.status == "running":
            words = markdown_words(markdown_tail(text, WORDS), WORDS)
        else:
            words = markdown_words(text, WORDS)
        dim = ";opacity:0.6" if run.status == "not run" else ""
        mark = f' class="{RUNNING_CLASS}"' if run.status == "running" else ""
        line = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
        return (
            f'<div{mark} style="{chrome.CARD};min-width:0{dim}"><div style="{chrome.QUIET};{line}"><b>{run.index}</b> · '
            f'{html_text(run_heading(run, self._repeats) + _state(run), 120)}</div><div dir="auto" style="{SMALL_BODY}">'
            f"{html_text(words)}</div></div>"
        )


def _text_of(run: Run) -> str:
    """Return the text so far, else the reasoning."""
    return run.text or (run.reply.reasoning if run.reply is not None else "")


def _state(run: Run) -> str:
    """Return a run's state, for the end of its heading."""
    if run.status == "running":
        return " · answering" if run.text else " · thinking" if _text_of(run) else " · asked"
    words = {"complete": " · ✓", "not run": " · waiting"}
    return words.get(run.status, f" · {run.status.replace('_', ' ')}")
