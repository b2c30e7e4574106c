"""Sums over the requests of a run."""

from __future__ import annotations

from msgspec import Struct, field

from nbchat.rows.outcome import Answer
from nbchat.values.answer.usage import Usage, UsageState

__all__ = ["Tally"]

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")


class Tally(Struct):
    """Sums over answered requests.

    `cost` is in US dollars, None = unknown for all of them. `seconds` is the sum of their durations, `longest` the most
    tokens of one answer.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None
    priced: int = 0
    seconds: float = 0.0
    longest: int = 0
    model: str | None = None
    states: frozenset[UsageState] = field(default_factory=frozenset)

    def add(self, answer: Answer) -> None:
        """Count an answer that was paid for."""
        usage = answer.usage
        self.requests += 1
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + (getattr(usage, name) or 0))
        self.longest = max(self.longest, usage.completion_tokens or 0)
        self.states |= {usage.state}
        self.seconds += answer.seconds or 0.0
        self.model = answer.model
        if answer.cost is not None:
            self.cost = (self.cost or 0.0) + answer.cost
            self.priced += 1

    @property
    def usage(self) -> Usage:
        """The tokens of all requests, as certain as the least certain of them."""
        if not self.requests:
            return Usage(0, 0, 0, "measured")
        states: tuple[UsageState, ...] = ("unknown", "estimated", "measured")
        return Usage(
            self.prompt_tokens,
            self.completion_tokens,
            self.total_tokens,
            next(state for state in states if state in self.states),
            self.cached_tokens or None,
            self.reasoning_tokens or None,
        )
