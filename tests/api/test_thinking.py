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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *((text, text) for text in ("a", "<b", "a <b", "a <thinks", "  a", "a [x", "a <think>b ", "a </think>b ")),
        *((text, "") for text in ("<", "\n", "\n <th", "<think>", "<think>w", "</think>", "</think>s", "[", "◁think")),
        *((f"a {end}", "a ") for end in ("<", "</t", "[", "[/THINK", "◁", "<|channel|>analysis<|mess", "<think>b")),
        *((f"a\n{end}", "a\n") for end in ("</think>", "</think>b")),
        *(
            (f"<think>why{end}", "why")
            for end in ("", "<", "</thin", "[", "'", "`<", "`</think>", "</think><", "</think><think>a")
        ),
        *((f"<think>why{end}", f"why{end}") for end in ("<b", "</b>", "'a", "`</think>`a")),
        *((f"<think>why</think>{end}", f"why{end.strip()}") for end in ("s", "so", "<b", "\n\nso")),
    ],
)
def test_no_more_is_held_back_than_what_may_still_become_a_tag(text, shown):
    assert "".join(span.text for span in ThinkTags().feed(text)) == shown


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Done.</think>because", "Done.", "because"),
        ("Done.</think> Because", "Done.", "Because"),
        ("Done</think>\n\nBecause", "Done", "Because"),
        ("Done </think>\nBecause", "", "Done </think>\nBecause"),
        ("Done. </think>\nBecause", "Done. ", "Because"),
        ("Done!  </think>\nBecause", "Done!  ", "Because"),
        ("Done.</think> because", "", "Done.</think> because"),
        ("Done.</think> über", "Done.", "über"),
        *((f"Done.</think>{mark} b", "", f"Done.</think>{mark} b") for mark in ",;)`'\""),
        *((f"Done.{mark}</think>b", "", f"Done.{mark}</think>b") for mark in "`'\"“‘«([{"),
        *((f"Done.{mark}</think>{mark}b", "", f"Done.{mark}</think>{mark}b") for mark in "*_~"),
        *((f"Done.{mark}</think>b", f"Done.{mark}", "b") for mark in "*_~-:"),
        ("A `b\n</think>\nc", "A `b\n", "c"),
        ("A `b\n</think>c", "", "A `b\n</think>c"),
        ("A `b\n\n`c</think>d", "", "A `b\n\n`c</think>d"),
        ("A `b\n\nc</think>d", "A `b\n\nc", "d"),
        ("```\na\n```\nb</think>c", "```\na\n```\nb", "c"),
        ("   ```\na</think>c", "", "   ```\na</think>c"),
        ("    ```\n\na</think>c", "    ```\n\na", "c"),
        ("Write <think>.\nDone</think>b", "", "Write <think>.\nDone</think>b"),
        ("a</think>b</think>c", "a", "b</think>c"),
        ("<think>a</think>b<think>", "a", "b<think>"),
        ("<think>a</think>b<think> c", "a", "b<think> c"),
        ("<think>a</think>b<think>c</think>", "a\n\nc", "b"),
        ("<think>a</THINK>b", "a", "b"),
        ("<think>a</thinking>b</think>c", "a</thinking>b", "c"),
        ("<think> </think>b", "", "b"),
        ("<think>\n", "", "<think>"),
        ("</think>", "", "</think>"),
        ("\n</think>\nb", "", "b"),
    ],
)
def test_a_tag_ends_reasoning_unless_the_text_speaks_of_it(text, reasoning, answer):
    """PROTOCOL 3.8"""
    assert sorted_out([text]) == (reasoning, answer) == sorted_out(text)


@pytest.mark.parametrize("text", ["Done.</think>because", "Done.\n</think>\n\nBecause"])
def test_a_closing_tag_in_an_answer_whose_reasoning_came_apart_is_text(text):
    """PROTOCOL 3.8"""
    assert sorted_out([text], field=True) == ("", text)
    assert sorted_out([f"<think>why</think>{text}"]) == ("why", text)


@pytest.mark.parametrize(("mentions", "is_text"), [(49, False), (50, True)])
def test_an_answer_that_speaks_of_tags_often_is_no_longer_searched(mentions, is_text):
    text = "<think>a</think>" + "Use `<think>` now.\n" * mentions + "<think>b</think>c"
    assert (sorted_out([text])[0] == "a") is is_text
    assert sorted_out([text]) == sorted_out(text)


@pytest.mark.parametrize(("size", "is_text"), [(1_000_000, False), (1_000_001, True)])
def test_a_long_answer_is_no_longer_searched(size, is_text):
    tags = ThinkTags()
    assert [span.kind for span in tags.feed("<think>a</think>" + "x" * size)] == ["reasoning", "text"]
    kinds = [span.kind for span in [*tags.feed("<think>b</think>c"), *tags.flush()]]
    assert kinds == (["text"] if is_text else ["reasoning", "reasoning", "text"])


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
