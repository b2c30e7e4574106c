"""Paints a streaming answer into a cell as bounded segments, with a few updates per second.

Browsers take about 12 ms per kB of Markdown and re-render the whole output on each update, so only the last segment is
updated, at most ten times a second and less often as it grows.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import BYTES_PER_SECOND, Bundle, Canvas, message_size
from nbchat.display.footer import footer_facts, seconds_text
from nbchat.display.kernel import mark_shown
from nbchat.markdown.harmless import safe
from nbchat.markdown.json_answers import as_code, is_json
from nbchat.markdown.references import with_definitions
from nbchat.markdown.segments import Segment, Segments
from nbchat.markdown.terminal_text import plain_text
from nbchat.values.answer.events import (
    Event,
    Finished,
    ImageDelta,
    ReasoningDelta,
    RefusalDelta,
    Responded,
    Retrying,
    SourcesDelta,
    TextDelta,
    ThoughtBefore,
)
from nbchat.values.answer.reply import Reply
from nbchat.values.limits import LIMITS, page_part
from nbchat.values.messages import ImagePart, Message, Source, ToolCall

__all__ = ["MOST_OUTPUTS", "Painter"]

PAINT_SECONDS = 0.1
"""Shortest interval between updates, in seconds."""

PAINT_SECONDS_PER_KB = 0.1
"""The time between two updates for each kB that grows."""

LONGEST_WAIT = 0.9
"""Longest interval between updates, in seconds: the screen moves every second, unless one takes longer at the rate below."""

CREDIT, DEBT = 20_000, 150_000
"""Most bytes that may be sent beyond the rate without a wait, and most that are made up for by longer waits.

When segments become one, the rate is exceeded.
"""

MOST_OUTPUTS = 40
"""Most outputs of an answer's text; JupyterLab shows only the first 50 of a cell."""

PATIENCE = 0.4
"""Seconds until an empty cell shows what it is waiting for."""

Clock = Callable[[], float]
"""Returns a monotonic time in seconds."""


class Painter:
    """A `Presenter` for a notebook's cell.

    Several choices are painted in order, each live once those before it are finished. `images` loads remote images.
    `notes` go into the footer.
    """

    def __init__(
        self,
        canvas: Canvas,
        *,
        choices: int = 1,
        images: bool = False,
        notes: Sequence[str] = (),
        waiting: str = "",
        continue_with: str = "",
        clock: Clock = time.monotonic,
    ) -> None:
        self._canvas = canvas
        self._clock = clock
        self._expected = choices
        self._images = images
        self.notes = list(notes)
        self._continue_with = continue_with
        self._waiting = waiting or "the answer"
        self._views: dict[int, _ChoiceView] = {}
        self._pictures: list[ImagePart] = []
        self._sources: list[Source] = []
        self._spares: list[str] = []  # empty outputs to be reused
        self._began = clock()
        self._retry: tuple[float, Retrying] | None = None
        self._waiting_text = ""
        self._paint_at = 0.0
        self._painted_at = 0.0
        self._owed = 0.0  # bytes sent beyond the rate
        self._room = LIMITS.shown_text  # characters that may still be shown
        self._hidden = 0
        self._calls = 0
        self._more_calls: str | None = None  # the output that counts the calls not shown

    def show(self, events: Sequence[Event]) -> None:
        """Process events and paint if an update is due."""
        for event in events:
            if type(event) is TextDelta:
                self._add(event.text, event.index)
            else:
                self._take(event)
        now = self._clock()
        if not self._views:
            self._say_waiting(now)
        elif now >= self._paint_at:
            self._paint(now)

    def _take(self, event: Event) -> None:
        match event:
            case ReasoningDelta(text, index):
                self._view(index).reason(text)
            case RefusalDelta(text, index):
                self._add(text, index)
            case ThoughtBefore(text, index):
                self._view(index).thought_before(text)
            case ImageDelta(image):
                self._pictures.append(image)
            case SourcesDelta(sources):
                self._sources += sources
            case Finished(_, index):
                self._view(index).finish()
            case Retrying(seconds=seconds):
                self._retry = (self._clock() + seconds, event)
            case Responded():
                self._retry = None
            case _:
                pass

    def _add(self, text: str, index: int) -> None:
        """Add text of an answer, up to the display limit."""
        if len(text) > self._room:
            self._hidden += len(text) - self._room
            text = text[: self._room]
        self._room -= len(text)
        self._view(index).add(text)

    def call_result(self, call: ToolCall, result: Message) -> None:
        """Show a call and its result, folded; later text starts below."""
        self._settle()
        arguments, result_text = (page_part(text, LIMITS.shown_aside) for text in (call.arguments, result.text))
        self._put_call(f"called {call.name}", f"{arguments}\n\n{result_text}")

    def _put_call(self, summary: str, body: str) -> None:
        """Show a call in a separate output; calls beyond the limit are only counted."""
        self._calls += 1
        if self._calls <= LIMITS.shown_calls:
            self._put(chrome.details(summary, body))
            return
        counted = chrome.line(f"and {self._calls - LIMITS.shown_calls:,} more tool calls, not shown here")
        if self._more_calls is None:
            self._more_calls = self._put(counted)
        else:
            self._canvas.update(self._more_calls, counted)

    def restart(self, reason: str) -> None:
        """Show why the text so far is discarded; the new answer begins below."""
        self._settle()
        self._put(chrome.line(f"asked again: {reason}"))

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        """Paint the rest and the footer."""
        self._settle()
        if reply is None:
            for output in self._spares:
                self._canvas.update(output, chrome.EMPTY)
            self._spares = []
            return
        mark_shown(reply)
        for call in reply.tool_calls:
            self._put_call(f"wants to call {call.name}", page_part(call.arguments, LIMITS.shown_aside))
        hidden = max(0, len(reply.choices) - MOST_OUTPUTS)
        notes = [*self.notes, f"{hidden} more choices are in reply.choices"] if hidden else list(self.notes)
        if self._hidden:
            notes.append(f"{self._hidden:,} more characters are in reply.text")
        self._put(chrome.line(footer_facts(reply, notes, continue_with=self._continue_with)))

    def _settle(self) -> None:
        """Paint everything received, in its final form."""
        for view in self._views.values():
            view.finish()
        self._paint(self._clock(), final=True)
        if self._views:
            self._spares += self._views[max(self._views)].unused
        self._views = {}
        if self._pictures or self._sources:
            from nbchat.display.answer import attachment_bundles  # few answers have any

            for bundle in attachment_bundles(self._pictures, self._sources):
                self._put(bundle)
            self._pictures, self._sources = [], []

    def _view(self, index: int) -> _ChoiceView:
        view = self._views.get(index)
        if view is None:
            several = max(self._expected, index + 1)
            heading = f"**Choice {index + 1} of {several}**\n\n" if several > 1 else ""
            limit = max(1, MOST_OUTPUTS // several)
            view = self._views[index] = _ChoiceView(limit, heading, self._clock, images=self._images)
        return view

    def _say_waiting(self, now: float) -> None:
        """Show what an empty cell is waiting for: the answer, or the next retry."""
        if self._retry is not None:
            until, retrying = self._retry
            left = f"in {max(0, round(until - now))} s"
            tries = f"retrying {left} (attempt {retrying.attempt})"
            text = f"{retrying.reason}: {tries if retrying.attempt > 1 else f'sending {left}'}"
        elif now - self._began >= PATIENCE:
            text = f"waiting for {self._waiting} … {int(now - self._began)} s"
        else:
            return
        if text != self._waiting_text:
            self._waiting_text = text
            if self._spares:
                self._canvas.update(self._spares[0], chrome.line(text))
            else:
                self._spares.append(self._canvas.show(chrome.line(text)))

    def _paint(self, now: float, *, final: bool = False) -> None:
        size = sent = 0
        for place, index in enumerate(sorted(self._views)[:MOST_OUTPUTS]):
            if index > place and self._expected > 1 and not final:
                break  # an earlier choice has not begun
            view = self._views[index]
            for number, bundle in view.changes(final=final):
                if number < len(view.outputs):
                    sent += message_size(bundle)
                    self._canvas.update(view.outputs[number], bundle)
                else:
                    view.outputs.append(self._put(bundle))
            size = max(size, view.size)
            if not view.finished:
                break  # later choices wait, or their outputs would appear above this one's
        owed = max(-CREDIT, self._owed - BYTES_PER_SECOND * (now - self._painted_at)) + sent
        self._owed, self._painted_at = min(owed, DEBT), now
        wait = max(PAINT_SECONDS, PAINT_SECONDS_PER_KB * size / 1000, self._owed / BYTES_PER_SECOND)
        self._paint_at = now + max(min(LONGEST_WAIT, wait), size / BYTES_PER_SECOND)

    def _put(self, bundle: Bundle) -> str:
        """Show a bundle in the empty output, if there is one, or a new one."""
        if not self._spares:
            return self._canvas.show(bundle)
        output = self._spares.pop(0)
        self._canvas.update(output, bundle)
        return output


class _ChoiceView:
    """One choice: its reasoning, if any, in the first output, then one segment per output."""

    def __init__(self, limit: int, heading: str, clock: Clock, *, images: bool) -> None:
        self._clock = clock
        self.outputs: list[str] = []
        self.finished = False
        self._limit = limit
        self._segments = Segments(limit)
        self._emptied = 0  # outputs whose text turned out to be reasoning
        self._heading = heading
        self._images = images
        self._reasoning = io.StringIO()  # up to the display limit
        self._thought_characters = 0
        self._thinking_since = 0.0
        self._thought = False
        self.size = 0  # of the output that still grows, in characters
        # The segment in each output, whether it is final, and whether it is shown as code; None = an empty output.
        self._painted: list[tuple[Segment, bool, bool] | None] = []
        self._latest: tuple[int, Bundle] | None = None  # the last painted output, and its bundle
        self._dirty = False

    def add(self, text: str) -> None:
        """Add answer text."""
        self._segments.append(text)
        self._dirty = True

    def finish(self) -> None:
        """Finish the choice; one without text shows its heading now, above later ones."""
        self.finished = self._dirty = True

    def reason(self, text: str) -> None:
        """Add reasoning text."""
        if not self._thought_characters:
            self._thinking_since = self._clock()
        self._reasoning.write(text[: max(0, LIMITS.shown_aside - self._thought_characters)])
        self._thought_characters += len(text)

    def thought_before(self, last: str) -> None:
        """Turn all text so far, including this piece, into reasoning; the answer follows in its place."""
        text = "".join(segment.source for segment in (*self._segments.closed, self._segments.tail))
        self._segments = Segments(self._limit)
        self._painted, self._dirty, self._thought, self._latest = [], False, False, None
        self._emptied = len(self.outputs)
        self.reason(text + last)

    def changes(self, *, final: bool) -> list[tuple[int, Bundle]]:
        """Return the outputs to create or update, by number."""
        changes: list[tuple[int, Bundle]] = [(number, chrome.EMPTY) for number in range(1, self._emptied)]
        self._emptied = 0
        first = 1 if self._thought_characters else 0
        if first and not self._thought:
            self._thought = self._dirty or final
            changes.append((0, self._reasoning_bundle(done=self._thought)))
        if not self._dirty and not final:
            return changes
        self._dirty = False
        pieces = self._segments.pieces
        if not pieces[-1].text.strip() and not (self.finished and len(pieces) == 1 and self._heading):
            pieces.pop()
        complete = final or self.finished
        code = is_json("".join(piece.source for piece in pieces[: None if complete else 1]), complete=complete)
        wanted = [
            (piece, final or number < len(pieces) - 1, code) for number, piece in enumerate(with_definitions(pieces))
        ]
        for number, (piece, done, _) in enumerate(wanted):
            if number >= len(self._painted) or self._painted[number] != wanted[number]:
                change = first + number, self._bundle(number, piece, final=done, code=code)
                changes += [change] if change != self._latest else []
                self._latest = change
        # Merged pieces leave empty outputs behind, which the next pieces reuse.
        left = self._painted[len(wanted) :]
        changes += [(first + len(wanted) + number, chrome.EMPTY) for number, one in enumerate(left) if one is not None]
        self._painted = [*wanted, *[None] * len(left)]
        return changes

    @property
    def unused(self) -> list[str]:
        """The outputs at its end that show nothing."""
        kept = len(self.outputs) - self._painted.count(None)
        return self.outputs[kept:]

    def _reasoning_bundle(self, *, done: bool) -> Bundle:
        if not done:
            return chrome.line(f"thinking … {self._thought_characters:,} characters")
        summary = f"Thought for {seconds_text(self._clock() - self._thinking_since)}"
        thoughts = self._reasoning.getvalue().strip()
        if (hidden := self._thought_characters - LIMITS.shown_aside) > 0:
            thoughts += f"\n\n… and {hidden:,} more characters in reply.reasoning"
        return chrome.details(summary, thoughts)

    def _bundle(self, number: int, segment: Segment, *, final: bool, code: bool) -> Bundle:
        heading = self._heading if number == 0 else ""
        text = as_code(segment.source) if code else segment.text
        bundle = {"text/markdown": heading + safe(text, images=self._images)}
        self.size = len(bundle["text/markdown"])
        if final:  # plain text doubles the message size, so only final outputs carry it
            bundle["text/plain"] = plain_text(heading + segment.source)
        return bundle
