"""The dry run: how many runs, how many tokens, what it would cost, and nothing sent."""

import pytest

from nbchat.conversation.session import Session
from nbchat.testing import Plain, completion
from nbchat.tuning.estimate import estimate
from nbchat.tuning.sweep import sweep
from nbchat.values.errors import ConfigError, ParameterError
from nbchat.values.messages import ImagePart, TextPart


def test_it_estimates_runs_and_their_size_and_sends_nothing(server, session):
    told = estimate(session, "x" * 400, temperature=[0, 1], model=["a", "b"], repeat=3, max_tokens=50)
    assert (told.runs, told.prompt_tokens, told.completion_tokens, told.at_most) == (12, 1200, 600, True)
    assert str(told) == (
        "12 runs (2 temperatures × 2 models × 3 repeats): about 1,200 tokens sent, "
        "at most 600 tokens answered, cost unknown. Nothing was sent."
    )
    assert server.requests == []


def test_earlier_answers_determine_the_length_and_the_price(server, session):
    server.default = Plain(
        {**completion("x", model="m-2026"), "usage": {"prompt_tokens": 30, "completion_tokens": 10, "cost": 0.4}}
    )
    session.ask("Hi", once=True)
    told = estimate(session, "x" * 80, repeat=2)
    assert (told.prompt_tokens, told.completion_tokens, told.at_most) == (40, 20, False)
    assert told.cost == pytest.approx(0.6)
    assert "about $0.60" in str(told)


def test_the_history_is_part_of_every_run(server, session):
    session.ask("x" * 400)
    assert estimate(session, "Hi", repeat=10).prompt_tokens >= 1000


def test_the_built_in_model_costs_nothing_and_its_answers_are_of_unknown_length():
    told = estimate(Session(), "Hi", temperature=[0, 1])
    assert (told.cost, told.completion_tokens) == (0, None)
    assert "no cost" in str(told)


def test_images_are_of_unknown_size(session):
    told = estimate(session, [TextPart("What is it?"), ImagePart("data:image/png;base64,AA==")])
    assert told.prompt_tokens is None
    assert "unknown size" in str(told)


@pytest.mark.parametrize("answered", [True, False])
def test_a_judges_requests_count(server, session, answered):
    """As many as are made; with the answers, where their length is known."""
    server.default = Plain(completion("7"))
    limit = {"max_tokens": 50} if answered else {}
    asked = {"temperature": [0, 1], "repeat": 3, "score": "Rate {answer}", **limit}
    told = estimate(session, "Hi", **asked)
    sweep(session, "Hi", **asked)
    assert (told.runs, told.judged, len(server.requests)) == (6, 6, 12)
    alone = estimate(session, "Hi", temperature=[0, 1], repeat=3, **limit)
    assert told.prompt_tokens > alone.prompt_tokens + (300 if answered else 0)
    assert "6 runs (2 temperatures × 3 repeats) and 6 requests to the judge" in str(told)


def test_the_text_of_an_estimate_with_a_judge(session):
    told = str(estimate(session, "Hi", repeat=2, score="Rate {answer}", max_tokens=50))
    assert "and 2 requests to the judge: about " in told
    assert "at most 120 tokens answered" in told
    unknown = str(estimate(session, "Hi", repeat=2, score="Rate {answer}"))
    assert "to the judge: at least " in unknown
    assert "answers of unknown length" in unknown


def test_a_judge_is_estimated_at_its_own_price(server, session):
    """Its tokens at the rate of its own earlier requests; a score function takes nothing."""
    usage = {"prompt_tokens": 30, "completion_tokens": 10}
    server.default = lambda request: Plain(
        {
            **completion("x", model=request.json["model"]),
            "usage": {**usage, "cost": 40 if request.json["model"] == "wise" else 0},
        }
    )
    session.ask("Hi", once=True)
    session.ask("Hi", once=True, model="wise")
    told = estimate(session, "Hi", repeat=2, score="Rate {answer}", judge_model="wise")
    own = estimate(session, "Hi", repeat=2, score=len)
    assert (own.cost, own.judged) == (0, 0)
    assert told.cost == told.prompt_tokens - own.prompt_tokens + told.completion_tokens - own.completion_tokens


def test_it_refuses_what_the_sweep_would_refuse(session):
    with pytest.raises(ParameterError):
        estimate(session, "Hi", temperature=[9])
    with pytest.raises(ParameterError, match="score must be"):
        estimate(session, "Hi", score=7)
    with pytest.raises(ConfigError, match="judge"):
        estimate(Session(base_url=session.base_url), "Hi", models=["a"], score="Rate {answer}")
