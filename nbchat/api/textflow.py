"""One choice's text as it flows: halves of characters joined, leading `<think>` sections told from the answer."""

from __future__ import annotations

import re

from nbchat.values.events import Event, ReasoningDelta, RefusalDelta, TextDelta

__all__ = ["TextFlow"]

_HIGH = re.compile("[\ud800-\udbff]\\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPEN, _CLOSE = "<think>", "</think>"


class TextFlow:
    """Deltas of text in, events out.

    - An emoji split over two deltas arrives as two lone surrogates: they are paired; one that stays alone becomes
      U+FFFD (a notebook that holds a lone surrogate can't be saved).
    - Some models leave `<think>…</think>` in the content. Where the answer begins with it, it is reasoning. Only what
      could still become that tag is held back.
    """

    def __init__(self) -> None:
        self._text = _Joiner()
        self._reasoning = _Joiner()
        self._refusal = _Joiner()
        self._held = ""
        self._state = "start"  # "start" → "thinking" → "after" (white space to drop) → "answer"

    def text(self, delta: str, index: int, events: list[Event]) -> None:
        """Content of the answer."""
        delta = self._text.join(delta)
        if self._state == "answer":
            if delta:
                events.append(TextDelta(delta, index))
            return
        self._held += delta
        self._sort(index, events)

    def reasoning(self, delta: str, index: int, events: list[Event]) -> None:
        """Text of the server's own reasoning field."""
        if delta := self._reasoning.join(delta):
            events.append(ReasoningDelta(delta, index))

    def refusal(self, delta: str, index: int, events: list[Event]) -> None:
        """Words of refusal."""
        if delta := self._refusal.join(delta):
            events.append(RefusalDelta(delta, index))

    def flush(self, index: int, events: list[Event]) -> None:
        """Give out what was held back: no more comes."""
        for joiner, kind in ((self._reasoning, ReasoningDelta), (self._refusal, RefusalDelta)):
            if rest := joiner.flush():
                events.append(kind(rest, index))
        held, self._held = self._held + self._text.flush(), ""
        if self._state == "thinking" and held:
            events.append(ReasoningDelta(held, index))
        elif held and (self._state != "after" or held.strip()):
            events.append(TextDelta(held, index))

    def _sort(self, index: int, events: list[Event]) -> None:
        if self._state == "start":
            stripped = self._held.lstrip()
            if stripped.startswith(_OPEN):
                self._state, self._held = "thinking", stripped[len(_OPEN) :].lstrip("\n")
            elif not _OPEN.startswith(stripped):
                self._answer(self._held, index, events)
        if self._state == "thinking":
            thought, close, rest = self._held.partition(_CLOSE)
            if not close:
                thought, rest = _split_before_partial(thought, _CLOSE)
            if thought:
                events.append(ReasoningDelta(thought, index))
            self._held = rest
            if close:
                self._state = "after"
        if self._state == "after" and self._held.strip():
            self._answer(self._held.lstrip(), index, events)

    def _answer(self, text: str, index: int, events: list[Event]) -> None:
        self._state, self._held = "answer", ""
        if text:
            events.append(TextDelta(text, index))


def _split_before_partial(text: str, tag: str) -> tuple[str, str]:
    """The text, and what of its end could be the beginning of the tag."""
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-size:]):
            return text[:-size], text[-size:]
    return text, ""


class _Joiner:
    """Pairs surrogates across deltas; holds back a high one at the end."""

    def __init__(self) -> None:
        self._high = ""

    def join(self, delta: str) -> str:
        if not self._high and delta.isascii():
            return delta
        delta, self._high = self._high + delta, ""
        if _HIGH.search(delta):
            delta, self._high = delta[:-1], delta[-1]
        return _paired(delta)

    def flush(self) -> str:
        high, self._high = self._high, ""
        return _paired(high)


def _paired(text: str) -> str:
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
