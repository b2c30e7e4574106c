"""The distribution is the published formula over counts, and it moves with the weight of documents."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.model.answer import PATIENCE, Answer
from nbchat.builtin.model.ngram import SPENT, STRENGTH, Evidence, Index, Ngram
from nbchat.builtin.model.tokenizer import END, START

FENCE = 6
SIZE = 14
DOCUMENTS = st.lists(st.lists(st.integers(6, SIZE - 1), min_size=1, max_size=12), min_size=1, max_size=5)


def definition(documents, weights, context, order, token):
    """P(token | context) by MacKay and Peto's formula, counted by walking through every document."""
    p = 1 / (SIZE - END)
    for n in range(1, min(order - 1, len(context)) + 1):
        counts = {}
        for document, weight in zip(documents, weights, strict=True):
            text, fenced = [START, *document, END], 0
            states = []
            for each in text:
                fenced ^= each == FENCE
                states.append(fenced)
            for i in range(n, len(text)):
                if text[i - n : i] == context[-n:] and states[i - 1] == context.count(FENCE) % 2:
                    counts[text[i]] = counts.get(text[i], 0) + weight
        k = STRENGTH[n - 1]
        p = (counts.get(token, 0) + k * p) / (sum(counts.values()) + k)
    return p


@given(DOCUMENTS, st.data(), st.sampled_from([2, 3, 4]))
def test_probabilities_are_those_of_the_formula(documents, data, order):
    weights = data.draw(st.lists(st.floats(0.01, 5), min_size=len(documents), max_size=len(documents)))
    source = data.draw(st.sampled_from(documents))
    context = [START, *source[: data.draw(st.integers(0, len(source)))]]
    found = Ngram(order, SIZE).next(context, context.count(FENCE) % 2, [Evidence(Index(documents, FENCE), weights)])
    for token in range(END, SIZE):
        assert found[token] == pytest.approx(definition(documents, weights, context, order, token), rel=1e-9)


@given(DOCUMENTS, st.lists(st.integers(6, SIZE - 1), max_size=8))
def test_probabilities_sum_to_one_after_any_text(documents, text):
    evidence = Evidence(Index(documents, FENCE), [1.0] * len(documents))
    found = Ngram(4, SIZE).next([START, *text], text.count(FENCE) % 2, [evidence])
    assert math.fsum(found[token] for token in range(END, SIZE)) == pytest.approx(1)
    assert all(found[token] > 0 for token in range(END, SIZE))


def test_an_unknown_context_starts_anew():
    evidence = Evidence(Index([[7, 8]], FENCE), [1.0])
    assert Ngram(3, SIZE).next([START, 13, 12], 0, [evidence])[7] > 0.99


def test_prose_does_not_go_on_as_code():
    """The same words inside a code block and outside have each their own continuation."""
    documents = [[7, 8], [FENCE, 7, 9, FENCE]]
    evidence = Evidence(Index(documents, FENCE), [1.0, 1.0])
    assert Ngram(2, SIZE).next([7], 0, [evidence])[8] > 0.99
    assert Ngram(2, SIZE).next([7], 1, [evidence])[9] > 0.99


def test_a_used_position_counts_for_little():
    index = Index([[7, 8], [7, 9]], FENCE)
    evidence = Evidence(index, [1.0, 1.0])
    assert evidence.spend([START, 7], 0, 8)
    found = Ngram(3, SIZE).next([START, 7], 0, [evidence])
    assert found[8] / found[9] == pytest.approx(SPENT, rel=1e-3)


def test_an_order_it_has_no_strengths_for_is_refused():
    with pytest.raises(ValueError, match="order must be 2 to 4"):
        Ngram(5, SIZE)


def make_answer(documents, **more):
    return Answer(Ngram(4, SIZE), [Evidence(Index(documents, FENCE), [1.0] * len(documents))], fence=FENCE, **more)


def test_an_answer_follows_its_documents_to_their_end():
    answer = make_answer([[7, 8, 9]])
    for token in (7, 8, 9, END):
        assert answer.next()[token] > 0.9
        answer.take(token)


def test_the_closing_statement_comes_once_at_the_end():
    answer = make_answer([[7, 8]], closing=[13, 7, 12])
    for token in (7, 8, 13, 7, 12):
        assert 0 < answer.next()[END] < 1e-3
        assert answer.next()[token] > 0.9
        answer.take(token)
    assert answer.next()[END] > 0.9


def test_the_closing_statement_does_not_affect_the_text_before_and_after():
    """Its words are no evidence for the answer itself."""
    answer, silent = make_answer([[7, 8, 9]], closing=[13, 7, 12]), make_answer([[7, 8, 9]])
    for each in (answer, silent):
        each.take(7)
    assert answer.next()[12] == silent.next()[12]
    for token in (8, 9, 13, 7, 10):  # at 10 it is led away
        answer.take(token)
    assert answer.next()[12] < 0.1


def test_a_low_order_model_still_makes_its_closing_statement():
    closing = [13, 7, 12, 7, 11, 7, 10]
    evidence = [Evidence(Index([[7, 8]], FENCE), [1.0])]
    answer = Answer(Ngram(2, SIZE), evidence, fence=FENCE, closing=closing, reciter=Ngram(4, SIZE))
    for token in (7, 8, *closing):
        assert answer.next()[token] > 0.9
        answer.take(token)
    assert answer.next()[END] > 0.9


def test_a_long_answer_comes_to_an_end():
    """At the end of a sentence the end of the text gets likelier with every token beyond patience."""
    tireless, tiring = make_answer([[7, 8] * 3]), make_answer([[7, 8] * 3], sentence_ends=frozenset([8]))
    for length in range(1, 2 * PATIENCE):
        tireless.take(8 - length % 2)
        tiring.take(8 - length % 2)
        end = tireless.next()[END]
        share = min(0.8, max(0, length - PATIENCE) / 100) if length % 2 == 0 else 0
        assert tiring.next()[END] == pytest.approx(end * (1 - share) + share)
    assert math.fsum(tiring.next()[token] for token in range(END, SIZE)) == pytest.approx(1)
