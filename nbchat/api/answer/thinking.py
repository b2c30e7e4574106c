"""Separate reasoning from the answer by the tags in its text."""

from __future__ import annotations

import functools
import io
import re
from typing import Literal

from msgspec import Struct

__all__ = ["STARTERS", "Span", "ThinkTags"]

_NAMES = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "seed:think",
    "longcat_think",
    "mm:think",
    "antml:thinking",
)
_PAIRS = {
    **{f"<{name}>": f"</{name}>" for name in _NAMES},
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|start_thinking|>": "<|end_thinking|>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
"""Opening tags, in lower case, and their closing tags."""

_TAGS = (*_PAIRS, *_PAIRS.values())
_LONGEST = max(map(len, _TAGS))
_BEGINNINGS = frozenset(tag[:length] for tag in _TAGS for length in range(len(tag) + 1))

STARTERS = re.compile(r"[<\[◁]")
"""The first character of every tag."""

_FENCE = r"(?m)^ {0,3}(```|~~~)"
_MARKS = "`'\""
_QUOTES = "`'\"“‘«([{"
_EMPHASIS = "*_~"
_SENTENCE_ENDS = ".!?…。！？\n"

LOOKAHEAD = 2
"""Characters after a tag that decide whether it is a tag or a mention of one."""

MOST_MENTIONS = 50
"""Mentions of tags in an answer after which no further tag is recognized."""


WATCHED = 1_000_000
"""Length of an answer after which tags are text, because what precedes them is no longer kept."""


class Span(Struct, frozen=True):
    """A span of text. "thought before": this piece and all of the answer so far were reasoning."""

    kind: Literal["text", "reasoning", "thought before"]
    text: str


@functools.cache
def _any_tag() -> re.Pattern[str]:
    """Compiled when a text may hold a tag: that takes a millisecond."""
    return re.compile("|".join(map(re.escape, _TAGS)), re.IGNORECASE | re.ASCII)


def _next_tag(text: str, start: int) -> re.Match[str] | None:
    return _any_tag().search(text, start) if STARTERS.search(text, start) else None


class ThinkTags:
    """Splits text into spans of answer and reasoning; white space around reasoning is dropped.

    Tagged sections at the very beginning are reasoning. A closing tag alone ends reasoning whose opening tag was in the
    prompt. A tag that is only mentioned (quoted, in code, or within a sentence) is text. Anything that could still become
    a tag, or a mention of one, is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"  # → "opened" (white space to drop) → "thinking" → "closed" (the same) → "answer"
        self._open_tag = ""
        self._close_tag = STARTERS  # until a tag opens
        self._leading = True  # whether no answer has arrived yet
        self._known = False  # whether this answer's reasoning is known to be marked
        self._thought = False  # whether any reasoning was returned
        self._before = io.StringIO()  # the answer so far
        self._mentions = 0
        self._size = 0

    @property
    def plain(self) -> bool:
        """Whether text without a tag's first character can pass unchanged."""
        return self._state == "answer" and not self._held

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def note_reasoning(self) -> None:
        """Note that the server sends reasoning in a separate field."""
        self._known = True

    def pass_through(self, text: str) -> str:
        """Pass answer text without tags, while `plain`."""
        self._note(text)
        return text

    def feed(self, text: str) -> list[Span]:
        """Return the spans that are final."""
        self._held += text
        return self._sorted(final=False)

    def flush(self) -> list[Span]:
        """Return what was held back, at the end."""
        spans = self._sorted(final=True)
        held, self._held = self._held, ""
        if self._state == "opened" and self._leading and not self._thought:
            spans.append(Span("text", self._open_tag + held))  # the tag is the whole text
        elif held:
            spans.append(Span("reasoning" if self._state == "thinking" else "text", held))
        return spans

    def _sorted(self, *, final: bool) -> list[Span]:
        spans: list[Span] = []
        steps = {"start": self._start, "opened": self._opened, "thinking": self._think, "closed": self._start}
        while self._held:
            before = self._state, len(self._held)
            steps.get(self._state, self._answer)(spans, final)
            if (self._state, len(self._held)) == before:
                break
        return spans

    def _start(self, spans: list[Span], final: bool) -> None:
        """Process text before the answer, and between reasoning and answer."""
        stripped = self._held.lstrip()
        if self._state == "closed":
            self._held = stripped
        if not stripped:
            return
        tag = _any_tag().match(stripped) if STARTERS.match(stripped) else None
        if tag is None:
            if final or not _may_become_a_tag(stripped):
                self._state = "answer"
            return
        after = stripped[tag.end() :]
        if len(after) < LOOKAHEAD and not final:
            return
        close = _PAIRS.get(tag[0].lower())
        if _continues_sentence(after) or (close is None and not after and not self._known):
            self._state = "answer"
            self._mentions += 1
            self._text(len(self._held) - len(after), spans)
        elif close is not None:
            self._open(tag[0], after, spans)
        else:
            self._state, self._held, self._known = "closed", after, True

    def _open(self, tag: str, rest: str, spans: list[Span]) -> None:
        if self._thought:
            spans.append(Span("reasoning", "\n\n"))
        self._known, self._open_tag = True, tag
        self._close_tag = re.compile(re.escape(_PAIRS[tag.lower()]), re.IGNORECASE | re.ASCII)
        self._state, self._held = "opened", rest

    def _opened(self, spans: list[Span], final: bool) -> None:
        self._held = self._held.lstrip()
        if self._held:
            self._state = "thinking"

    def _think(self, spans: list[Span], final: bool) -> None:
        held = self._held
        for close in self._close_tag.finditer(held):
            quote = held[: close.start()][-1:]
            if quote in tuple(_MARKS):  # the reasoning may mention the tag
                if close.end() == len(held) and not final:
                    self._give("reasoning", close.start() - 1, spans)
                    return
                if held[close.end() : close.end() + 1] == quote:
                    continue
            self._give("reasoning", close.start(), spans)
            self._held = held[close.end() :]
            self._state = "closed" if self._leading else "answer"
            return
        open_end = 0 if final else _partial(held)
        if not final and held[-open_end - 1 : len(held) - open_end] in tuple(_MARKS):
            open_end += 1  # the tag that may follow would be quoted
        self._give("reasoning", len(held) - open_end, spans)

    def _answer(self, spans: list[Span], final: bool) -> None:
        at = 0
        while self._mentions < MOST_MENTIONS and (tag := _next_tag(self._held, at)):
            if len(self._held) < tag.end() + LOOKAHEAD and not final:
                self._text(tag.start(), spans)
                return
            if self._act_on(tag, spans):
                return
            self._mentions += 1
            at = tag.end()
        watched = self._mentions < MOST_MENTIONS and not final
        self._text(len(self._held) - (_partial(self._held[at:]) if watched else 0), spans)

    def _act_on(self, tag: re.Match[str], spans: list[Span]) -> bool:
        """Act on a tag in the answer, unless it is only mentioned; return whether it acted."""
        before, after = self._before.getvalue() + self._held[: tag.start()], self._held[tag.end() :]
        if _is_mentioned(before, after):
            return False
        if tag[0].lower() in _PAIRS:
            if not self._known or not after or after[0] == " ":
                return False
            self._text(tag.start(), spans)
            self._open(tag[0], after, spans)
        elif self._known or any(opening in before.lower() for opening in _PAIRS):
            return False
        else:
            spans.append(Span("thought before", self._held[: tag.start()]))
            self._before = io.StringIO()
            self._known = self._thought = True
            self._state, self._held = "closed", after
        return True

    def _text(self, end: int, spans: list[Span]) -> None:
        if end > 0:
            self._leading = False
            self._note(self._held[:end])
            self._give("text", end, spans)

    def _note(self, text: str) -> None:
        """Keep emitted answer text while a tag may follow."""
        if self._mentions < MOST_MENTIONS:
            self._before.write(text)
            self._size += len(text)
            if self._size > WATCHED:
                self._mentions = MOST_MENTIONS
        elif self._size:
            self._before, self._size = io.StringIO(), 0

    def _give(self, kind: Literal["text", "reasoning"], end: int, spans: list[Span]) -> None:
        if end > 0:
            spans.append(Span(kind, self._held[:end]))
            self._held = self._held[end:]
            self._thought = self._thought or kind == "reasoning"


def _is_mentioned(before: str, after: str) -> bool:
    """Whether a tag is only mentioned: in quotes, in code, or within a sentence."""
    last = before[-1:]
    amid = last == " " and before.rstrip(" ")[-1:] not in tuple(_SENTENCE_ENDS)
    emphasised = last in tuple(_EMPHASIS) and after[:1] == last
    alone = last == "\n" and after[:1] in ("\n", "")
    spanned = not alone and _is_in_span(before)  # reasoning may contain unbalanced backticks
    marked = emphasised or spanned or last in tuple(_QUOTES)
    return amid or marked or _continues_sentence(after) or _is_in_fence(before)


def _continues_sentence(after: str) -> bool:
    """Whether the words after a tag continue a sentence that mentions it."""
    return after[:1] in tuple(",;)`'\"") or (after[:1] == " " and after[1:2].islower() and after[1:2].isascii())


def _is_in_fence(before: str) -> bool:
    return len(re.findall(_FENCE, before)) % 2 == 1


def _is_in_span(before: str) -> bool:
    """Whether a code span is open in the last paragraph."""
    paragraph = before[before.rfind("\n\n") + 1 :]
    return re.sub(_FENCE, "", paragraph).count("`") % 2 == 1


def _may_become_a_tag(text: str) -> bool:
    return text.lower() in _BEGINNINGS


def _partial(text: str) -> int:
    """Return how many characters at the end could begin a tag."""
    for start in range(max(0, len(text) - _LONGEST), len(text)):
        if text[start] in "<[◁" and _may_become_a_tag(text[start:]):
            return len(text) - start
    return 0
