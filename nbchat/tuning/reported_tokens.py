"""The token probabilities that a server reports with an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from nbchat.values.answer.reply import Reply
from nbchat.values.errors import NbchatError, ParameterError
from nbchat.values.wording import pluralize

__all__ = ["Position", "positions"]

LOWEST = -9999.0
"""OpenAI's log-probability for an impossible token; JSON has no infinity."""

ROUNDING = 1e-6
"""Missing probability below this is rounding."""

PARTIAL = "\ufffd"
"""The replacement for incomplete characters; several tokens may read the same."""

ROUNDED = 0.01
"""Natural log-probabilities that differ by no more may be equal before rounding."""


class Position(Struct, frozen=True):
    """One token of an answer and its alternatives.

    `tokens` and their natural `logprobs` are those reported, likeliest first; `chosen` is the index of the actual token;
    `ceiling` is the highest probability that an unreported token can have; `listed` is whether the actual token is among
    the reported likeliest, so that no unreported one ranks above it.
    """

    tokens: tuple[str, ...]
    logprobs: tuple[float, ...]
    chosen: int
    ceiling: float
    listed: bool = True

    @property
    def token(self) -> str:
        """The sampled token."""
        return self.tokens[self.chosen]

    @property
    def probability(self) -> float:
        """The actual token's probability, as reported."""
        return math.exp(self.logprobs[self.chosen])

    @property
    def rest(self) -> float:
        """The total probability of unreported tokens."""
        missing = 1 - math.fsum(map(math.exp, self.logprobs))
        return missing if missing > ROUNDING else 0.0


def positions(reply: Reply, choice: int = 0) -> tuple[Position, ...]:
    """Return the tokens of a choice. Raises ParameterError, and NbchatError if the server sent no probabilities."""
    choices = getattr(reply, "choices", None)
    if not isinstance(choices, (list, tuple)):
        raise ParameterError(f"What-if takes a reply, as ask() gives it; got {type(reply).__name__}.")
    if isinstance(choice, bool) or not isinstance(choice, int) or not 0 <= choice < len(choices):
        raise ParameterError(
            f"There is no choice {choice!r}: the reply has {pluralize(len(choices), 'choice')}, counted from 0."
        )
    found = [position for entry in choices[choice].logprobs if (position := _position(entry)) is not None]
    if not found:
        raise NbchatError(
            "This answer has no token probabilities: ask with logprobs=True and top_logprobs=20, if the server can."
        )
    return tuple(found)


def _position(entry: Mapping[str, Any]) -> Position | None:
    """Parse a token's entry as reported; None = invalid."""
    sampled = _ReportedToken.of(entry)
    if sampled is None:
        return None
    top = entry.get("top_logprobs")
    known: dict[tuple[str, object], _ReportedToken] = {}
    for reported in map(_ReportedToken.of, top if isinstance(top, (list, tuple)) else ()):
        if reported is not None:
            known.setdefault(reported.key, reported)
    listed = sorted(known.values(), key=lambda reported: -reported.logprob)
    ceiling = math.exp(listed[-1].logprob) if listed else 1.0
    chosen = sampled.among(listed)
    among = chosen is not None or bool(listed and sampled.logprob > listed[-1].logprob)
    if chosen is None:  # usually less likely than all listed, or the only one reported
        chosen = sampled
        listed = sorted([*listed, chosen], key=lambda reported: -reported.logprob)
    place = next(place for place, reported in enumerate(listed) if reported is chosen)
    return Position(
        tuple(reported.token for reported in listed),
        tuple(reported.logprob for reported in listed),
        place,
        ceiling,
        among,
    )


class _ReportedToken(Struct, frozen=True):
    """A token as reported. `utf8` are its UTF-8 bytes, which may be part of a character; None = not reported."""

    token: str
    logprob: float
    utf8: tuple[int, ...] | None

    @classmethod
    def of(cls, item: object) -> _ReportedToken | None:
        """Parse a reported token; None = invalid."""
        if not isinstance(item, Mapping):
            return None
        token, logprob = item.get("token"), item.get("logprob")
        utf8: Any = item.get("bytes")
        if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            return None
        if logprob != logprob:
            return None
        whole = isinstance(utf8, (list, tuple)) and utf8 and all(isinstance(byte, int) for byte in utf8)
        return cls(token, float(max(LOWEST, min(logprob, 0))), tuple(utf8) if whole else None)

    @property
    def key(self) -> tuple[str, object]:
        """A key that distinguishes partial characters, which all read as U+FFFD."""
        return self.token, self.logprob if self.utf8 is None else self.utf8

    def among(self, listed: Sequence[_ReportedToken]) -> _ReportedToken | None:
        """The same token in `listed`, or None. Servers round, and may report bytes in one of the places only."""
        alike = [other for other in listed if other.token == self.token and not self._differs_in_bytes(other)]
        nearest = min(alike, key=lambda other: (other.key != self.key, abs(other.logprob - self.logprob)), default=None)
        if nearest is None or nearest.key == self.key or PARTIAL not in self.token:
            return nearest
        return nearest if abs(nearest.logprob - self.logprob) <= ROUNDED else None

    def _differs_in_bytes(self, other: _ReportedToken) -> bool:
        return self.utf8 is not None and other.utf8 is not None and self.utf8 != other.utf8
