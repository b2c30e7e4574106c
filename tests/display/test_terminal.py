"""Answers as plain text: what a terminal, a file or a pipe has after each batch of events, and at the end."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.display.canvas import TextOutput
from nbchat.display.terminal import TerminalPresenter
from nbchat.values.answer.events import (
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Retrying,
    SourcesDelta,
    TextDelta,
    ThoughtBefore,
    UsageReport,
)
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.answer.usage import Usage
from nbchat.values.limits import LIMITS
from nbchat.values.messages import ImagePart, Message, Source, ToolCall


class Terminal(io.StringIO):
    """A terminal that shows what was flushed."""

    terminal = False

    def __init__(self):
        super().__init__()
        self.flushed = ""

    def flush(self):
        if not self.closed:
            self.flushed = self.getvalue()

    def isatty(self):
        return self.terminal


class Printed:
    """A presenter on a terminal, with a clock."""

    def __init__(self, choices=1, **options):
        self.stream, self.now = Terminal(), 0.0
        self.presenter = TerminalPresenter(self.stream, choices=choices, clock=lambda: self.now, **options)

    def after(self, *events):
        """What has been written, after these events too."""
        self.presenter.show(events)
        return self.stream.getvalue()

    def end(self, **choice):
        self.presenter.conclude(Reply((Choice(**choice),), "complete", "m"), None)
        return self.stream.getvalue()


FOOTER = "[m · tokens unknown]\n"


def test_text_is_printed_as_it_comes_and_the_footer_begins_a_line():
    printed = Printed()
    assert printed.after(TextDelta("One")) == "One"
    assert printed.after(TextDelta(" two"), RefusalDelta(".")) == "One two."
    assert printed.end(text="One two.") == "One two.\n" + FOOTER
    assert printed.stream.flushed == printed.stream.getvalue()


def test_an_answer_that_ends_its_line_gets_no_empty_one():
    printed = Printed()
    printed.after(TextDelta("One\n"))
    assert printed.end(text="One\n") == "One\n" + FOOTER


def test_output_is_flushed_ten_times_a_second():
    printed = Printed()
    printed.after(TextDelta("a"))
    assert printed.stream.flushed == "a"
    printed.now = 0.09
    printed.after(TextDelta("b"))
    assert printed.stream.flushed == "a"
    printed.now = 0.1
    printed.after()
    assert printed.stream.flushed == "ab"


def test_choices_are_printed_in_turn():
    printed = Printed(2)
    assert printed.after(TextDelta("b1", 1), TextDelta("a1", 0)) == "--- Choice 1 of 2 ---\na1"
    assert printed.after(TextDelta("b2", 1)) == "--- Choice 1 of 2 ---\na1"
    whole = "--- Choice 1 of 2 ---\na1a2\n--- Choice 2 of 2 ---\nb1b2"
    assert printed.after(TextDelta("a2", 0), Finished("stop", 0)) == whole
    assert printed.after(TextDelta("b3", 1)) == whole + "b3"
    assert printed.end(text="a1a2") == whole + "b3\n" + FOOTER


def test_a_choice_that_nobody_asked_for_has_a_heading_too():
    printed = Printed()
    printed.after(TextDelta("a", 0), TextDelta("b", 1), Finished("stop", 0))
    assert printed.end(text="a") == "a\n--- Choice 2 of 2 ---\nb\n" + FOOTER


def test_choices_that_never_finish_are_printed_at_the_end():
    printed = Printed(2)
    assert printed.after(TextDelta("a", 0), TextDelta("b", 1)) == "--- Choice 1 of 2 ---\na"
    assert printed.end(text="a").endswith("--- Choice 2 of 2 ---\nb\n" + FOOTER)


@given(st.lists(st.tuples(st.integers(0, 2), st.text("ab\n\x1b[", max_size=4) | st.none()), max_size=20))
def test_printed_text_stays_and_each_choice_is_complete(steps):
    printed, came, before = Printed(3), {}, ""
    for index, text in steps:
        event = Finished("stop", index) if text is None else TextDelta(text, index)
        now = printed.after(event)
        assert now.startswith(before)
        before = now
        came[index] = came.get(index, "") + (text or "")
    assert printed.end(text="").startswith(before)


def test_reasoning_is_counted_once():
    printed = Printed()
    assert printed.after(ReasoningDelta("Hm. "), ReasoningDelta("So.")) == ""
    thought = "[reasoning: 7 characters, in reply.reasoning]\n"
    assert printed.after(TextDelta("Yes")) == thought + "Yes"
    assert printed.end(text="Yes.") == thought + "Yes\n" + FOOTER


def test_text_that_turns_out_to_be_reasoning_is_marked():
    printed = Printed()
    printed.after(TextDelta("Let me see. "))
    shown = printed.after(ThoughtBefore("Right."), TextDelta("Yes."))
    assert shown == "Let me see. Right.\n[end of reasoning; the answer follows]\n\nYes."


def test_a_retry_is_a_line_that_is_seen_at_once():
    printed = Printed()
    printed.after(TextDelta("a"))
    printed.after(Retrying(2.4, "HTTP\x1b[2J 429", 2), UsageReport(Usage()))
    assert printed.stream.flushed == "a\n(HTTP 429: retrying in 2 s, attempt 2)\n"
    printed.after(Retrying(2.4, "rate limit", 1))
    assert printed.stream.flushed.endswith("\n(rate limit: sending in 2 s)\n")


def test_calls_are_printed_between_the_rounds():
    printed = Printed()
    printed.after(TextDelta("Let me look.\ud83d"), Finished("tool_calls"))
    printed.presenter.call_result(ToolCall("1", "look", "{\x07}"), Message("tool", "found\x1b[0m", tool_call_id="1"))
    shown = printed.after(TextDelta("There"))
    assert shown == "Let me look.\ufffd\n[called look({})]\nfound\nThere"
    long = Message("tool", "x" * (LIMITS.shown_aside + 5), tool_call_id="2")
    printed.presenter.call_result(ToolCall("2", "f", "y" * (LIMITS.shown_aside + 7)), long)
    shown = printed.stream.getvalue()
    assert "and 5 more characters" in shown
    assert "and 7 more characters" in shown


def test_discarded_text_gets_a_reason_and_the_new_answer_follows_below():
    printed = Printed()
    printed.after(TextDelta("Wrong\ud83d"), Finished("stop"))
    printed.presenter.restart("it did not\x07 fit")
    assert printed.after(TextDelta("Right")) == "Wrong\ufffd\n[asked again: it did not fit]\nRight"


def test_two_choices_after_a_restart_are_printed_in_turn_again():
    printed = Printed(2)
    printed.after(TextDelta("a", 0), Finished("stop", 0), TextDelta("b", 1))
    printed.presenter.restart("why")
    shown = printed.after(TextDelta("c", 0), TextDelta("d", 1))
    assert shown.endswith("[asked again: why]\n--- Choice 1 of 2 ---\nc")


def test_when_nothing_came_there_is_no_footer():
    printed = Printed()
    printed.presenter.conclude(None, ValueError("x"))
    assert printed.stream.getvalue() == ""


def test_what_follows_an_answer_that_failed_begins_a_line():
    printed = Printed()
    printed.after(TextDelta("Half\ud83d"))
    printed.presenter.conclude(None, ValueError("x"))
    assert printed.stream.getvalue() == "Half\ufffd\n"


def test_images_and_sources_are_printed_below_the_text():
    printed = Printed(notes=["df: schema"], continue_with="%chat continue")
    printed.after(TextDelta("Look."), SourcesDelta((Source("https://example.com/a", "A\x1b[2Jpage"),)))
    calls = tuple(ToolCall(str(n), f"f{n}", "{\x07}") for n in range(LIMITS.shown_calls + 3))
    shown = printed.end(text="Look.", images=(ImagePart("data:,"),), tool_calls=calls, finish_reason="length")
    lines = shown.splitlines()
    assert lines[:2] == ["Look.", "[images are in reply.images]"]
    assert "1. Apage: https://example.com/a" in shown
    wants = [line for line in lines if line.startswith("[wants to call")]
    assert wants == [f"[wants to call f{n}({{}})]" for n in range(LIMITS.shown_calls)]
    assert lines[-2] == "[and 3 more tool calls, in reply.tool_calls]"
    assert lines[-1] == "[m · tokens unknown · cut at max_tokens: %chat continue resumes it · df: schema]"


def test_as_many_calls_as_are_shown_leave_none_over():
    calls = tuple(ToolCall(str(n), "f", "{}") for n in range(LIMITS.shown_calls))
    assert "more tool calls" not in Printed().end(tool_calls=calls)


def test_only_a_terminal_gets_dim_lines():
    printed = Printed()
    printed.stream.terminal = True
    assert printed.end(text="a") == f"\x1b[2m{FOOTER.strip()}\x1b[0m\n"


# Streams of every kind


class Narrow(io.TextIOWrapper):
    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")

    @property
    def written(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("ascii", '5 -> 6 - "a"... ? x'), ("cp1252", '5 -> 6 - "a"... é x'), ("utf-8", "5 → 6 · “a”… é ×")],
)
def test_unencodable_characters_are_replaced(encoding, text):
    stream = Narrow(encoding)
    TextOutput(stream).write("5 → 6 · “a”… é ×")
    assert stream.written == text


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_nothing_is_written_after_a_write_error(error):
    class Broken(Terminal):
        tries = 0

        def fail(self, *_text):
            self.tries += 1
            raise error("gone")

        write = flush = isatty = fail

    for use in (lambda output: output.write("x"), TextOutput.flush):
        stream = Broken()
        output = TextOutput(stream)
        use(output)
        assert stream.tries == 1
        output.write("y")
        output.flush()
        assert stream.tries == 1
    assert not TextOutput(Broken()).is_terminal


def test_without_a_stream_nothing_is_written():
    output = TextOutput(None)
    output.write("x")
    output.flush()
    assert not output.is_terminal


def test_standard_output_is_looked_up_when_used(capsys):
    TextOutput.standard().write("here")
    assert capsys.readouterr().out == "here"
