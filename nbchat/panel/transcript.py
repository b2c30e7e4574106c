"""A panel's questions and answers as ordinary cell outputs, because saved notebooks lose widgets."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import cached_property

from nbchat.conversation.session import Session
from nbchat.display.canvas import Bundle, Canvas
from nbchat.display.chrome import NO_MATH_CLASS
from nbchat.display.footer import footer_facts, settings_text
from nbchat.markdown.inline import html_text, inline_text
from nbchat.markdown.json_answers import as_markdown
from nbchat.markdown.terminal_text import plain_text
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.limits import LIMITS, page_part

__all__ = ["Entry", "SweepEntry", "Transcript", "TranscriptView", "transcript_of"]

PAGE_CHARACTERS = 20_000
"""Size up to which entries share an output: front ends show about fifty outputs per cell, and render a changed output
from scratch."""


class Entry:
    """One question and its answer. Texts are cached, because every later answer repaints the page."""

    def __init__(self, question: str, reply: Reply) -> None:
        self.question = question
        self.reply = reply

    @cached_property
    def markdown(self) -> str:
        """Return the entry folded, since the panel has just shown it."""
        from nbchat.markdown.render import render

        question = render(_quoted(self.question))
        answers = [self._answer(choice, render) for choice in self.reply.choices]
        if len(answers) > 1:
            answers = [f"**Choice {i} of {len(answers)}**\n\n{text}" for i, text in enumerate(answers, 1)]
        body = "\n\n".join(
            [question, *answers, f"<small>{inline_text(' · '.join(footer_facts(self.reply)), 600)}</small>"]
        )
        made = " · ".join(filter(None, (self.reply.model, settings_text(self.reply.request))))
        summary = f"{inline_text(self.question, 90)} <small>{inline_text(made, 120)}</small>"
        return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"

    @cached_property
    def plain(self) -> str:
        """For viewers without Markdown."""
        answers = "\n\n".join(self._answer(choice, str) for choice in self.reply.choices)
        return plain_text(f"> {self.question}\n\n{answers}\n\n{' · '.join(footer_facts(self.reply))}")

    @staticmethod
    def _answer(choice: Choice, clean: Callable[[str], str]) -> str:
        """Return a choice's text and tool calls or, if it has neither, its reasoning."""
        calls = "\n\n".join(f"calls {call.name}({call.arguments})" for call in choice.tool_calls)
        calls = page_part(calls, LIMITS.shown_aside)
        text = page_part(choice.text or choice.refusal)
        thoughts = page_part(choice.reasoning, LIMITS.shown_aside)
        thought = "" if choice.text or calls or not thoughts else clean(_quoted(thoughts))
        parts = [
            text if clean is str else clean(as_markdown(text)),
            clean(calls),
            thought and f"no text, only thinking:\n\n{thought}",
        ]
        if choice.images or choice.sources:
            from nbchat.markdown.attachments import attachments_markdown, attachments_plain

            parts.append((attachments_plain if clean is str else attachments_markdown)(choice.images, choice.sources))
        return "\n\n".join(filter(None, parts))


class SweepEntry:
    """A sweep of one message with its result, in a separate output."""

    def __init__(self, question: str, result: Bundle) -> None:
        summary = f'<summary style="cursor:pointer">{html_text(question, 90)}</summary>'
        self.bundle: Bundle = {
            "text/html": f'<details class="{NO_MATH_CLASS}">{summary}{result["text/html"]}</details>',
            "text/plain": plain_text(f"> {question}") + f"\n\n{result['text/plain']}",
        }


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


class Transcript:
    """The entries of one session, shared by all its panels."""

    def __init__(self) -> None:
        self._entries: list[Entry | SweepEntry] = []
        self._lock = threading.Lock()
        self.newest: TranscriptView | None = None
        """The latest view, which replaces an earlier one if the panel's cell is run again during an answer."""

    def add(self, entry: Entry | SweepEntry) -> None:
        """Add an entry, to be painted by the views."""
        with self._lock:
            self._entries.append(entry)

    def pages(self) -> list[Bundle]:
        """Return the outputs of all entries, oldest first; only the last one still changes."""
        with self._lock:
            entries = tuple(self._entries)
        pages: list[Bundle] = []
        texts: list[Entry] = []
        room = 0
        for entry in entries:
            if isinstance(entry, SweepEntry):
                pages.append(entry.bundle)
                room = 0
                continue
            if room < len(entry.markdown):
                pages.append({})
                texts, room = [], PAGE_CHARACTERS
            texts.append(entry)
            room -= len(entry.markdown)
            pages[-1] = {
                "text/markdown": "\n\n".join(each.markdown for each in texts),
                "text/plain": "\n\n".join(each.plain for each in texts),
            }
        return pages


class TranscriptView:
    """A view of a transcript on a canvas."""

    def __init__(self, transcript: Transcript, canvas: Canvas) -> None:
        self.transcript = transcript
        self._canvas = canvas
        self._outputs: list[str] = []
        self._shown: list[Bundle] = []
        self._lock = threading.Lock()
        transcript.newest = self

    def refresh(self) -> None:
        """Paint what has changed."""
        with self._lock:
            pages = self.transcript.pages()
            for number, page in enumerate(pages):
                if number == len(self._outputs):
                    self._outputs.append(self._canvas.show(page))
                elif page != self._shown[number]:
                    self._canvas.update(self._outputs[number], page)
            self._shown = pages


_transcripts: weakref.WeakKeyDictionary[Session, Transcript] = weakref.WeakKeyDictionary()
_finding = threading.Lock()


def transcript_of(session: Session) -> Transcript:
    """The transcript of a session's panels."""
    with _finding:
        return _transcripts.setdefault(session, Transcript())
