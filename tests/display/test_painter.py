"""The painter: whatever the order and grouping of events, the cell ends up showing the whole answer, in few outputs."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbchat.display.answer import answer_bundle
from nbchat.display.footer import cost_text, footer_facts, made_with, params_text, seconds_text, tokens_text
from nbchat.display.painter import Painter
from nbchat.markdown.attachments import picture_data
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import (
    Finished,
    ImageDelta,
    ReasoningDelta,
    Retrying,
    SourcesDelta,
    TextDelta,
    ThoughtBefore,
    Unshown,
    UsageReport,
)
from nbchat.values.answer.reply import Choice, Reply, Request, Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.limits import LIMITS
from nbchat.values.messages import ImagePart, Message, Source, ToolCall


class Sheet:
    """A canvas that keeps what it shows."""

    def __init__(self):
        self.outputs = {}
        self.updates = 0

    def show(self, bundle):
        self.outputs[str(len(self.outputs))] = bundle
        return str(len(self.outputs) - 1)

    def update(self, output, bundle):
        assert output in self.outputs
        self.updates += 1
        self.outputs[output] = bundle

    def shown(self, kind):
        return [bundle[kind] for bundle in self.outputs.values() if bundle.get(kind)]


def painted(events, *, choices=1, size=1):
    """The sheet after these events, in batches of a size, and the reply's end."""
    sheet = Sheet()
    painter = Painter(sheet, choices=choices)
    draft = Draft(Request("", {"messages": [], "model": "m"}))
    for start in range(0, len(events), size):
        painter.show(events[start : start + size])
        draft.add(events[start : start + size])
    painter.conclude(draft.reply(), None)
    return sheet


words = st.text("ab \n", min_size=1, max_size=12)


@given(st.lists(st.tuples(words, st.integers(0, 2)), min_size=1, max_size=30), st.integers(1, 7))
def test_every_choice_is_whole_and_in_its_place(deltas, size):
    """Interleaved choices are shown apart, one below the other, each whole."""
    events = [TextDelta(text, index) for text, index in deltas]
    sheet = painted(events, choices=3, size=size)
    shown = "".join(sheet.shown("text/markdown"))
    order = [shown.find(f"**Choice {index + 1} of 3**") for index in sorted({index for _, index in deltas})]
    assert order == sorted(order)
    assert -1 not in order
    for index in {index for _, index in deltas}:
        text = "".join(text for text, choice in deltas if choice == index)
        if text.strip():
            assert text.strip() in shown


def test_a_long_answer_takes_few_outputs_and_loses_nothing():
    text = "".join(f"Paragraph {n}, which says something.\n\n" for n in range(6000))
    sheet = painted([TextDelta(text[i : i + 40]) for i in range(0, len(text), 40)], size=5)
    assert len(sheet.outputs) < 50
    assert "".join(sheet.shown("text/markdown")).count("Paragraph") == 6000


def test_a_hundred_choices_take_few_outputs():
    sheet = painted([TextDelta("x", index) for index in range(100)], choices=100)
    assert len(sheet.outputs) < 50
    assert "60 more choices are in reply.choices" in sheet.shown("text/plain")[-1]


def test_each_final_output_has_a_plain_twin():
    sheet = painted([ReasoningDelta("hm"), TextDelta("Answer."), Finished("stop")])
    assert all("text/plain" in bundle for bundle in sheet.outputs.values())


@pytest.mark.parametrize("size", [1, 3, 100])
def test_json_is_shown_as_code_while_it_comes_and_at_the_end(size):
    text = json.dumps({"items": [{"name": "a<b>", "born": 1815 + i} for i in range(400)]}, indent=1)
    sheet = painted([TextDelta(text[i : i + 7]) for i in range(0, len(text), 7)], size=size)
    blocks = sheet.shown("text/markdown")
    code = [token for block in blocks for token in MarkdownIt().parse(block) if token.type in ("fence", "html_block")]
    assert len(code) == len(blocks)
    assert "".join(sheet.shown("text/plain")[: len(code)]).replace("\n", "") == text.replace("\n", "")
    assert answer_bundle(Reply((Choice(text=text),)))["text/markdown"].startswith(("```", "<pre"))


def test_json_with_prose_behind_it_ends_as_markdown():
    sheet = painted([TextDelta('{"a": 1}'), TextDelta("\n\nOne **field**.")])
    assert "**field**" in "".join(sheet.shown("text/markdown")).replace("</code>", "")
    assert "```" not in "".join(sheet.shown("text/markdown"))


def test_a_retry_gives_way_to_the_answer():
    sheet = Sheet()
    painter = Painter(sheet)
    painter.show([Retrying(3.0, "HTTP 429", 2)])
    assert "retrying in 3 s (attempt 2)" in sheet.shown("text/plain")[0]
    painter.show([TextDelta("Here.")])
    assert sheet.shown("text/markdown") == ["Here."]
    assert len(sheet.outputs) == 1


def test_without_an_answer_no_output_stays():
    sheet = Sheet()
    painter = Painter(sheet)
    painter.show([Retrying(3.0, "HTTP 500", 2)])
    painter.conclude(None, ValueError("refused"))
    assert sheet.shown("text/plain") == []


def test_calls_of_tools_stand_between_the_rounds():
    sheet = Sheet()
    painter = Painter(sheet)
    painter.show([TextDelta("Let me see.")])
    painter.call_result(ToolCall("1", "look", "{}"), Message("tool", "<b>found</b>", tool_call_id="1"))
    painter.show([TextDelta("It is there.")])
    painter.conclude(Reply((Choice(text="It is there."),)), None)
    kinds = ["text/markdown" if "text/markdown" in bundle else "text/html" for bundle in sheet.outputs.values()]
    assert kinds == ["text/markdown", "text/html", "text/markdown", "text/html"]
    assert "&lt;b&gt;found&lt;/b&gt;" in sheet.outputs["1"]["text/html"]


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (Usage(12, 34, 46, "measured"), "12 → 34 tokens"),
        (Usage(1200, 34, 1234, "estimated"), "~1,200 → ~34 tokens"),
        (Usage(), "tokens unknown"),
        (Usage(None, 5, None, "estimated"), "? → ~5 tokens"),
        (
            Usage(100, 50, 150, "measured", cached_tokens=80, reasoning_tokens=20),
            "100 → 50 tokens (80 cached, 20 reasoning)",
        ),
    ],
)
def test_tokens_say_how_sure_they_are(usage, text):
    assert tokens_text(usage) == text


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (None, ""),
        (0, "free"),
        (0.00001, "under $0.0001"),
        (0.0001, "$0.0001"),
        (0.00234, "$0.0023"),
        (0.994, "$0.99"),
        (0.996, "$1.00"),
        (1, "$1.00"),
        (1.5, "$1.50"),
        (123.456, "$123.46"),
    ],
)
def test_costs(cost, text):
    assert cost_text(cost) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.012, "0.01 s"),
        (0.094, "0.09 s"),
        (0.096, "0.1 s"),
        (0.34, "0.3 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.2, "12 s"),
        (99.4, "99 s"),
        (99.6, "1 min 39 s"),
        (125, "2 min 5 s"),
    ],
)
def test_seconds(seconds, text):
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("tokens", "text"), [(1, None), (94, "9.4 tokens/s"), (96, "10 tokens/s"), (1234, "123 tokens/s")]
)
def test_the_speed_has_two_digits(tokens, text):
    reply = Reply((Choice(text="a"),), usage=Usage(1, tokens, 1 + tokens, "measured"), timing=Timing(0.5, 10.5))
    assert footer_facts(reply)[1:] == ["0.5 s to first token", *filter(None, [text])]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        *((reason, None) for reason in (None, "stop", "end_turn", "eos", "stop_sequence")),
        ("length", "cut at max_tokens"),
        ("max_tokens", "cut at max_tokens"),
        ("content_filter", "stopped by the server's content filter"),
        ("tool_calls", "wants tools called"),
        ("function_call", "wants tools called"),
        ("odd", "finish: odd"),
    ],
)
def test_the_footer_says_why_an_answer_ended_unless_it_just_ended(reason, text):
    reply = Reply((Choice(text="a", finish_reason=reason), Choice(1, text="a", finish_reason="stop")))
    assert footer_facts(reply)[1:] == [text] * bool(text)


def test_the_footer_names_what_is_unusual():
    reply = Reply(
        (Choice(text="a", finish_reason="length"),),
        "cut_off",
        "m",
        timing=Timing(0.2, 1.2),
        notices=("retried (HTTP 500)",),
    )
    facts = footer_facts(reply, ["df: schema"], continue_with="%chat continue")
    assert "cut off: this answer is incomplete" in facts
    assert "cut at max_tokens: %chat continue resumes it" in facts
    assert facts[-2:] == ["retried (HTTP 500)", "df: schema"]


def test_an_ordinary_answers_footer_says_nothing_more():
    assert painted([TextDelta("Hi.")]).shown("text/plain") == ["Hi.", "m · ~0 → ~1 tokens"]


def test_settings_are_short():
    assert made_with("m", {"temperature": 0.7, "seed": 1, "stream": True, "messages": []}) == "m · -t 0.7 --seed 1"
    assert made_with(None, {}) == ""
    nested = {"response_format": {"type": "json_object", "a": {"b": 1}, "c": [1]}}
    assert '{"type": "json_object", "a": "…", "c": "…"}' in params_text(nested)
    long = params_text({"stop": ["word"] * 60})
    assert (len(long), long[-1]) == (90, "…")


def test_the_footer_names_a_schema_by_its_option():
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    request = Request("", {"model": "m", "messages": [], "temperature": 0, "response_format": form})
    reply = Reply((Choice(text="{}"),), request=request)
    assert "-t 0 --schema" in footer_facts(reply)


def test_the_footer_offers_to_continue_only_if_possible():
    """After `--once`, or in another session, `%chat continue` would continue another answer."""
    reply = Reply((Choice(text="a", finish_reason="length"),), "complete", "m")
    assert "cut at max_tokens: %chat continue resumes it" in footer_facts(reply, continue_with="%chat continue")
    assert "cut at max_tokens" in footer_facts(reply)


def test_usage_reports_are_folded_not_painted():
    sheet = painted([TextDelta("Hi."), UsageReport(Usage(3, 1, 4, "measured"))])
    assert "3 → 1 tokens" in sheet.shown("text/plain")[-1]


def sizes(sheet):
    return sum(len(text) for bundle in sheet.outputs.values() for text in bundle.values())


def test_more_than_the_page_takes_is_counted_not_shown():
    """An answer and a reasoning of many megabytes: each form of each is bounded, and the rest is told."""
    long = LIMITS.shown_text // 1000
    events = [ReasoningDelta("hm " * 1000) for _ in range(2 * LIMITS.shown_aside // 1000)]
    events += [TextDelta("word " * 200) for _ in range(long + 25)]
    sheet = painted(events, size=100)
    assert sizes(sheet) < 2 * LIMITS.shown_text + 3 * LIMITS.shown_aside
    assert "25,000 more characters are in reply.text" in sheet.shown("text/plain")[-1]
    assert "500,000 more characters in reply.reasoning" in sheet.shown("text/plain")[0]


def test_many_calls_take_few_outputs():
    sheet = Sheet()
    painter = Painter(sheet)
    calls = tuple(ToolCall(str(i), "f", "x" * 300_000) for i in range(100))
    for call in calls:
        painter.call_result(call, Message("tool", "y" * 300_000, tool_call_id=call.id))
    painter.conclude(Reply((Choice(tool_calls=calls),)), None)
    assert len(sheet.outputs) <= LIMITS.shown_calls + 2
    assert sizes(sheet) < LIMITS.shown_calls * 5 * LIMITS.shown_aside
    assert "and 180 more tool calls" in "".join(sheet.shown("text/plain"))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_choices_have_headings(count):
    bundle = answer_bundle(Reply(tuple(Choice(number, f"text {number}") for number in range(count))))
    headings = [f"**Choice {number + 1} of {count}**" for number in range(count)] if count > 1 else [""]
    for kind in ("text/markdown", "text/plain"):
        parts = [f"{heading}\n\ntext {number}".strip() for number, heading in enumerate(headings)]
        assert bundle[kind] == "\n\n".join(parts)


def test_a_reply_as_a_value_is_bounded_too():
    bundle = answer_bundle(Reply((Choice(0, "word " * 1_000_000),) * 3))
    assert sum(map(len, bundle.values())) < 2.1 * LIMITS.shown_text
    assert "more characters, not shown here" in bundle["text/plain"]


# Images and sources

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SOURCES = (Source("https://example.com/a", "A page"), Source("https://example.com/b"))


def test_pictures_and_sources_stand_under_the_answer():
    events = [ImageDelta(ImagePart(f"data:image/png;base64,{PNG}")), TextDelta("Look."), SourcesDelta(SOURCES)]
    sheet = painted(events)
    kinds = [next(kind for kind in bundle if kind != "text/plain") for bundle in sheet.outputs.values()]
    assert kinds == ["text/markdown", "image/png", "text/markdown", "text/html"]
    assert sheet.outputs["1"]["image/png"] == PNG
    assert sheet.outputs["2"]["text/markdown"].splitlines()[2:] == [
        "1. [A page](https://example.com/a)",
        "2. [https&#58;//example.com/b](https://example.com/b)",
    ]
    assert "nothing" not in sheet.shown("text/plain")[-1]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/x.png",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:image/png;base64,PHNjcmlwdD4=",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/png;base64,!!",
        "data:image/png;base64,iVBOR",
        "data:image/png;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
        f"data:image/jpeg;base64,{PNG}",
        "data:image/png,abc",
        "javascript:alert(1)",
    ],
)
def test_an_invalid_picture_is_not_shown(url):
    sheet = painted([ImageDelta(ImagePart(url)), TextDelta("x")])
    assert set().union(*sheet.outputs.values()) == {"text/markdown", "text/plain", "text/html"}
    assert "a picture that can't be shown" in sheet.outputs["1"]["text/plain"]
    bundle = answer_bundle(Reply((Choice(text="x", images=(ImagePart(url),)),)))
    assert url not in bundle["text/markdown"]


@pytest.mark.parametrize(
    "source",
    [
        Source("javascript:alert(1)", "click"),
        Source("https://x.org/a", '<img src="x" onerror="alert(1)">](javascript:alert(1))'),
        Source("https://x.org/)[a](javascript:alert(1))", "t"),
        Source("/api/contents", "t"),
        Source("data:text/html,<script>alert(1)</script>"),
        Source("https://x.org/ <script>", "$x$ `a` **b**\n\n# c"),
    ],
)
def test_hostile_sources_are_inert(source):
    shown = painted([TextDelta("x"), SourcesDelta((source,))]).outputs["1"]["text/markdown"]
    assert "<img" not in shown
    assert "<script" not in shown
    assert len(shown.splitlines()) == 3
    links = re.findall(r'href="([^"]*)"', MarkdownIt().render(shown))
    assert all(link.startswith("https://x.org/") for link in links)
    assert len(links) == source.url.startswith("https://x.org/")


def test_of_many_sources_a_few_are_listed():
    for count, more in ((12, None), (13, 1), (50, 38)):
        sources = tuple(Source(f"https://x.org/{number}") for number in range(count))
        shown = painted([TextDelta("x"), SourcesDelta(sources)]).outputs["1"]
        for form in shown.values():
            assert (
                form.split("\n")[-1].startswith("12. ")
                if more is None
                else form.endswith(f"and {more} more in reply.sources")
            )


def test_what_can_not_be_shown_is_named_in_the_footer():
    assert "received but not shown: audio" in painted([Unshown("audio")]).shown("text/plain")[-1]
    assert "empty answer" not in painted([Unshown("audio")]).shown("text/plain")[-1]
    thought = painted([ReasoningDelta("hm")]).shown("text/plain")[-1]
    assert "the model reasoned but gave no answer" in thought
    assert "the model gave an empty answer" in painted([Finished("stop")]).shown("text/plain")[-1]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_answer_that_turns_out_to_be_reasoning_folds_away(size):
    thought = "".join(f"Thought {n}.\n\n" for n in range(400))
    events = [TextDelta(thought[at : at + 40]) for at in range(0, len(thought), 40)]
    events += [ThoughtBefore("So."), TextDelta("The "), TextDelta("answer."), Finished("stop")]
    sheet = painted(events, size=size)
    shown = [bundle for bundle in sheet.outputs.values() if any(bundle.values())]
    assert [next(iter(bundle)) for bundle in shown] == ["text/html", "text/markdown", "text/html"]
    assert "Thought 399." in shown[0]["text/html"]
    assert shown[0]["text/html"].startswith("<details")
    assert shown[1]["text/markdown"] == "The answer."


def test_a_picture_of_any_ordinary_size_is_shown():
    """But not one whose text would take the browser minutes; a few bytes are no picture either."""
    head = "data:image/png;base64,"
    for size, shown in ((15, False), (16, True), (20_000_000 - len(head), True), (20_000_004 - len(head), False)):
        assert (picture_data(ImagePart(head + PNG[:11] + "A" * (size - 11))) is not None) is shown


def test_a_stored_answer_shows_its_pictures_and_sources():
    images = (ImagePart(f"data:image/png;base64,{PNG}"),)
    bundle = answer_bundle(Reply((Choice(text="Look.", images=images, sources=SOURCES),)))
    assert f"![picture](data:image/png;base64,{PNG})" in bundle["text/markdown"]
    assert "1. [A page](https://example.com/a)" in bundle["text/markdown"]
    assert "1. A page: https" in bundle["text/plain"]


@pytest.mark.parametrize(
    "choice",
    [Choice(text="x"), Choice(refusal="No."), Choice(tool_calls=(ToolCall("1", "f", "{}"),)), Choice(images=(ImagePart("data:,"),))],
)  # fmt: skip
def test_an_answer_with_anything_in_it_is_not_called_empty(choice):
    """Only the words for an empty answer come between the counts and the notices."""
    assert footer_facts(Reply((choice,)))[1:] == ["refused"] * bool(choice.refusal)
    assert len(footer_facts(Reply((Choice(),)))) == 2


def test_a_choice_that_was_not_asked_for_is_numbered():
    sheet = painted([TextDelta("b", 1)])
    assert sheet.shown("text/markdown")[0].startswith("**Choice 2 of 2**")


def test_the_footer_says_that_an_answer_was_replayed():
    assert "replayed" in footer_facts(Reply((Choice("Hi."),), replayed=True))
    assert "replayed" not in footer_facts(Reply((Choice("Hi."),)))
