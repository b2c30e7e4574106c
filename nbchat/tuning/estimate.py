"""Estimate the cost of a sweep before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from nbchat.api.prices import listed_price
from nbchat.conversation.exchange.ask import Ask
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.tuning.grid import Grid
from nbchat.tuning.judge import Judge, Scorer, check_score
from nbchat.tuning.statistics import finite
from nbchat.tuning.sweep import prepare
from nbchat.values.answer.usage import prompt_tokens
from nbchat.values.messages import Message, Question
from nbchat.values.modelname import same_model
from nbchat.values.wording import dollars, pluralize

if TYPE_CHECKING:
    from nbchat.conversation.session import Session
    from nbchat.store.ledger.entries import Entry

__all__ = ["Estimate", "estimate"]

VERDICT_TOKENS = 10
"""Tokens of a judge's answer, `{"score": 7}`. A reasoning model takes an unknown number more."""


class Estimate(Struct, frozen=True):
    """The estimated total of all runs of a sweep. None = unknown.

    `prompt_tokens` are estimated from the texts' length, `completion_tokens` from the session's earlier answers by the
    same model, else from the request's limit (then `at_most`). `cost` is in US dollars, by the price list, else at the
    rate of the session's earlier requests to the same model. All three include the `judged` requests to a judge, one for
    each run; if the answers' length is unknown, without the answers in the judge's prompt.
    """

    grid: Grid
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    at_most: bool = False
    judged: int = 0

    @property
    def runs(self) -> int:
        """The number of runs, each of which is one request."""
        return len(self.grid)

    def __str__(self) -> str:
        runs = "1 run" if self.runs == 1 else f"{self.runs:,} runs ({self.grid})"
        if self.judged:
            runs += f" and {pluralize(self.judged, 'request')} to the judge"
        about = "at least" if self.judged and self.completion_tokens is None else "about"
        sent = (
            "of unknown size (images)" if self.prompt_tokens is None else f"{about} {self.prompt_tokens:,} tokens sent"
        )
        if self.completion_tokens is None:
            answers = "answers of unknown length"
        else:
            answers = f"{'at most' if self.at_most else 'about'} {self.completion_tokens:,} tokens answered"
        cost = "cost unknown" if self.cost is None else "no cost" if self.cost == 0 else f"about {dollars(self.cost)}"
        return f"{runs}: {sent}, {answers}, {cost}. Nothing was sent."


def estimate(
    session: Session,
    message: Question | Sequence[str | Message],
    *,
    repeat: int = 1,
    score: Scorer | str | None = None,
    models: Iterable[str] | None = None,
    judge_model: str | None = None,
    **axes: Any,
) -> Estimate:
    """Estimate `sweep` with these arguments. Sends nothing; raises what `sweep` raises before it sends.

    A judge's requests are included; a score function is free.
    """
    check_score(score)
    grid, fixed, exchanges = prepare(session, message, repeat=repeat, models=models, **axes)
    runs = [_Size.of(session, exchange) for exchange in exchanges.values()]
    sizes, judged = list(runs), 0
    if isinstance(score, str):
        question = max((exchange.ask.message.text for exchange in exchanges.values()), key=len)
        request = Judge(session, score, judge_model, fixed).request("", question)
        answers = [None if run.completion is None else run.completion // run.choices for run in runs]
        judgements = {answer: _Size.of_judge(session, request, answer) for answer in set(answers)}
        sizes, judged = [*runs, *(judgements[answer] for answer in answers)], len(runs)
    return Estimate(
        grid,
        _total(size.prompt for size in sizes),
        _total(size.completion for size in sizes),
        _total(size.cost for size in sizes),
        any(size.at_most for size in runs),
        judged,
    )


class _Size(Struct, frozen=True):
    """One request's estimate."""

    prompt: int | None
    completion: int | None
    at_most: bool
    cost: float | None
    choices: int = 1

    @classmethod
    def of(cls, session: Session, exchange: Exchange) -> _Size:
        ask = exchange.ask
        prompt, choices = prompt_tokens(ask.request().body), ask.params.n or 1
        earlier = _earlier(session, ask)
        lengths = finite(entry.usage.completion_tokens for entry in earlier)
        limit = ask.params.most_tokens
        completion = None if limit is None else limit * choices
        if lengths:
            completion = min(round(fmean(lengths)) * choices, completion or 2**53)
        cost = _cost(ask, prompt, completion, earlier)
        return cls(prompt, completion, not lengths and completion is not None, cost, choices)

    @classmethod
    def of_judge(cls, session: Session, exchange: Exchange, answer: int | None) -> _Size:
        """Estimate a request to a judge: `exchange` grades an empty answer, `answer` is the real one's length in tokens."""
        ask = exchange.ask
        bare = prompt_tokens(ask.request().body)
        whole = None if bare is None or answer is None else bare + answer
        cost = _cost(ask, whole, VERDICT_TOKENS, _earlier(session, ask))
        return cls(bare if whole is None else whole, VERDICT_TOKENS, False, cost)


def _earlier(session: Session, ask: Ask) -> list[Entry]:
    """The session's earlier calls of the same model on the same server."""
    return [
        entry
        for entry in session.ledger()
        if entry.status == "complete"
        and entry.endpoint == ask.endpoint.title
        and same_model(ask.params.model or "", entry.model or "")
    ]


def _cost(ask: Ask, prompt: int | None, completion: int | None, earlier: Sequence[Entry]) -> float | None:
    """The cost in US dollars; None = unknown."""
    listed = listed_price(ask.endpoint, ask.params.model, prompt, completion)
    if listed is not None or prompt is None or completion is None:
        return listed
    return _at_earlier_rate(prompt + completion, earlier)


def _at_earlier_rate(tokens: int, earlier: Sequence[Entry]) -> float | None:
    rates = [
        cost / entry.usage.total_tokens
        for entry in earlier
        if (cost := entry.usage.cost if entry.cost is None else entry.cost) is not None and entry.usage.total_tokens
    ]
    return fmean(rates) * tokens if rates else None


def _total(values: Iterable[Any]) -> Any:
    """The sum; None if any value is unknown."""
    known = list(values)
    return None if None in known else sum(known)
