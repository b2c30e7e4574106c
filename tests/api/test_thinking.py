"""What a model thought, told from its answer by the tags it left in the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.answer import thinking
from nbchat.api.answer.thinking import ThinkTags
from tests import strategies

soups = st.lists(
    st.sampled_from(
        (
            *("<think>", "</think>", "<thought>", "</thought>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷"),
            *("<", "think", ">", "</", "[", "`", "```\n", "\n", "\n\n", " ", ".", ",", "'", "a", "Answer", "🙂", "İ"),
        )
    ),
    max_size=14,
).map("".join)


def sorted_out(pieces, *, field=False):
    """Reasoning and answer."""
    tags, reasoning, answer = ThinkTags(), "", ""
    if field:
        tags.note_reasoning()
    for said in [one for piece in pieces for one in tags.feed(piece)] + tags.flush():
        if said.kind == "thought before":
            reasoning, answer = reasoning + answer + said.text, ""
        elif said.kind == "reasoning":
            reasoning += said.text
        else:
            answer += said.text
    return reasoning, answer


@given(strategies.portions(soups), st.booleans())
def test_tags_may_be_cut_anywhere(pair, field):
    """PROTOCOL 3.8"""
    whole, pieces = pair
    assert sorted_out(pieces, field=field) == sorted_out([whole], field=field) == sorted_out(whole, field=field)


@given(soups)
def test_nothing_is_lost_but_tags_and_the_white_space_beside_them(text):
    reasoning, answer = sorted_out([text])
    kept = "".join((reasoning + answer).split())
    for tag in thinking._TAGS:
        text = text.replace(tag, "").replace(tag.upper(), "")
    for tag in thinking._TAGS:
        kept = kept.replace(tag, "").replace(tag.upper(), "")
    assert sorted(kept) == sorted("".join(text.split()))


NAMES = ["think", "thinking", "thought", "reasoning", "THINK", "seed:think"]
PAIRS = [(f"<{name}>", f"</{name}>") for name in NAMES] + [
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
@pytest.mark.parametrize(
    ("form", "reasoning", "answer"),
    [
        ("{o}why{c}because", "why", "because"),
        ("\n{o}\nwhy\n{c}\n\nbecause", "why\n", "because"),
        ("{o}\n\n{c}\n\nbecause", "", "because"),
        ("{o}only", "only", ""),
        ("{o}The user wants `{c}` explained.{c}It closes.", "The user wants `{c}` explained.", "It closes."),
        ("why{c}because", "why", "because"),
        ("Let me see.\n{c}\n\nbecause", "Let me see.\n", "because"),
        ("Done. {c}\n\nBecause", "Done. ", "Because"),
        ("It is a ` mark.\n{c}\nBecause", "It is a ` mark.\n", "Because"),
        ("{c}because", "", "because"),
        ("{c}\n\nbecause", "", "because"),
        ("{o}a{c}b\n{o}c{c}d", "a\n\nc", "b\nd"),
        ("{o}a{c}b{o}c{c}d", "a\n\nc", "bd"),
        ("{o}a{c}\n{o}b{c}c", "a\n\nb", "c"),
        ("{o}a{c}b\n{o}c", "a\n\nc", "b\n"),
    ],
)
def test_reasoning_is_told_apart_in_every_spelling(form, opening, closing, reasoning, answer):
    """PROTOCOL 3.8"""
    text = form.format(o=opening, c=closing)
    assert sorted_out([text]) == (reasoning.format(c=closing), answer) == sorted_out(text)


SPEAKING = [
    "The `<think>` tag opens reasoning, `</think>` closes it.",
    "Models write <think> first and </think> last.",
    "no <think>tag</think> at the beginning",
    "Use </think> to close it.",
    'It is called "</think>".',
    "Write **</think>** at the end, or _<think>_.",
    "It is called '</think>', I believe.",
    "The end is marked (</think>).",
    'They write "</think>so" without a space.',
    "They write (</think>so) without a space.",
    "```xml\n<think>\nwhy\n</think>\n```\n\nThat is the form.",
    "Here:\n\n```\nwhy\n</think>\nbecause\n```\n",
    "~~~\nwhy\n</think>\nbecause",
    "In code: `a</think>b` is found.",
    "<think> is the tag that opens reasoning.",
    "<think>, as it is called, opens reasoning.",
    "</think> is the tag that closes it.",
    "<thinking about it",
    "<thi",
    "a < b and b > c",
    "[think tank](https://example.com)",
    "<thinker>x</thinker>",
    "  indented",
    "<think>",
    "",
]


@pytest.mark.parametrize("text", SPEAKING)
def test_an_answer_that_only_speaks_of_tags_stays_as_it_is(text):
    """PROTOCOL 3.8"""
    assert sorted_out([text]) == ("", text) == sorted_out(text)


@pytest.mark.parametrize("text", [text for text in SPEAKING if not text.startswith(("<think>", " ")) and text])
def test_it_may_speak_of_them_behind_reasoning_too(text):
    """PROTOCOL 3.8"""
    assert sorted_out([f"<think>why</think>{text}"]) == ("why", text)
    assert sorted_out([text], field=True) == ("", text)


@pytest.mark.parametrize("text", ["</think>because", "</think>\n\nbecause", "\n</think>\n\nbecause"])
def test_a_closing_tag_behind_a_reasoning_field_is_left_out(text):
    """PROTOCOL 3.8"""
    assert sorted_out([text], field=True) == ("", "because")


def test_a_text_full_of_tags_costs_no_more_than_its_length():
    text = "a `</think>` b " * 20_000
    assert sorted_out([text[at : at + 7] for at in range(0, len(text), 7)]) == ("", text)


@pytest.mark.parametrize(
    "text", ["&lt;think&gt;why&lt;/think&gt;so", "<think >why</think >so", "< think>why", "<thinker>why"]
)
def test_what_only_resembles_a_tag_is_text(text):
    """An escaped tag is text about a tag: nothing is lost by showing it, and much by hiding an answer."""
    assert sorted_out([text]) == ("", text)
