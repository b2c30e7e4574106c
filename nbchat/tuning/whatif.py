"""What-if analysis: how another temperature or top_p would change an answer, from its log-probabilities.

Pure functions.

A server reports the log-probabilities of the few likeliest candidates for each token. They determine the distribution at
another temperature T up to the candidates that were not reported:

    w[k] = p[k] ** (R / T)        R: the temperature that is already in the reported p
    q[k] = w[k] / (sum of w over the known tokens + W)

W is the unknown weight of all other tokens. Their total probability is r = 1 - sum of p, and none exceeds m, the smallest
reported one. Over at most V tokens, the sum of x ** a (a = R / T) is smallest for an even spread and largest for a
concentrated one if a > 1, and vice versa if a < 1 (convexity). So W has two bounds, and so has q[k]: probabilities are
intervals, exact for a = 1.

top_p then keeps the fewest likeliest tokens with a total of at least P (Holtzman et al. 2020) and renormalises; a token is
in, out, or undecided if that depends on W.

Every position is conditioned on the actual text before it: after the first token that would differ, the answer would have
continued differently.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from nbchat.api.endpoints import BUILTIN_MODEL
from nbchat.tuning.reported_tokens import Position, positions
from nbchat.values.answer.reply import Reply
from nbchat.values.errors import ParameterError
from nbchat.values.params import PARAMETERS

__all__ = ["Candidate", "Probability", "Reshaped", "WhatIf", "reshape", "what_if"]

VOCABULARY = 262_144
"""Assumed upper bound on the vocabulary: today's largest usual size."""


class Probability(Struct, frozen=True):
    """A probability between two bounds, which are equal if it is known exactly."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The midpoint of the bounds."""
        return (self.low + self.high) / 2

    def __str__(self) -> str:
        low, high = f"{100 * self.low:.3g}", f"{100 * self.high:.3g}"
        return f"{low} %" if low == high else f"{low} to {high} %"


class Candidate(Struct, frozen=True):
    """A candidate token for a position. `kept`: whether top_p keeps it; None = undecided."""

    token: str
    before: float
    after: Probability
    kept: bool | None
    chosen: bool


class Reshaped(Struct, frozen=True):
    """A position at another temperature and top_p; candidates in reported order, likeliest first.

    `rest` is the probability of unreported tokens.
    """

    candidates: tuple[Candidate, ...]
    rest: Probability

    @property
    def chosen(self) -> Candidate:
        """The sampled token."""
        return next(candidate for candidate in self.candidates if candidate.chosen)

    @property
    def likeliest(self) -> Candidate:
        """The likeliest token, which does not depend on temperature."""
        return self.candidates[0]


class WhatIf(Struct, frozen=True):
    """An answer at another temperature and top_p, token by token."""

    temperature: float
    top_p: float
    reported_at: float
    positions: tuple[Reshaped, ...]

    @property
    def first_cut(self) -> int | None:
        """The first position whose token top_p certainly excludes; None = the answer remains possible."""
        return next((i for i, p in enumerate(self.positions) if p.chosen.kept is False), None)

    @property
    def probability(self) -> Probability:
        """The probability of exactly this answer."""
        lows = (position.chosen.after.low for position in self.positions)
        highs = (position.chosen.after.high for position in self.positions)
        return Probability(math.prod(lows), min(1.0, math.prod(highs)))

    def __str__(self) -> str:
        what = f"At temperature {self.temperature:g} and top_p {self.top_p:g}"
        if (cut := self.first_cut) is not None:
            return (
                f"{what} this answer is impossible: top_p excludes token {cut} ({self.positions[cut].chosen.token!r})."
            )
        expected = sum(1 - position.chosen.after.middle for position in self.positions)
        return f"{what} about {expected:.1f} of {len(self.positions)} tokens would be drawn differently."


def what_if(
    reply: Reply,
    temperature: float | None = None,
    top_p: float | None = None,
    *,
    choice: int = 0,
    reported_at: float | None = None,
) -> WhatIf:
    """Compute an answer at another temperature and top_p (None = 1), without a request.

    `reported_at` is the temperature already applied to the reported probabilities. None = 1, for servers that report the
    model's own distribution; for the built-in model, the request's temperature, which it applies first. Raises
    NbchatError (no probabilities) and ParameterError.
    """
    temperature = PARAMETERS["temperature"].check(1 if temperature is None else temperature)
    top_p = PARAMETERS["top_p"].check(1 if top_p is None else top_p)
    reported = positions(reply, choice)
    reported_at = _reported_at(reply) if reported_at is None else _above_0(reported_at)
    exponent = math.inf if temperature == 0 else reported_at / temperature
    reshaped = tuple(reshape(position, exponent, top_p) for position in reported)
    return WhatIf(temperature, top_p, reported_at, reshaped)


def _above_0(reported_at: Any) -> float:
    """Validate a temperature above 0. Raises ParameterError."""
    try:
        if not isinstance(reported_at, (str, bool)) and 0 < (number := float(reported_at)) < math.inf:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ParameterError(f"reported_at must be a temperature above 0; got {reported_at!r}.")


def reshape(position: Position, exponent: float = 1.0, top_p: float = 1.0) -> Reshaped:
    """Raise a position's probabilities to a power (infinite = temperature 0), then apply top_p."""
    if math.isinf(exponent):
        return _greedy(position)
    peak = position.logprobs[0]
    weights = [_power(logprob - peak, exponent) for logprob in position.logprobs]
    least, most = _rest_weights(position, exponent, peak)
    apart = most > 0 and not position.listed  # unreported tokens may rank above the actual one
    tail = weights.pop() if apart else 0.0
    last = _power(math.log(position.ceiling) - peak, exponent) if most > 0 else 0.0
    few, many = _nucleus(weights, least + tail, top_p), _nucleus(weights, most + tail, top_p, last)
    candidates = [_candidate(position, weights, place, few[place], many[place]) for place in range(len(weights))]
    left = sorted(1 - math.fsum(shares) for shares in (few, many))
    if apart:
        candidates.append(_written(position, math.fsum(weights), tail, (least, most), last, top_p))
        left = [left[0] - candidates[-1].after.high, left[1] - candidates[-1].after.low]
    rest = Probability(*(0.0 if share < 1e-12 else share for share in left))
    return Reshaped(tuple(candidates), rest)


def _written(
    position: Position, ahead: float, weight: float, unknown: tuple[float, float], last: float, top_p: float
) -> Candidate:
    """The actual token if it is not among the likeliest, so that any unreported one may rank above it.

    It is possibly in the nucleus if the tokens certainly above it leave room, and certainly if all others do.
    """
    least, most = unknown
    possible = not ahead or ahead < top_p * (ahead + most + weight)
    certain = possible and weight > 0 and ahead + most < top_p * (ahead + most + weight)
    total = ahead + most + weight
    low = weight / min(total, top_p * total + last) if certain else 0.0
    fullest = max(ahead + weight, top_p * (ahead + least + weight))
    high = weight / fullest if possible and fullest > 0 else 0.0
    kept = True if certain else None if possible else False
    place = position.chosen
    return Candidate(
        position.tokens[place], math.exp(position.logprobs[place]), Probability(low, max(low, high)), kept, chosen=True
    )


def _candidate(position: Position, weights: Sequence[float], place: int, few: float, many: float) -> Candidate:
    """A candidate whose share is `few` with the least unknown weight and `many` with the most.

    A token that enters the nucleus only as the unknown weight grows has its largest share on entering, as the last token
    of the nucleus.
    """
    kept = None if (few > 0) != (many > 0) else few > 0
    ahead = math.fsum(weights[: place + 1])
    high = max(few, many) if kept is not None else (weights[place] / ahead if ahead else 0.0)
    after = Probability(min(few, many), max(few, many, high))
    return Candidate(position.tokens[place], math.exp(position.logprobs[place]), after, kept, place == position.chosen)


def _nucleus(weights: Sequence[float], unknown: float, top_p: float, last: float = 0.0) -> list[float]:
    """The shares of known tokens after top_p, given the weight of the unknown ones; `last` is the weight of the last one kept.

    The nucleus reaches top_p with its last token, so it may exceed top_p by nearly that token's weight.
    """
    total = math.fsum(weights) + unknown
    kept: list[float] = []
    mass = 0.0
    for weight in weights:
        if kept and top_p < 1 and mass >= top_p * total * (1 - 1e-12):
            break
        kept.append(weight)
        mass += weight
    if len(kept) == len(weights) and mass < top_p * total:  # some or all of the unknown ones are in too
        mass = min(total, top_p * total + last)
    return [weight / mass for weight in kept] + [0.0] * (len(weights) - len(kept))


def _rest_weights(position: Position, exponent: float, peak: float) -> tuple[float, float]:
    """The least and greatest weight of the unreported tokens, relative to the likeliest one's."""
    rest, ceiling = position.rest, min(position.ceiling, position.rest)
    if ceiling == 0:
        return 0.0, 0.0
    crowd = VOCABULARY - len(position.tokens)
    full, remainder = divmod(rest, ceiling)
    concentrated = full * _power(math.log(ceiling) - peak, exponent)
    if remainder > 0:
        concentrated += _power(math.log(remainder) - peak, exponent)
    spread = crowd * _power(math.log(rest / crowd) - peak, exponent)
    return min(concentrated, spread), max(concentrated, spread)


def _power(log: float, exponent: float) -> float:
    return math.exp(min(max(log * exponent, -745.0), 600.0)) if log > -math.inf else 0.0


def _greedy(position: Position) -> Reshaped:
    """Temperature 0: the likeliest tokens share everything. A token reported alone may rank below an unreported one."""
    if not position.listed and len(position.tokens) == 1 and position.rest > position.probability:
        unknown = Probability(0.0, 1.0)
        return Reshaped((Candidate(position.token, position.probability, unknown, None, chosen=True),), unknown)
    best = position.logprobs[0]
    winners = sum(logprob == best for logprob in position.logprobs)
    candidates = []
    for place, (token, logprob) in enumerate(zip(position.tokens, position.logprobs, strict=True)):
        wins = logprob == best
        share = Probability(1 / winners, 1 / winners) if wins else Probability(0.0, 0.0)
        candidates.append(Candidate(token, math.exp(logprob), share, wins, place == position.chosen))
    return Reshaped(tuple(candidates), Probability(0.0, 0.0))


def _reported_at(reply: Reply) -> float:
    body = {} if reply.request is None else reply.request.body
    if not str(body.get("model", "")).startswith(BUILTIN_MODEL):
        return 1.0
    return float(body.get("temperature") or 1)
