"""What a sweep would take, told before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from nbchat.api.prices import listed_price
from nbchat.session.exchange import Exchange
from nbchat.tuning.grid import Grid
from nbchat.tuning.statistics import finite
from nbchat.tuning.sweep import settle
from nbchat.values.messages import Message, Part
from nbchat.values.usage import Usage, estimate_tokens

if TYPE_CHECKING:
    from nbchat.session.session import Session

__all__ = ["Estimate", "plan", "prompt_tokens"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all runs of a sweep together would likely take. None = unknown.

    `prompt_tokens` are estimated from the texts' length; `completion_tokens` go by the session's earlier answers of the
    same model, else by the most that the request allows (then `at_most`). `cost` is in US dollars: by the list of
    prices, else at the rate of the session's earlier requests of the same model.
    """

    grid: Grid
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    at_most: bool = False

    @property
    def runs(self) -> int:
        """How many requests."""
        return len(self.grid)

    def __str__(self) -> str:
        runs = "1 run" if self.runs == 1 else f"{self.runs:,} runs ({self.grid})"
        sent = "of unknown size (images)" if self.prompt_tokens is None else f"about {self.prompt_tokens:,} tokens sent"
        if self.completion_tokens is None:
            answers = "answers of unknown length"
        else:
            answers = f"{'at most' if self.at_most else 'about'} {self.completion_tokens:,} tokens answered"
        cost = "cost unknown" if self.cost is None else "no cost" if self.cost == 0 else f"about ${self.cost:.2g}"
        return f"{runs}: {sent}, {answers}, {cost}. Nothing was sent."


def plan(
    session: Session,
    message: str | Sequence[Part] | Message,
    *,
    repeat: int = 1,
    models: Iterable[str] | None = None,
    **axes: Any,
) -> Estimate:
    """What `sweep` with these arguments would take. Sends nothing; raises what `sweep` raises before it sends."""
    grid, _, exchanges = settle(session, message, repeat=repeat, models=models, **axes)
    sizes = [_Size.of(session, exchange) for exchange in exchanges.values()]
    return Estimate(
        grid,
        _total(size.prompt for size in sizes),
        _total(size.completion for size in sizes),
        _total(size.cost for size in sizes),
        any(size.at_most for size in sizes),
    )


@dataclass(frozen=True, slots=True)
class _Size:
    """One run's estimate."""

    prompt: int | None
    completion: int | None
    at_most: bool
    cost: float | None

    @classmethod
    def of(cls, session: Session, exchange: Exchange) -> _Size:
        ask = exchange.ask
        body = ask.request().body
        prompt, choices = prompt_tokens(body), ask.params.n or 1
        earlier = [
            entry
            for entry in session.ledger()
            if entry.status == "complete"
            and entry.endpoint == ask.endpoint.title
            and _same_model(ask.params.model or "", entry.model or "")
        ]
        lengths = finite(entry.usage.completion_tokens for entry in earlier)
        limit = ask.params.max_completion_tokens or ask.params.max_tokens
        completion = None if limit is None else limit * choices
        if lengths:
            completion = min(round(fmean(lengths)) * choices, completion or 2**53)
        cost = 0.0 if ask.endpoint.is_builtin else None
        if cost is None and prompt is not None and completion is not None:
            cost = listed_price(ask.endpoint, ask.params.model, Usage.estimated(prompt, completion))
            cost = _at_earlier_rate(prompt + completion, earlier) if cost is None else cost
        return cls(prompt, completion, not lengths and completion is not None, cost)


def prompt_tokens(body: Mapping[str, Any]) -> int | None:
    """About how many tokens a request sends, tools included; None = it has images, whose tokens nobody knows."""
    count = estimate_tokens(json.dumps(body["tools"])) if body.get("tools") else 0
    for message in body.get("messages", ()):
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if any(part.get("type") != "text" for part in parts):
            return None
        count += sum(estimate_tokens(part.get("text", "")) for part in parts)
    return count


def _same_model(asked: str, answered: str) -> bool:
    """Whether one name is the other with a version behind it or a vendor before it."""
    return bool(asked and answered) and (asked in answered or answered in asked)


def _at_earlier_rate(tokens: int, earlier: Sequence[Any]) -> float | None:
    rates = [
        cost / entry.usage.total_tokens
        for entry in earlier
        if (cost := entry.usage.cost if entry.cost is None else entry.cost) is not None and entry.usage.total_tokens
    ]
    return fmean(rates) * tokens if rates else None


def _total(values: Iterable[Any]) -> Any:
    """The sum; None as soon as one is unknown."""
    known = list(values)
    return None if None in known else sum(known)
