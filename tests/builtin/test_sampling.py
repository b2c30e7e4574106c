"""Every parameter shapes the distribution by its published definition, checked against plain dense arithmetic."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.model.sampling import Distribution, Sampling, draw, logprobs, nucleus, pick

IDS = range(5, 17)


@st.composite
def distributions(draw):
    """A sparse distribution over a vocabulary of twelve; sometimes with tokens that can't come."""
    tokens = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=12, unique=True))
    weights = draw(st.lists(st.floats(0.001, 1), min_size=len(tokens), max_size=len(tokens)))
    rest = draw(st.sampled_from([0.0, 0.0005, 0.01, 0.3]))
    total = sum(weights) + rest * (len(IDS) - len(tokens))
    return Distribution({t: w / total for t, w in zip(tokens, weights, strict=True)}, rest / total, IDS)


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.1, 0.5, 1.0, 1.3, 2.0]),
    top_p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999, 1.0]),
    presence_penalty=st.floats(-2, 2),
    frequency_penalty=st.floats(-2, 2),
    bias=st.dictionaries(st.sampled_from(IDS), st.floats(-100, 100), max_size=4),
)
COUNTS = st.dictionaries(st.sampled_from(IDS), st.integers(1, 9), max_size=5)


def dense(distribution, sampling, counts):
    """The definition, token by token over the whole vocabulary: probabilities before top_p."""
    logits = {}
    for token in IDS:
        p = distribution[token]
        if p > 0:
            c = counts.get(token, 0)
            penalty = c * sampling.frequency_penalty + (1 if c > 0 else 0) * sampling.presence_penalty
            logits[token] = math.log(p) + sampling.bias.get(token, 0) - penalty
    temperature = sampling.temperature or 1.0
    highest = max(logits.values())
    powers = {token: math.exp((logit - highest) / temperature) for token, logit in logits.items()}
    return {token: power / sum(powers.values()) for token, power in powers.items()}


@given(distributions(), SAMPLINGS, COUNTS)
def test_probabilities_are_those_of_the_definition(distribution, sampling, counts):
    logs = logprobs(distribution, sampling, counts)
    expected = dense(distribution, sampling, counts)
    for token in IDS:
        assert math.exp(logs[token]) == pytest.approx(expected.get(token, 0.0), rel=1e-9, abs=1e-12)


@given(distributions(), SAMPLINGS, COUNTS)
def test_probabilities_sum_to_one_and_are_ranked(distribution, sampling, counts):
    ranked = list(logprobs(distribution, sampling, counts).ranked())
    assert math.fsum(math.exp(log) for _, log in ranked) == pytest.approx(1)
    assert ranked == sorted(ranked, key=lambda item: (-item[1], item[0]))
    assert {token for token, _ in ranked} == {token for token in IDS if distribution[token] > 0}


@given(distributions(), SAMPLINGS, COUNTS)
def test_the_nucleus_is_the_smallest_set_that_holds_top_p(distribution, sampling, counts):
    kept = nucleus(logprobs(distribution, sampling, counts), sampling.top_p)
    mass = math.fsum(p for _, p in kept)
    assert len(kept) >= 1
    assert mass >= sampling.top_p - 1e-9
    if len(kept) > 1:
        assert mass - kept[-1][1] < sampling.top_p + 1e-9
    outside = set(dense(distribution, sampling, counts).items()) - {(t, p) for t, p in kept}
    assert all(p <= kept[-1][1] + 1e-12 for t, p in outside if t not in dict(kept))


class Grid(Random):
    """Evenly spaced numbers in [0, 1): each token is drawn in proportion to its probability."""

    def __init__(self, steps):
        super().__init__(7)
        self.values = iter([(i + 0.5) / steps for i in range(steps)])

    def random(self):
        return next(self.values)


@pytest.mark.parametrize("top_p", [0.05, 0.4, 0.8, 0.95])
def test_with_top_p_exactly_the_nucleus_can_be_drawn_in_its_proportions(top_p):
    distribution = Distribution({5: 0.5, 6: 0.2, 7: 0.2, 8: 0.05}, 0.05 / 8, IDS)
    sampling = Sampling(top_p=top_p)
    kept = dict(nucleus(logprobs(distribution, sampling, {}), top_p))
    random = Grid(10_000)
    drawn = Counter(draw(distribution, sampling, {}, random).token for _ in range(10_000))
    assert set(drawn) == set(kept)
    for token, p in kept.items():
        assert drawn[token] / 10_000 == pytest.approx(p / sum(kept.values()), abs=2e-4)


def test_without_top_p_every_token_is_drawn_in_its_proportion():
    """Chi-square over the whole vocabulary, the tokens without evidence included; the seed is fixed."""
    distribution = Distribution({5: 0.4, 9: 0.2, 11: 0.1}, 0.3 / 9, IDS)
    random, drawn, times = Random(20), Counter(), 20_000
    for _ in range(times):
        drawn[draw(distribution, Sampling(), {}, random).token] += 1
    chi_square = sum((drawn[t] - times * distribution[t]) ** 2 / (times * distribution[t]) for t in IDS)
    assert set(drawn) == set(IDS)
    assert chi_square < 24.7  # 11 degrees of freedom: 1 in 100 above


@given(distributions(), COUNTS, st.integers())
def test_temperature_zero_takes_the_most_likely_token_whatever_the_seed(distribution, counts, seed):
    sampling = Sampling(temperature=0, presence_penalty=0.7)
    expected = dense(distribution, sampling, counts)
    token = draw(distribution, sampling, counts, Random(seed)).token
    assert expected[token] == pytest.approx(max(expected.values()))


@given(distributions(), COUNTS)
def test_temperature_zero_reports_the_log_probabilities_of_temperature_one(distribution, counts):
    at_zero = draw(distribution, Sampling(temperature=0, top_logprobs=3), counts, Random(0))
    at_one = logprobs(distribution, Sampling(), counts)
    assert at_zero.logprob == pytest.approx(at_one[at_zero.token])


@given(distributions(), st.sampled_from(IDS), st.integers())
def test_a_bias_of_100_forces_and_of_minus_100_bans(distribution, token, seed):
    if distribution[token] == 0:
        return
    assert draw(distribution, Sampling(bias={token: 100}), {}, Random(seed)).token == token
    if sum(distribution[other] > 0 for other in IDS) > 1:
        assert draw(distribution, Sampling(bias={token: -100}), {}, Random(seed)).token != token


@given(distributions(), st.sampled_from(IDS))
def test_no_bias_makes_the_impossible_possible(distribution, token):
    """In constrained generation a token that would break the JSON stays out."""
    if distribution[token] == 0:
        assert draw(distribution, Sampling(bias={token: 100}), {}, Random(1)).token != token


@given(distributions(), SAMPLINGS, COUNTS, st.integers(), st.integers(0, 20))
def test_what_is_reported_is_the_tokens_own_log_probability_and_the_best_others(
    distribution, sampling, counts, seed, top
):
    sampling = Sampling(sampling.temperature, sampling.top_p, bias=sampling.bias, top_logprobs=top)
    drawn = draw(distribution, sampling, counts, Random(seed))
    expected = dense(distribution, sampling, counts)
    assert math.exp(drawn.logprob) == pytest.approx(expected[drawn.token], rel=1e-9)
    assert len(drawn.top) == min(top, len(expected))
    assert [math.exp(log) for _, log in drawn.top] == pytest.approx(sorted(expected.values(), reverse=True)[:top])


@pytest.mark.parametrize("temperature", [5e-324, 1e-12, 0.01])
def test_a_temperature_near_zero_is_no_overflow(temperature):
    distribution = Distribution({5: 0.6, 6: 0.4}, 0.0, IDS)
    assert draw(distribution, Sampling(temperature=temperature), {}, Random(3)).token == 5
    assert pick([0.4, 0.6, 60.0], temperature, Random(3)) == 2
