"""Rows that are asked several times: the majority, how far they agree, and those that disagree asked again."""

import itertools
import threading

import pandas as pd
import pytest

from nbchat.testing import Say


@pytest.fixture
def alternating(server):
    """A server that says yes to most, and of every question on "maybe" yes, no, yes, yes, yes …"""
    turns = itertools.chain(["yes", "no"], itertools.repeat("yes"))
    lock = threading.Lock()

    def answer(request):
        with lock:
            return Say(next(turns) if "maybe" in request.json["messages"][-1]["content"] else "yes")

    server.default = answer
    return server


def test_the_majority_is_the_value(chat, alternating):
    result = chat.map(pd.Series(["sure", "maybe"]), "{item}", repeat=3)
    assert result.tolist() == ["yes", "yes"]
    assert len(alternating.requests) == 6
    disagreements = result.disagreements()
    assert disagreements["row"].tolist() == [1]
    assert disagreements["agreement"].tolist() == pytest.approx([2 / 3])
    assert sorted(disagreements["answers"][0]) == ["no", "yes", "yes"]


def test_answers_to_a_schema_of_one_column_disagree_by_their_values(chat, server):
    labels = itertools.cycle(['{"label": "a"}', '{"label": "b"}'])
    server.default = lambda request: Say(next(labels))
    result = chat.map(["x"], "{item}", schema="label:str", repeat=2, concurrency=1)
    assert result.disagreements()["answers"].tolist() == [["a", "b"]]


def test_only_those_that_disagree_are_asked_again(chat, alternating):
    first = chat.map(["sure", "maybe"], "{item}", repeat=3)
    again = first.retry(disagreeing=True, repeat=5)
    assert again == ["yes", "yes"]
    assert len(alternating.requests) == 8
    assert again.details.outcomes[1].agreement == pytest.approx(4 / 5)
    assert again.details.outcomes[0] == first.details.outcomes[0]


def test_rows_that_disagree_are_asked_twice_as_often_by_default(chat, alternating):
    first = chat.map(["sure", "maybe"], "{item}", repeat=2)
    again = first.retry(disagreeing=True)
    assert len(alternating.requests) == 6
    assert len(again.details.outcomes[1].values) == 4
    assert again.details.outcomes[0] == first.details.outcomes[0]


def test_more_repeats_reuse_those_that_were_paid(chat, alternating):
    chat.map(["sure"], "{item}")
    chat.map(["sure"], "{item}", repeat=3)
    assert len(alternating.requests) == 3


def test_equal_rows_share_their_repeats(chat, alternating):
    chat.map(["sure", "sure"], "{item}", repeat=3)
    assert len(alternating.requests) == 3
