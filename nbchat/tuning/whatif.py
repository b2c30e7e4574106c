"""What another temperature or top_p would have made of an answer, from its log-probabilities alone. Pure.

A server reports, for each token, the log-probabilities of the likeliest few. With them the distribution that sampling
at another temperature T draws from is known up to the part of those it did not report:

    w[k] = p[k] ** (R / T)        R: the temperature that is already in the reported p
    q[k] = w[k] / (sum of w over the known tokens + W)

W is the unknown weight of all other tokens. Together they have the probability r = 1 - sum of p, and none of them has
more than the least of the reported likeliest ones, m. Over at most V tokens, the sum of x ** a (a = R / T) is least
where it is spread evenly and most where it is concentrated if a > 1, and the other way round if a < 1 (convexity). So
W lies between two bounds, and q[k] between two as well: probabilities are intervals here, exact where a = 1.

top_p then keeps the fewest likeliest tokens that together have at least P (Holtzman et al. 2020) and shares the rest
out among them; a token is in, out, or undecided where that depends on W.

Every position is seen after the text that was really written before it: from the first token that would have been
another one on, the answer would have gone elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbchat.api.endpoints import BUILTIN_MODEL
from nbchat.values.errors import NbchatError, ParameterError
from nbchat.values.params import PARAMETERS
from nbchat.values.plural import pluralize
from nbchat.values.reply import Reply

__all__ = ["Candidate", "Position", "Probability", "Reshaped", "WhatIf", "positions", "reshape", "what_if"]

VOCABULARY = 262_144
"""The most tokens that a model is taken to choose from: today's largest usual vocabulary."""

LOWEST = -9999.0
"""What OpenAI writes for a token that is out of the question; JSON has no infinity."""

ROUNDING = 1e-6
"""Less probability than this is not missing but rounded."""

PARTIAL = "\ufffd"
"""What stands for bytes that are no whole character: several tokens may read so."""

ROUNDED = 0.01
"""Natural log-probabilities that differ by no more may be the same one, rounded."""


@dataclass(frozen=True, slots=True)
class Probability:
    """A probability between two bounds; equal where it is known exactly."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Half-way between the bounds."""
        return (self.low + self.high) / 2

    def __str__(self) -> str:
        low, high = f"{100 * self.low:.3g}", f"{100 * self.high:.3g}"
        return f"{low} %" if low == high else f"{low} to {high} %"


@dataclass(frozen=True, slots=True)
class Position:
    """One token of an answer, and what else might have stood there.

    `tokens` and their natural `logprobs` are those reported, likeliest first; `chosen` is the place of the one that was
    written; `ceiling` is the most probability that a token not reported can have; `listed` tells whether the one that
    was written is among the likeliest, so that none of those comes before it.
    """

    tokens: tuple[str, ...]
    logprobs: tuple[float, ...]
    chosen: int
    ceiling: float
    listed: bool = True

    @property
    def token(self) -> str:
        """The token that was written."""
        return self.tokens[self.chosen]

    @property
    def probability(self) -> float:
        """How probable it was, as reported."""
        return math.exp(self.logprobs[self.chosen])

    @property
    def rest(self) -> float:
        """The probability of all tokens that were not reported."""
        missing = 1 - math.fsum(map(math.exp, self.logprobs))
        return missing if missing > ROUNDING else 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that might have stood at a position. `kept`: whether top_p lets it; None = can't be known."""

    token: str
    before: float
    after: Probability
    kept: bool | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class Reshaped:
    """A position under another temperature and top_p; the candidates as they were reported, likeliest first.

    `rest` is what is left for tokens that were not reported.
    """

    candidates: tuple[Candidate, ...]
    rest: Probability

    @property
    def chosen(self) -> Candidate:
        """The token that was written."""
        return next(candidate for candidate in self.candidates if candidate.chosen)

    @property
    def likeliest(self) -> Candidate:
        """The token that is most likely; which one it is does not depend on temperature."""
        return self.candidates[0]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """An answer under another temperature and top_p, token by token."""

    temperature: float
    top_p: float
    reported_at: float
    positions: tuple[Reshaped, ...]

    @property
    def first_divergence(self) -> int | None:
        """The first position where a likelier token than the written one stood ready; None = nowhere.

        There an answer at temperature 0 would have turned.
        """
        return next((i for i, p in enumerate(self.positions) if p.chosen.before < p.likeliest.before), None)

    @property
    def first_cut(self) -> int | None:
        """The first position whose token top_p would have ruled out for certain; None = the answer stays possible."""
        return next((i for i, p in enumerate(self.positions) if p.chosen.kept is False), None)

    @property
    def probability(self) -> Probability:
        """How probable this very answer is, word for word."""
        lows = (position.chosen.after.low for position in self.positions)
        highs = (position.chosen.after.high for position in self.positions)
        return Probability(math.prod(lows), min(1.0, math.prod(highs)))

    def __str__(self) -> str:
        what = f"At temperature {self.temperature:g} and top_p {self.top_p:g}"
        if (cut := self.first_cut) is not None:
            return (
                f"{what} this answer could not come: token {cut} ({self.positions[cut].chosen.token!r}) is ruled out."
            )
        expected = sum(1 - position.chosen.after.middle for position in self.positions)
        return f"{what} about {expected:.1f} of {len(self.positions)} tokens would be drawn differently."


def positions(reply: Reply, choice: int = 0) -> tuple[Position, ...]:
    """The tokens of a choice. Raises ParameterError, and NbchatError where the server told no probabilities."""
    choices = getattr(reply, "choices", None)
    if not isinstance(choices, (list, tuple)):
        raise ParameterError(f"What-if takes a reply, as ask() gives it; got {type(reply).__name__}.")
    if isinstance(choice, bool) or not isinstance(choice, int) or not 0 <= choice < len(choices):
        raise ParameterError(
            f"There is no choice {choice!r}: the reply has {pluralize(len(choices), 'choice')}, from 0 on."
        )
    found = [position for entry in choices[choice].logprobs if (position := _position(entry)) is not None]
    if not found:
        raise NbchatError(
            "This answer has no token probabilities: ask with logprobs=True and top_logprobs=20, if the server can."
        )
    return tuple(found)


def what_if(
    reply: Reply,
    temperature: float | None = None,
    top_p: float | None = None,
    *,
    choice: int = 0,
    reported_at: float | None = None,
) -> WhatIf:
    """An answer under another temperature and top_p; None = 1. No request is made.

    `reported_at` is the temperature that the reported probabilities already contain. None = 1, as servers that report
    the model's own distribution have it; for the built-in model, the temperature of the request, which it applies
    first. Raises NbchatError (no probabilities) and ParameterError.
    """
    temperature = PARAMETERS["temperature"].check(1 if temperature is None else temperature)
    top_p = PARAMETERS["top_p"].check(1 if top_p is None else top_p)
    told = positions(reply, choice)
    reported_at = _reported_at(reply) if reported_at is None else _above_0(reported_at)
    exponent = math.inf if temperature == 0 else reported_at / temperature
    reshaped = tuple(reshape(position, exponent, top_p) for position in told)
    return WhatIf(temperature, top_p, reported_at, reshaped)


def _above_0(reported_at: object) -> float:
    """A temperature that can be divided by. Raises ParameterError."""
    try:
        if not isinstance(reported_at, (str, bool)) and 0 < (number := float(reported_at)) < math.inf:  # type: ignore[arg-type]
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ParameterError(f"reported_at must be a temperature above 0; got {reported_at!r}.")


def reshape(position: Position, exponent: float = 1.0, top_p: float = 1.0) -> Reshaped:
    """A position whose probabilities are raised to a power (infinite = temperature 0), then cut by top_p."""
    if math.isinf(exponent):
        return _greedy(position)
    peak = position.logprobs[0]
    weights = [_power(logprob - peak, exponent) for logprob in position.logprobs]
    least, most = _rest_weights(position, exponent, peak)
    apart = most > 0 and not position.listed  # tokens that were not reported may come before the one written
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
    """The token that was written, where it is none of the likeliest: of the unknown ones any may come before it.

    It can be in the nucleus only if those ahead for certain leave room, and is so for certain only if all together do.
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
    """A token whose share is `few` with the least unknown weight and `many` with the most.

    A token that comes into the nucleus only as the unknown weight grows has its largest share when it just comes in:
    then the nucleus holds nothing behind it.
    """
    kept = None if (few > 0) != (many > 0) else few > 0
    ahead = math.fsum(weights[: place + 1])
    high = max(few, many) if kept is not None else (weights[place] / ahead if ahead else 0.0)
    after = Probability(min(few, many), max(few, many, high))
    return Candidate(position.tokens[place], math.exp(position.logprobs[place]), after, kept, place == position.chosen)


def _nucleus(weights: Sequence[float], unknown: float, top_p: float, last: float = 0.0) -> list[float]:
    """The shares of known tokens after top_p, were the unknown ones of this weight, the last one kept of weight `last`.

    The nucleus reaches top_p with its last token, so it may exceed it by nearly that much.
    """
    total = math.fsum(weights) + unknown
    kept: list[float] = []
    mass = 0.0
    for weight in weights:
        if kept and top_p < 1 and mass >= top_p * total * (1 - 1e-12):
            break
        kept.append(weight)
        mass += weight
    if len(kept) == len(weights) and mass < top_p * total:  # some or all of the unknown ones are in as well
        mass = min(total, top_p * total + last)
    return [weight / mass for weight in kept] + [0.0] * (len(weights) - len(kept))


def _rest_weights(position: Position, exponent: float, peak: float) -> tuple[float, float]:
    """The least and the most weight of the tokens that were not reported, in units of the likeliest one's."""
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
    """Temperature 0: the likeliest token takes all; equals share. A token told alone may be beaten by one untold."""
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


@dataclass(frozen=True, slots=True)
class _Told:
    """A token as a server told it. `spelt` are its UTF-8 bytes, which may be part of a character; None = not told."""

    token: str
    logprob: float
    spelt: tuple[int, ...] | None

    @classmethod
    def of(cls, item: object) -> _Told | None:
        """None = it makes no sense."""
        if not isinstance(item, Mapping):
            return None
        token, logprob, spelt = item.get("token"), item.get("logprob"), item.get("bytes")
        if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            return None
        if logprob != logprob:
            return None
        whole = isinstance(spelt, (list, tuple)) and spelt and all(isinstance(byte, int) for byte in spelt)
        return cls(token, float(max(LOWEST, min(logprob, 0))), tuple(spelt) if whole else None)  # type: ignore[arg-type]

    @property
    def key(self) -> tuple[str, object]:
        """What tells it from the others: parts of characters all read as the same text, U+FFFD."""
        return self.token, self.logprob if self.spelt is None else self.spelt

    def among(self, listed: Sequence[_Told]) -> _Told | None:
        """The listed one that this is; None = it is not listed. Servers round, and may tell bytes in one place only."""
        alike = [other for other in listed if other.token == self.token and not self._spelt_otherwise(other)]
        nearest = min(alike, key=lambda other: (other.key != self.key, abs(other.logprob - self.logprob)), default=None)
        if nearest is None or nearest.key == self.key or PARTIAL not in self.token:
            return nearest
        return nearest if abs(nearest.logprob - self.logprob) <= ROUNDED else None

    def _spelt_otherwise(self, other: _Told) -> bool:
        return self.spelt is not None and other.spelt is not None and self.spelt != other.spelt


def _position(entry: Mapping[str, Any]) -> Position | None:
    """A token's entry as the server wrote it; None = it makes no sense."""
    written = _Told.of(entry)
    if written is None:
        return None
    top = entry.get("top_logprobs")
    known: dict[tuple[str, object], _Told] = {}
    for told in map(_Told.of, top if isinstance(top, (list, tuple)) else ()):
        if told is not None:
            known.setdefault(told.key, told)
    listed = sorted(known.values(), key=lambda told: -told.logprob)
    ceiling = math.exp(listed[-1].logprob) if listed else 1.0
    chosen = written.among(listed)
    among = chosen is not None or bool(listed and written.logprob > listed[-1].logprob)
    if chosen is None:  # as a rule less likely than all that were listed, or the only one that was told
        chosen = written
        listed = sorted([*listed, chosen], key=lambda told: -told.logprob)
    place = next(place for place, told in enumerate(listed) if told is chosen)
    return Position(tuple(told.token for told in listed), tuple(told.logprob for told in listed), place, ceiling, among)


def _reported_at(reply: Reply) -> float:
    body = {} if reply.request is None else reply.request.body
    if not str(body.get("model", "")).startswith(BUILTIN_MODEL):
        return 1.0
    return float(body.get("temperature") or 1)
