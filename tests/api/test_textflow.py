"""One choice's text as it flows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.keys import Key
from nbchat.api.textflow import Joiner, TextFlow, paired
from nbchat.values.events import ReasoningDelta, RefusalDelta, TextDelta
from tests import strategies

thinking_texts = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "think", ">", "</", " ", "\n", "a", "answer", "🙂"]), max_size=10
).map("".join)


def flowed(pieces):
    flow, events = TextFlow(0), []
    for piece in pieces:
        flow.text(piece, events)
    flow.flush(events)
    kinds = (ReasoningDelta, TextDelta)
    return tuple("".join(event.text for event in events if isinstance(event, kind)) for kind in kinds)


@given(strategies.portions(thinking_texts))
def test_think_tags_may_be_cut_anywhere(pair):
    """PROTOCOL 3.8"""
    whole, pieces = pair
    assert flowed(pieces) == flowed([whole]) == flowed(whole)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>why</think>because", "why", "because"),
        ("\n<think>\nwhy\n</think>\n\nbecause", "why\n", "because"),
        ("<think>\n\n</think>\n\nanswer", "", "answer"),
        ("<think>only", "only", ""),
        ("<think>a</thi", "a</thi", ""),
        ("<thinking about it", "", "<thinking about it"),
        ("no <think>tag</think>", "", "no <think>tag</think>"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("  indented", "", "  indented"),
        ("", "", ""),
        ("<thi", "", "<thi"),
    ],
)
def test_only_a_leading_think_section_is_reasoning(text, reasoning, answer):
    """PROTOCOL 3.8"""
    assert flowed(text) == (reasoning, answer)


@given(strategies.portions(strategies.broken_texts))
def test_halves_of_characters_are_joined_and_none_stays_alone(pair):
    """PROTOCOL 3.10"""
    whole, pieces = pair
    joiner = Joiner()
    out = "".join(joiner.feed(piece) for piece in pieces) + joiner.flush()
    assert out == paired(whole)
    out.encode()
    assert paired("\ud83d\ude42") == "🙂"
    assert paired("a\ud83db") == "a\ufffdb"


@given(st.text())
def test_a_sound_text_is_left_as_it_is(text):
    assert paired(text) == text


@given(strategies.secrets, st.data())
def test_the_key_is_masked_in_each_text_however_it_is_cut(secret, data):
    flow, events = TextFlow(0, Key(secret)), []
    for feed in (flow.text, flow.reasoning, flow.refusal):
        for piece in data.draw(strategies.cut(f"it is {secret}!")):
            feed(piece, events)
    flow.flush(events)
    for kind in (TextDelta, ReasoningDelta, RefusalDelta):
        assert "".join(event.text for event in events if isinstance(event, kind)) == "it is [key]!"
