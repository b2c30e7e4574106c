"""Process the texts of one choice: drop repeats, join split characters, mask the key, separate reasoning."""

from __future__ import annotations

from nbchat.api.answer.growing import GrowingText
from nbchat.api.answer.thinking import STARTERS, Span, ThinkTags
from nbchat.api.keys import Key, Redactor
from nbchat.values.answer.events import Event, ReasoningDelta, RefusalDelta, TextDelta, ThoughtBefore
from nbchat.values.surrogates import paired

__all__ = ["TextCleaner", "TextFlow"]


class TextCleaner:
    """Cleans a text given in deltas: joins surrogates and masks the key, however it was split."""

    __slots__ = ("_high", "_redactor")

    def __init__(self, key: Key | None = None) -> None:
        self._high = ""
        self._redactor = Redactor.of_text(key)

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._high) or self._redactor.holds

    def feed(self, delta: str) -> str:
        """Return the text that is final; a surrogate at the end waits for its other half."""
        if self._high or not delta.isascii():
            delta, self._high = self._high + delta, ""
            if "\ud800" <= delta[-1:] <= "\udbff":
                delta, self._high = delta[:-1], delta[-1]
            delta = paired(delta)
        return self._redactor.feed(delta)

    def flush(self) -> str:
        """Return what was held back, at the end."""
        high, self._high = self._high, ""
        return self._redactor.feed(paired(high)) + self._redactor.flush()


class TextField:
    """One text of a choice: new text only, joined characters, key masked."""

    __slots__ = ("_cleaner", "_growing")

    def __init__(self, key: Key | None) -> None:
        self._growing = GrowingText()
        self._cleaner = TextCleaner(key)

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return self._growing.holds or self._cleaner.holds

    @property
    def raw(self) -> str:
        """The server's text, unchanged."""
        return self._growing.text

    def feed(self, delta: str, *, last: bool) -> str:
        """Return what a delta adds; `last`: the server marked it as the last."""
        return self._cleaner.feed(self._growing.feed(delta, last=last)) if delta else ""

    @property
    def room(self) -> int:
        """The length from which a delta must be examined by itself; 0 = any."""
        return self._growing.room

    def more(self, deltas: list[str]) -> str:
        """Return what several deltas add that are each shorter than `room`."""
        return self._cleaner.feed(self._growing.more(deltas))

    def whole(self, text: str) -> str | None:
        """Return what the complete text adds to the deltas; None = it differs from them."""
        new = self._growing.whole(text)
        return None if new is None else self._cleaner.feed(new)

    def flush(self) -> str:
        """Return what was held back, at the end."""
        return self._cleaner.feed(self._growing.flush()) + self._cleaner.flush()


class TextFlow:
    """Turns the text deltas of one choice into events."""

    def __init__(self, index: int, key: Key | None = None) -> None:
        self._index = index
        self._text = TextField(key)
        self._reasoning = TextField(key)
        self._refusal = TextField(key)
        self._tags = ThinkTags()
        self._echoed: int | None = 0  # how far tagged reasoning has repeated the server's own field

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return self._text.holds or self._tags.holds or self._reasoning.holds or self._refusal.holds

    def room_for(self, kind: str) -> int:
        """The length from which a delta of text, or of reasoning, must be examined by itself; 0 = any."""
        return (self._text if kind == "text" else self._reasoning).room

    def more(self, kind: str, deltas: list[str], events: list[Event]) -> None:
        """Process deltas of text, or of reasoning, that are each shorter than `room_for`."""
        if kind == "text":
            self._content(self._text.more(deltas), events)
        else:
            self._reason(self._reasoning.more(deltas), events)

    def text(self, delta: str, events: list[Event], *, last: bool = False) -> None:
        """Process content of the answer."""
        self._content(self._text.feed(delta, last=last), events)

    def whole_text(self, text: str, events: list[Event]) -> bool:
        """Process the complete content, possibly after deltas; return whether it matches them."""
        new = self._text.whole(text)
        self._content(new or "", events)
        return new is not None

    def reasoning(self, delta: str, events: list[Event], *, last: bool = False) -> None:
        """Process text of the server's own reasoning field."""
        self._reason(self._reasoning.feed(delta, last=last), events)

    def whole_reasoning(self, text: str, events: list[Event]) -> None:
        """Process the complete reasoning, possibly after deltas."""
        self._reason(self._reasoning.whole(text) or "", events)

    def refusal(self, delta: str, events: list[Event], *, last: bool = False) -> None:
        """Process a part of a refusal."""
        if delta := self._refusal.feed(delta, last=last):
            events.append(RefusalDelta(delta, self._index))

    def whole_refusal(self, text: str, events: list[Event]) -> None:
        """Process a complete refusal, possibly after deltas."""
        if new := self._refusal.whole(text):
            events.append(RefusalDelta(new, self._index))

    def flush(self, events: list[Event]) -> None:
        """Emit what was held back, at the end."""
        self._reason(self._reasoning.flush(), events)
        if refusal := self._refusal.flush():
            events.append(RefusalDelta(refusal, self._index))
        self._content(self._text.flush(), events)
        self._sort(self._tags.flush(), events)

    def _reason(self, new: str, events: list[Event]) -> None:
        if new:
            self._tags.note_reasoning()
            events.append(ReasoningDelta(new, self._index))

    def _content(self, new: str, events: list[Event]) -> None:
        if not new:
            return
        if self._tags.plain and not STARTERS.search(new):
            events.append(TextDelta(self._tags.pass_through(new), self._index))
        else:
            self._sort(self._tags.feed(new), events)

    def _sort(self, spans: list[Span], events: list[Event]) -> None:
        for span in spans:
            match span.kind:
                case "text":
                    events.append(TextDelta(span.text, self._index))
                case "reasoning":
                    if thought := self._not_echoed(span.text):
                        events.append(ReasoningDelta(thought, self._index))
                case _:
                    events.append(ThoughtBefore(span.text, self._index))

    def _not_echoed(self, thought: str) -> str:
        """Return tagged reasoning, unless the server's own field has already given it."""
        if self._echoed is None:
            return thought
        raw, at = self._reasoning.raw.strip(), self._echoed
        if raw.startswith(thought, at) or (raw and at >= len(raw) and thought.isspace()):
            self._echoed += len(thought)
            return ""
        self._echoed = None
        return raw[:at] + thought
