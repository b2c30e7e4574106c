"""The dry run: how many runs, how many tokens, what it would cost, and nothing sent."""

import pytest

from nbchat.testing import Plain, completion
from nbchat.tuning.estimate import plan
from nbchat.values.errors import ParameterError
from nbchat.values.messages import ImagePart, TextPart


def test_it_tells_the_runs_and_their_likely_size_and_sends_nothing(server, session):
    told = plan(session, "x" * 400, temperature=[0, 1], model=["a", "b"], repeat=3, max_tokens=50)
    assert (told.runs, told.prompt_tokens, told.completion_tokens, told.at_most) == (12, 1200, 600, True)
    assert str(told) == (
        "12 runs (2 temperature × 2 model × 3 repeats): about 1,200 tokens sent, "
        "at most 600 tokens answered, cost unknown. Nothing was sent."
    )
    assert server.requests == []


def test_earlier_answers_tell_the_length_and_the_price(server, session):
    server.default = Plain(
        {**completion("x", model="m-2026"), "usage": {"prompt_tokens": 30, "completion_tokens": 10, "cost": 0.4}}
    )
    session.ask("Hi", once=True)
    told = plan(session, "x" * 80, repeat=2)
    assert (told.prompt_tokens, told.completion_tokens, told.at_most) == (40, 20, False)
    assert told.cost == pytest.approx(0.6)
    assert "about $0.6" in str(told)


def test_the_history_is_part_of_every_run(server, session):
    session.ask("x" * 400)
    assert plan(session, "Hi", repeat=10).prompt_tokens >= 1000


def test_the_built_in_model_costs_nothing_and_its_answers_are_of_unknown_length():
    from nbchat.session.session import Session

    told = plan(Session(), "Hi", temperature=[0, 1])
    assert (told.cost, told.completion_tokens) == (0, None)
    assert "no cost" in str(told)


def test_images_are_of_unknown_size(session):
    told = plan(session, [TextPart("What is it?"), ImagePart("data:image/png;base64,AA==")])
    assert told.prompt_tokens is None
    assert "unknown size" in str(told)


def test_it_refuses_what_the_sweep_would_refuse(session):
    with pytest.raises(ParameterError):
        plan(session, "Hi", temperature=[9])
