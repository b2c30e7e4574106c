"""One choice's text as it flows: characters made whole, the key kept out, `<think>` sections told from the answer."""

from __future__ import annotations

import re
from typing import Any

from nbchat.api.keys import Key, Redactor
from nbchat.values.events import Event, ReasoningDelta, RefusalDelta, TextDelta

__all__ = ["Joiner", "TextFlow", "paired"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_OPEN, _CLOSE = "<think>", "</think>"


def paired(text: str) -> str:
    r"""The text with halves of characters joined; one that stays alone becomes U+FFFD.

    JSON can carry half an emoji (`\ud83d`), but a notebook that holds one can't be saved.
    """
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Joiner:
    """Deltas of one text in; the same text out, without lone surrogates and without the key, however it was cut."""

    __slots__ = ("_high", "_redactor")

    def __init__(self, key: Key | None = None) -> None:
        self._high = ""
        self._redactor = Redactor.of_text(key)

    def feed(self, delta: str) -> str:
        """What can be given out now; half a character at the end waits for its other half."""
        if self._high or not delta.isascii():
            delta, self._high = self._high + delta, ""
            if "\ud800" <= delta[-1:] <= "\udbff":
                delta, self._high = delta[:-1], delta[-1]
            delta = paired(delta)
        return self._redactor.feed(delta)

    def flush(self) -> str:
        """What was held back: no more comes."""
        high, self._high = self._high, ""
        return self._redactor.feed(paired(high)) + self._redactor.flush()


class TextFlow:
    """Deltas of text in, events out.

    Some models leave `<think>…</think>` in the content. Where the answer begins with it, it is reasoning; the white
    space around it is dropped. Only what could still become a tag is held back.
    """

    def __init__(self, index: int, key: Key | None = None) -> None:
        self._index = index
        self._text = Joiner(key)
        self._reasoning = Joiner(key)
        self._refusal = Joiner(key)
        self._held = ""
        self._state = "start"  # → "opened" (white space to drop) → "thinking" → "closed" (the same) → "answer"

    def text(self, delta: str, events: list[Event]) -> None:
        """Content of the answer."""
        delta = self._text.feed(delta)
        if self._state == "answer":
            if delta:
                events.append(TextDelta(delta, self._index))
        elif delta:
            self._held += delta
            self._sort(events)

    def reasoning(self, delta: str, events: list[Event]) -> None:
        """Text of the server's own reasoning field."""
        if delta := self._reasoning.feed(delta):
            events.append(ReasoningDelta(delta, self._index))

    def refusal(self, delta: str, events: list[Event]) -> None:
        """Words of refusal."""
        if delta := self._refusal.feed(delta):
            events.append(RefusalDelta(delta, self._index))

    def flush(self, events: list[Event]) -> None:
        """Give out what was held back: no more comes."""
        self._emit(ReasoningDelta, self._reasoning.flush(), events)
        self._emit(RefusalDelta, self._refusal.flush(), events)
        self.text(self._text.flush(), events)
        held, self._held = self._held, ""
        self._emit(ReasoningDelta if self._state in ("opened", "thinking") else TextDelta, held, events)

    def _sort(self, events: list[Event]) -> None:
        """Move on through the states as far as what is held allows."""
        if self._state == "start":
            stripped = self._held.lstrip()
            if stripped.startswith(_OPEN):
                self._state, self._held = "opened", stripped[len(_OPEN) :]
            elif not _OPEN.startswith(stripped):
                self._answer(self._held, events)
        if self._state == "opened":
            self._held = self._held.lstrip()
            if self._held:
                self._state = "thinking"
        if self._state == "thinking":
            thought, close, rest = self._held.partition(_CLOSE)
            if not close:
                thought, rest = _split_before_partial(thought, _CLOSE)
            self._emit(ReasoningDelta, thought, events)
            self._state, self._held = "closed" if close else "thinking", rest
        if self._state == "closed":
            self._held = self._held.lstrip()
            if self._held:
                self._answer(self._held, events)

    def _answer(self, text: str, events: list[Event]) -> None:
        self._state, self._held = "answer", ""
        self._emit(TextDelta, text, events)

    def _emit(self, kind: Any, text: str, events: list[Event]) -> None:
        if text:
            events.append(kind(text, self._index))


def _split_before_partial(text: str, tag: str) -> tuple[str, str]:
    """The text, and what of its end could be the beginning of the tag."""
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-size:]):
            return text[:-size], text[-size:]
    return text, ""
