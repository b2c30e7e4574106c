"""One choice's text as it flows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.answer.textflow import TextCleaner, TextFlow
from nbchat.api.keys import Key
from nbchat.values.answer.events import ReasoningDelta, RefusalDelta, TextDelta, ThoughtBefore
from nbchat.values.surrogates import paired
from tests import strategies


def flowed(pieces):
    """Return reasoning and answer of a text in pieces."""
    flow, events = TextFlow(0), []
    for piece in pieces:
        flow.text(piece, events)
    flow.flush(events)
    return sorted_texts(events)


def sorted_texts(events):
    reasoning, answer = "", ""
    for event in events:
        match event:
            case ThoughtBefore(text):
                reasoning, answer = reasoning + answer + text, ""
            case ReasoningDelta(text):
                reasoning += text
            case TextDelta(text):
                answer += text
    return reasoning, answer


@given(strategies.portions(strategies.broken_texts))
def test_surrogates_are_joined_and_none_stays_alone(pair):
    """PROTOCOL 3.10"""
    whole, pieces = pair
    cleaner = TextCleaner()
    out = "".join(cleaner.feed(piece) for piece in pieces) + cleaner.flush()
    assert out == paired(whole)
    out.encode()
    assert paired("\ud83d\ude42") == "🙂"
    assert paired("a\ud83db") == "a\ufffdb"


@given(st.text())
def test_a_text_without_surrogates_is_unchanged(text):
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


# The key changes nothing

SECRET = "sk-a1-key"
key_letters = st.text(SECRET + " <", max_size=30).filter(lambda text: SECRET not in text)


@given(key_letters.flatmap(lambda text: st.tuples(st.just(text), strategies.cut(text))))
def test_a_text_of_the_keys_letters_is_unchanged(pair):
    """The end of a text may be the beginning of the key, or a whole half of it."""
    whole, pieces = pair
    cleaner = TextCleaner(Key(SECRET))
    assert "".join(map(cleaner.feed, pieces)) + cleaner.flush() == whole


@pytest.mark.parametrize("end", [SECRET[:size] for size in range(1, len(SECRET))])
@pytest.mark.parametrize("kind", ["text", "reasoning", "refusal"])
def test_an_answer_that_ends_in_the_key_s_beginning_keeps_its_end(end, kind):
    flow, events = TextFlow(0, Key(SECRET)), []
    getattr(flow, kind)(f"cat{end}", events)
    flow.flush(events)
    assert "".join(event.text for event in events) == f"cat{end}"
