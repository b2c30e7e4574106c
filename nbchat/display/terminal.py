"""Prints a streaming answer as plain text, for terminals and files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from nbchat.display.canvas import TextOutput
from nbchat.display.footer import footer_facts
from nbchat.display.kernel import mark_shown
from nbchat.markdown.terminal_text import TerminalText, terminal_text
from nbchat.values.answer.events import (
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Retrying,
    SourcesDelta,
    TextDelta,
    ThoughtBefore,
)
from nbchat.values.answer.reply import Reply
from nbchat.values.limits import LIMITS, page_part
from nbchat.values.messages import Message, Source, ToolCall

__all__ = ["TerminalPresenter"]

FLUSH_SECONDS = 0.1
"""Shortest interval between flushes of a growing answer, in seconds."""


class TerminalPresenter:
    """A `Presenter` for a terminal or a file. Several choices are printed in turn."""

    def __init__(
        self,
        stream: TextIO | None,
        *,
        choices: int = 1,
        notes: Sequence[str] = (),
        continue_with: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._output = TextOutput(stream)
        self._expected = choices
        self.notes = list(notes)
        self._continue_with = continue_with
        self._texts: dict[int, list[str]] = {}
        self._finished: set[int] = set()
        self._current: int | None = None
        self._filter = TerminalText()
        self._at_start = True
        self._reasoning = 0
        self._sources: list[Source] = []
        self._flush_at = 0.0

    def show(self, events: Sequence[Event]) -> None:
        """Print these events."""
        for event in events:
            match event:
                case TextDelta(text, index) | RefusalDelta(text, index):
                    self._texts.setdefault(index, []).append(text)
                case ReasoningDelta(text):
                    self._reasoning += len(text)
                case ThoughtBefore(text, index):
                    self._texts.setdefault(index, []).append(f"{text}\n[end of reasoning; the answer follows]\n\n")
                case SourcesDelta(sources):
                    self._sources += sources
                case Finished(_, index):
                    self._finished.add(index)
                case Retrying(seconds=seconds, reason=reason, attempt=attempt):
                    planned = f"retrying in {seconds:.0f} s, attempt {attempt}"
                    self._line(
                        f"({terminal_text(reason)}: {planned if attempt > 1 else f'sending in {seconds:.0f} s'})"
                    )
                case _:
                    pass
        if events:
            self._print_texts()
        if (now := self._clock()) >= self._flush_at:  # in a kernel each flush is a message
            self._output.flush()
            self._flush_at = now + FLUSH_SECONDS

    def call_result(self, call: ToolCall, result: Message) -> None:
        """Print a call and its result."""
        self._line(terminal_text(f"[called {call.name}({page_part(call.arguments, LIMITS.shown_aside)})]"))
        self._line(terminal_text(page_part(result.text, LIMITS.shown_aside)))
        self._begin_anew()

    def restart(self, reason: str) -> None:
        """Print why the text so far is discarded; the new answer follows."""
        self._line(self._dim(terminal_text(f"[asked again: {reason}]")))
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._texts, self._finished, self._current = {}, set(), None

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        """Print the rest and the footer."""
        self._finished |= self._texts.keys()
        self._print_texts()
        self._finish_text()
        if reply is None:
            return
        mark_shown(reply)
        if any(choice.images for choice in reply.choices):
            self._line("[images are in reply.images]")
        if self._sources:
            from nbchat.markdown.attachments import sources_plain

            self._line(terminal_text(sources_plain(self._sources)))
        for call in reply.tool_calls[: LIMITS.shown_calls]:
            arguments = page_part(call.arguments, LIMITS.shown_aside)
            self._line(terminal_text(f"[wants to call {call.name}({arguments})]"))
        if (more := len(reply.tool_calls) - LIMITS.shown_calls) > 0:
            self._line(f"[and {more:,} more tool calls, in reply.tool_calls]")
        facts = footer_facts(reply, self.notes, continue_with=self._continue_with)
        self._line(self._dim(terminal_text("[" + " · ".join(facts) + "]")))

    def _print_texts(self) -> None:
        for index in sorted(self._texts):
            pieces = self._texts[index]
            if pieces:
                self._enter(index)
                self._write(self._filter.feed("".join(pieces)))
                pieces.clear()
            if index not in self._finished:
                break

    def _enter(self, index: int) -> None:
        if index == self._current:
            return
        self._finish_text()
        self._current = index
        if self._reasoning:
            self._line(self._dim(f"[reasoning: {self._reasoning:,} characters, in reply.reasoning]"))
            self._reasoning = 0
        several = max(self._expected, index + 1)
        if several > 1:
            self._line(f"--- Choice {index + 1} of {several} ---")

    def _finish_text(self) -> None:
        self._write(self._filter.flush())
        if not self._at_start:
            self._write("\n")

    def _line(self, text: str) -> None:
        self._finish_text()
        self._write(text.rstrip("\n") + "\n")
        self._output.flush()

    def _write(self, text: str) -> None:
        if text:
            self._output.write(text)
            self._at_start = text.endswith("\n")

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self._output.is_terminal else text
