"""Sample a token from a distribution: bias, penalties, temperature and top_p, by their published definitions.

A distribution over the vocabulary is sparse: a probability for each token with evidence, and a common one for all others.
Everything here is exact for the whole vocabulary nevertheless.

In order (OpenAI's API reference; Holtzman et al. 2020 for top_p):

    logit[j]   = log p[j] + bias[j] - count[j] * frequency_penalty - (count[j] > 0) * presence_penalty
    p'[j]      = softmax(logit / temperature)[j]           temperature 0: the largest logit
    nucleus    = the fewest most likely tokens whose p' sum to at least top_p
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random

from msgspec import Struct, field

__all__ = ["Distribution", "Drawn", "LogProbs", "Sampling", "draw", "logprobs", "nucleus", "pick"]


class Distribution(Struct, frozen=True):
    """The probabilities of the tokens in `known`, and `rest`, that of every other token of `ids` (0 = impossible)."""

    known: Mapping[int, float]
    rest: float
    ids: range

    def __getitem__(self, token: int) -> float:
        return self.known.get(token, self.rest if token in self.ids else 0.0)


class Sampling(Struct, frozen=True):
    """Sampling parameters. `top_logprobs` None = report none, 0 = only that of the token drawn."""

    temperature: float = 1.0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)
    top_logprobs: int | None = None


def _rank(item: tuple[int, float]) -> tuple[float, int]:
    return -item[1], item[0]


class LogProbs(Struct, frozen=True):
    """Normalised natural-log probabilities, sparse like `Distribution`."""

    known: Mapping[int, float]
    rest: float
    ids: range

    def __getitem__(self, token: int) -> float:
        return self.known.get(token, self.rest if token in self.ids else -math.inf)

    def ranked(self) -> Iterator[tuple[int, float]]:
        """Yield every possible token and its log-probability, most likely first, ties by id."""
        known = sorted((item for item in self.known.items() if item[1] > -math.inf), key=_rank)
        if self.rest == -math.inf:
            return iter(known)
        return heapq.merge(known, ((token, self.rest) for token in self.ids if token not in self.known), key=_rank)


class Drawn(Struct, frozen=True):
    """A drawn token. `logprob` and `top` are those before top_p; at temperature 0, those of temperature 1."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


def logprobs(distribution: Distribution, sampling: Sampling, counts: Mapping[int, int]) -> LogProbs:
    """Return the log-probabilities after bias, penalties and temperature; `counts` is how often each token was generated."""
    logits = {token: _log(p) for token, p in distribution.known.items()}
    rest = _log(distribution.rest)
    for token in {*sampling.bias, *counts}:
        if token in logits or rest > -math.inf:
            seen = counts.get(token, 0)
            penalty = seen * sampling.frequency_penalty + (seen > 0) * sampling.presence_penalty
            logits[token] = logits.get(token, rest) + sampling.bias.get(token, 0.0) - penalty
    return _softmax(logits, rest, distribution.ids, sampling.temperature or 1.0)


def _log(p: float) -> float:
    return math.log(p) if p > 0 else -math.inf


def _softmax(logits: Mapping[int, float], rest: float, ids: range, temperature: float) -> LogProbs:
    others = len(ids) - len(logits)
    largest = max([*logits.values(), rest] if others else logits.values())
    scaled = {token: (logit - largest) / temperature for token, logit in logits.items()}
    scaled_rest = (rest - largest) / temperature
    total = math.fsum(map(math.exp, scaled.values())) + others * math.exp(scaled_rest)
    shift = math.log(total)
    return LogProbs({token: logit - shift for token, logit in scaled.items()}, scaled_rest - shift, ids)


def nucleus(logs: LogProbs, top_p: float) -> list[tuple[int, float]]:
    """Return the nucleus, most likely first, as (token, probability before renormalising); ties by id; at least one token."""
    kept: list[tuple[int, float]] = []
    mass = 0.0
    for token, log in logs.ranked():
        kept.append((token, math.exp(log)))
        mass += kept[-1][1]
        if mass >= top_p:
            break
    return kept


def draw(distribution: Distribution, sampling: Sampling, counts: Mapping[int, int], random: Random) -> Drawn:
    """Draw the next token."""
    logs = logprobs(distribution, sampling, counts)
    if sampling.temperature == 0:
        token = next(logs.ranked())[0]
    elif sampling.top_p < 1:
        token = _pick(nucleus(logs, sampling.top_p), random)
    else:
        token = _pick_any(logs, random)
    top = tuple(islice(logs.ranked(), sampling.top_logprobs)) if sampling.top_logprobs else ()
    return Drawn(token, logs[token], top)


def pick(weights: Sequence[float], temperature: float, random: Random) -> int:
    """Draw an index by weight, sharpened or flattened by the temperature (0 = the greatest weight)."""
    if temperature == 0:
        return max(range(len(weights)), key=lambda i: weights[i])
    largest = max(weights)
    return random.choices(range(len(weights)), [(weight / largest) ** (1 / temperature) for weight in weights])[0]


def _pick(weighted: list[tuple[int, float]], random: Random) -> int:
    aim = random.random() * math.fsum(p for _, p in weighted)
    for token, p in weighted:
        aim -= p
        if aim < 0:
            return token
    return weighted[-1][0]


def _pick_any(logs: LogProbs, random: Random) -> int:
    """Draw from the whole vocabulary; among the equiprobable rest, by rejection of known tokens."""
    aim = random.random()
    for token, log in logs.known.items():
        aim -= math.exp(log)
        if aim < 0:
            return token
    if len(logs.known) == len(logs.ids) or logs.rest == -math.inf:
        return next(logs.ranked())[0]  # rounding left a remainder of the probability
    while True:
        token = random.choice(logs.ids)
        if token not in logs.known:
            return token
