"""What is on screen after each paint: nothing shown goes away, nothing waits too long, no update comes too soon."""

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.display.painter import MOST_OUTPUTS, Painter
from nbchat.values.answer.events import (
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Responded,
    Retrying,
    TextDelta,
    ThoughtBefore,
)
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.messages import Message, ToolCall
from tests.markdown.test_segments import calls


class Screen:
    """A canvas with a clock: its outputs, and when they changed."""

    def __init__(self, choices=1, **options):
        self.now = 100.0
        self.outputs = []
        self.changed = []
        self.sent = 0  # bytes
        self.painter = Painter(self, choices=choices, clock=lambda: self.now, **options)

    def show(self, bundle):
        self.outputs.append(bundle)
        self._keep(bundle)
        return str(len(self.outputs) - 1)

    def update(self, output, bundle):
        assert bundle != self.outputs[int(output)], "painted again though nothing changed"
        self.outputs[int(output)] = bundle
        self._keep(bundle)

    def _keep(self, bundle):
        self.changed.append(self.now)
        self.sent += 600 + sum(len(content.encode()) for content in bundle.values())

    def after(self, seconds, *events):
        """Let time pass, then show events; the frame."""
        self.now += seconds
        self.painter.show(events)
        return self.frame

    def end(self, text="."):
        """Conclude; the frame without the footer."""
        self.painter.conclude(Reply((Choice(text=text),)), None)
        footer = max(number for number, bundle in enumerate(self.outputs) if any(bundle.values()))
        assert "text/markdown" not in self.outputs.pop(footer)
        return self.frame

    @property
    def frame(self):
        return [bundle.get("text/markdown") or bundle["text/plain"] for bundle in self.outputs if any(bundle.values())]


def squeezed(text):
    return re.sub(r"\s", "", text)


def by_choice(frame):
    """The text of each choice on a screen, by number; every text stands under its heading."""
    before, *parts = re.split(r"\*\*Choice (\d+) of \d+\*\*", "\n".join(frame))
    assert not before.strip() or not parts
    return {int(number) - 1: squeezed(text) for number, text in zip(parts[::2], parts[1::2], strict=True)}


waits = st.sampled_from([0.0, 0.01, 0.05, 0.099, 0.1, 0.11, 0.3, 1.0])
pieces = st.text("ab \n", max_size=12) | st.integers(1, 1500).map("word ".__mul__)


@given(st.lists(st.tuples(waits, pieces), min_size=1, max_size=25))
def test_a_frame_never_shows_text_that_the_next_frame_lacks(steps):
    screen, came, before = Screen(), "", ""
    for seconds, text in steps:
        frame = squeezed("".join(screen.after(seconds, TextDelta(text))))
        came += squeezed(text)
        assert frame.startswith(before)
        assert came.startswith(frame)
        before = frame
    assert squeezed("".join(screen.end())) == came


@given(st.lists(st.tuples(waits, st.integers(0, 2), st.text("abc", max_size=5) | st.none()), max_size=30))
def test_choices_appear_in_order_and_only_grow(steps):
    """None ends a choice. The text under a heading is always a beginning of that choice."""
    screen, came, over, before = Screen(3), {}, set(), {}
    for seconds, index, text in steps:
        if index in over:
            continue
        if text is None:
            over.add(index)
            frame = by_choice(screen.after(seconds, Finished("stop", index)))
        else:
            came[index] = came.get(index, "") + text
            frame = by_choice(screen.after(seconds, TextDelta(text, index)))
        assert list(frame) == list(range(len(frame)))
        assert set(range(len(frame) - 1)) <= over, "a choice stands below one that still grows"
        assert all(frame[shown].startswith(text) for shown, text in before.items())
        assert all(came.get(shown, "").startswith(text) for shown, text in frame.items())
        before = frame
    final = by_choice(screen.end())
    assert final == {index: came.get(index, "") for index in sorted(came.keys() | over)}
    assert list(final) == sorted(final)


@given(st.lists(st.tuples(waits, pieces), min_size=1, max_size=25))
def test_text_is_on_screen_within_a_second_and_updates_are_spaced(steps):
    screen, came, paints = Screen(), "", []
    for seconds, text in steps:
        screen.changed.clear()
        screen.after(seconds, TextDelta(text))
        paints += screen.changed[-1:]
        came += text
    assert all(late - soon >= 0.1 - 1e-9 for soon, late in itertools.pairwise(paints))
    assert squeezed("".join(screen.after(0.91))) == squeezed(came)
    screen.changed.clear()
    screen.after(5)
    assert screen.changed == []


@pytest.mark.parametrize(("length", "seconds"), [(50, 0.1), (500, 0.1), (1200, 0.12)])
def test_the_update_interval_grows_with_the_growing_output(length, seconds):
    screen = Screen()
    screen.after(0, TextDelta("x" * length))
    assert screen.after(seconds - 0.001, TextDelta("END")) == ["x" * length]
    assert screen.after(0.002) == ["x" * length + "END"]


def test_an_answer_that_is_not_cut_is_painted_rarely_when_it_is_long():
    """Of forty choices each has one output: 40 kB in it take more than two seconds until the next update."""
    screen = Screen(40)
    screen.after(0, TextDelta("word " * 8000))
    assert "END" not in screen.after(2.2, TextDelta("END"))[0]
    assert "END" in screen.after(0.1)[0]


@pytest.mark.parametrize(
    "shape",
    ["word " * 59 + "done.\n\n", "```py\n" + "x = f(1) + 2\n" * 40 + "```\n\n", "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 60 + "\n",
     "x", "*_~$\\[]()<>!:|`#@&{}", "中文字符\n\n"],
)  # fmt: skip
@pytest.mark.parametrize("early", [0, 240_000])
def test_behind_any_text_the_screen_moves_every_second_within_the_byte_budget(shape, early):
    """500 bytes a second for ten seconds, behind a text that came at once."""
    text = shape * ((early + 10_000) // len(shape) + 1)
    screen = Screen()
    screen.after(0, TextDelta(text[:early]))
    screen.after(2)
    screen.sent, screen.changed = 0, []
    step = 50 * len(shape) // len(shape.encode())
    for at in range(early, early + 100 * step, step):
        screen.after(0.1, TextDelta(text[at : at + step]))
    assert max(late - soon for soon, late in itertools.pairwise(screen.changed)) < 1
    assert len(set(screen.changed)) > 10
    assert screen.sent < 10 * 20_000


def test_a_look_without_news_costs_nothing():
    screen = Screen()
    screen.after(0, TextDelta("word " * 200))
    assert calls(lambda: screen.after(1)) < 100


def test_only_the_last_output_is_sent_again_at_the_end():
    screen = Screen()
    for _ in range(20):
        screen.after(1, TextDelta("A paragraph of some words.\n\n" * 40))
    screen.changed.clear()
    screen.end()
    assert len(screen.changed) <= 2  # and the footer


def test_a_burst_of_updates_is_made_up_for_in_seconds():
    """A definition at the end of a long answer changes all of it: 240 kB, which would take 13 seconds at the rate."""
    screen = Screen()
    screen.after(0, TextDelta("Words with [a link][d].\n\n" * 3700))
    screen.sent = 0
    screen.after(5, TextDelta("[d]: https://a.b/c\n\n"))
    assert screen.sent > 235_000
    for _ in range(10):
        screen.after(1, TextDelta("word "))
    screen.after(0.2, TextDelta("word "))
    assert screen.after(0.2, TextDelta("END"))[-1].endswith("END")


def test_after_a_rest_some_updates_may_be_large():
    """Each is 3.3 kB; more than a few would exceed the rate."""
    screen = Screen()
    screen.after(0, TextDelta("中" * 900))
    screen.after(5)
    shown = [screen.after(0.11, TextDelta(f"{number};"))[-1].endswith(f"{number};") for number in range(30)]
    assert shown[:4] == [True] * 4
    assert not all(shown)


def test_json_is_code_in_each_frame():
    screen = Screen()
    text = json.dumps({"items": [{"name": "a", "born": 1815 + number} for number in range(200)]}, indent=1)
    for at in range(0, len(text), 97):
        frame = screen.after(1, TextDelta(text[at : at + 97]))
        assert all(output.startswith("```json\n") for output in frame)
    assert len(frame) > 2


def test_the_second_choice_streams_once_the_first_is_finished():
    screen = Screen(2)
    assert screen.after(0, TextDelta("b1", 1)) == []
    assert by_choice(screen.after(0.2, TextDelta("a1", 0))) == {0: "a1"}
    assert by_choice(screen.after(0.2, TextDelta("b2", 1))) == {0: "a1"}
    assert by_choice(screen.after(0.2, Finished("stop", 0))) == {0: "a1", 1: "b1b2"}
    assert by_choice(screen.after(0.2, TextDelta("b3", 1))) == {0: "a1", 1: "b1b2b3"}


def test_a_server_that_numbers_its_only_choice_oddly_streams_all_the_same():
    assert "hello" in "".join(Screen().after(0, TextDelta("hello", 1)))


def test_choices_beyond_the_outputs_are_not_painted():
    screen = Screen(MOST_OUTPUTS + 5)
    for index in range(MOST_OUTPUTS + 5):
        screen.after(0, TextDelta("x", index), Finished("stop", index))
    screen.painter.show([])
    assert len(screen.end()) == MOST_OUTPUTS


def test_unused_outputs_are_reused():
    """In a long answer pieces are merged; their former outputs must not stay empty above the footer."""
    screen, emptied = Screen(), 0
    for _ in range(60):
        screen.after(1, TextDelta("A paragraph of some words.\n\n" * 40))
        emptied = max(emptied, sum(not any(bundle.values()) for bundle in screen.outputs))
        if not any(screen.outputs[-1].values()):
            break
    assert emptied
    count = len(screen.outputs)
    screen.painter.restart("why")
    assert screen.outputs[count - emptied]["text/plain"] == "asked again: why"
    assert len(screen.outputs) == count


# Before the first token


def test_an_empty_cell_says_what_it_waits_for_and_changes_once_a_second():
    screen = Screen(waiting="m of example.com")
    assert screen.after(0) == screen.after(0.39) == []
    assert screen.after(0.02) == ["waiting for m of example.com … 0 s"]
    screen.after(0.3)
    assert len(screen.changed) == 1
    assert screen.after(0.3) == ["waiting for m of example.com … 1 s"]
    assert screen.after(0.1, TextDelta("Hi")) == ["Hi"]
    assert len(screen.outputs) == 1


def test_a_retry_counts_down_and_ends_when_the_server_responds():
    screen = Screen()
    assert screen.after(0, Retrying(3.0, "HTTP 429", 2)) == ["HTTP 429: retrying in 3 s (attempt 2)"]
    assert screen.after(1.2) == ["HTTP 429: retrying in 2 s (attempt 2)"]
    assert screen.after(9) == ["HTTP 429: retrying in 0 s (attempt 2)"]
    assert screen.after(0.1, Responded(0.0)) == ["waiting for the answer … 10 s"]
    assert screen.after(0, Retrying(3.0, "rate limit", 1)) == ["rate limit: sending in 3 s"]
    assert len(screen.outputs) == 1


def test_without_an_answer_the_next_output_replaces_the_waiting_line():
    screen = Screen()
    screen.after(1)
    screen.painter.conclude(None, None)
    assert screen.frame == []


# Reasoning


def test_reasoning_is_counted_while_it_comes_and_folded_when_the_answer_begins():
    screen = Screen()
    assert screen.after(0, ReasoningDelta("Hm. ")) == ["thinking … 4 characters"]
    assert screen.after(0.05, ReasoningDelta("Well.")) == ["thinking … 4 characters"]
    assert screen.after(0.1) == ["thinking … 9 characters"]
    thought, answer = screen.after(11.85, TextDelta("So:"))
    assert thought.startswith("[Thought for 12 s]")
    assert "Hm. Well." in thought
    assert answer == "So:"
    assert screen.after(1, TextDelta(" it is.")) == [thought, "So: it is."]
    assert screen.end() == [thought, "So: it is."]


def test_reasoning_takes_as_long_as_from_its_first_piece():
    screen = Screen()
    screen.after(0, ReasoningDelta("Hm."))
    screen.after(5, ReasoningDelta("So."))
    assert screen.after(5, TextDelta("Yes."))[0].startswith("[Thought for 10 s]")


def test_reasoning_alone_is_folded_at_the_end():
    screen = Screen()
    screen.after(0, ReasoningDelta("Hm."))
    assert [text.split("\n")[0] for text in screen.end("")] == ["[Thought for <0.01 s]"]


def test_text_that_turns_out_to_be_reasoning_moves_and_the_answer_takes_its_place():
    screen = Screen()
    screen.after(0, TextDelta("Let me see. "))
    frame = screen.after(1, ThoughtBefore("Right."), TextDelta("Yes."))
    assert frame == ["[Thought for <0.01 s]\nLet me see. Right.", "Yes."]
    assert len(screen.outputs) == 2


def test_an_answer_that_repeats_what_turned_out_to_be_reasoning_is_shown():
    screen = Screen()
    screen.after(0, ReasoningDelta("Hm."))
    screen.after(1, TextDelta("Yes."))
    screen.after(1, ThoughtBefore(""))
    assert screen.after(1, TextDelta("Yes."))[1:] == ["Yes."]


def test_a_refusal_streams_like_an_answer():
    screen = Screen()
    assert screen.after(0, RefusalDelta("I can't")) == ["I can't"]
    assert screen.after(1, RefusalDelta(" do that.")) == ["I can't do that."]


# Between rounds


def test_what_the_model_says_after_a_call_begins_below_and_the_rest_stays():
    screen = Screen()
    screen.after(0, TextDelta("Let me look."))
    screen.now += 0.01
    screen.painter.show([TextDelta(" Now.")])
    screen.painter.call_result(ToolCall("1", "look", "{}"), Message("tool", "found", tool_call_id="1"))
    frame = screen.frame
    assert frame == ["Let me look. Now.", "[called look]\n{}\n\nfound"]
    assert screen.after(0, TextDelta("It")) == frame, "two updates within a tenth of a second"
    assert screen.after(0.11, TextDelta(" is.")) == [*frame, "It is."]


def test_discarded_text_stays_with_the_reason():
    screen = Screen()
    screen.after(0, TextDelta("Wrong"))
    screen.painter.restart("it did not fit")
    assert screen.after(1, TextDelta("Right")) == ["Wrong", "asked again: it did not fit", "Right"]
    assert screen.end() == ["Wrong", "asked again: it did not fit", "Right"]


def test_a_link_finds_its_definition_in_a_later_output():
    screen = Screen()
    screen.after(0, TextDelta("See [the docs][d].\n\n" + "A paragraph of words.\n\n" * 200))
    assert screen.frame[0].startswith("See &#91;the docs&#93;")
    assert len(screen.frame) > 1
    assert screen.after(1, TextDelta("[d]: https://a.b/c\n"))[0].startswith("See [the docs](https://a.b/c).")
