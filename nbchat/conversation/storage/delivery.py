"""Delivery of a session's requests: budget check, replay from the store, journalling."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from nbchat.api.prices import check_table, listed_price
from nbchat.conversation.exchange.exchange import Delivery, Exchange
from nbchat.conversation.storage.record import Record
from nbchat.store.ledger.entries import Spent
from nbchat.store.opening import OFF, is_wanted
from nbchat.values.answer.events import Event
from nbchat.values.answer.usage import prompt_tokens
from nbchat.values.errors import SessionError
from nbchat.values.request import Request

if TYPE_CHECKING:  # imported only with a budget
    from nbchat.store.ledger.budget import Budget

__all__ = ["Deliverer", "Limits", "spent"]

VARIABLE = "NBCHAT_CACHE"


class Limits(Struct):
    """A session's budget and cache setting. `cache`: whether answers are replayed; None = as `NBCHAT_CACHE` says."""

    budget: Budget | None = None
    cache: bool | None = None

    def cache_is_on(self) -> bool:
        """Whether stored answers are replayed."""
        if self.cache is not None:
            return self.cache
        wanted = os.environ.get(VARIABLE, "").strip()
        return bool(wanted) and wanted.lower() not in OFF


class Deliverer:
    """Decides how each request of a session is delivered."""

    def __init__(self, record: Record, limits: Limits) -> None:
        self._record = record
        self._limits = limits

    def __call__(self, exchange: Exchange, request: Request) -> Delivery:
        """Return the delivery of a request. Raises NbchatError if it must not be sent."""
        if self._record.is_asked_twice(exchange):
            raise SessionError(
                "Nothing was sent: the same message is being answered already. Wait for that answer, or end it with"
                " %chat stop."
            )
        exchange.notices += self._record.notices
        self._record.notices.clear()
        taps: list[Callable[[list[Event]], None]] = []
        whole: Callable[[], None] = _nothing
        wanted = exchange.options.cache
        if self._limits.cache_is_on() if wanted is None else wanted:
            from nbchat.conversation.storage import replaying

            name = request.name = replaying.request_name(exchange.ask.endpoint, request)
            if exchange.options.replaces is None and (tape := replaying.stored(name, exchange.number)) is not None:
                return Delivery(replay=tape)
            recorder = replaying.Recorder(name, exchange)
            taps.append(recorder.add)
            whole = recorder.keep
        check_table()
        if self._limits.budget is not None:
            self._reserve(exchange, request, self._limits.budget)
        if not is_wanted():
            return Delivery(_all_of(taps), whole=whole)
        events: deque[Sequence[Event]] = deque()
        taps.append(events.append)
        return Delivery(_all_of(taps), functools.partial(self._journal, exchange, request, events), whole=whole)

    def _journal(self, exchange: Exchange, request: Request, events: deque[Sequence[Event]]) -> None:
        """Journal a request under way; the journal's modules are imported while the server works."""
        if (persistence := self._record.persistence) is not None:
            persistence.begin(exchange, request, events)

    def _reserve(self, exchange: Exchange, request: Request, budget: Budget) -> None:
        """Reserve a request's estimated cost in the budget. Raises BudgetExceeded."""
        prompt = prompt_tokens(request.body)
        completion = self._completion(exchange)
        tokens = None if prompt is None else prompt + completion
        cost = listed_price(exchange.ask.endpoint, exchange.ask.params.model, prompt, completion)
        notice = budget.check(spent(self._record, self._limits), cost, tokens)
        if notice is not None and notice not in exchange.notices:
            exchange.notices.append(notice)
        exchange.reserved = (cost or 0.0, tokens or 0)

    def _completion(self, exchange: Exchange) -> int:
        """Estimate an answer's tokens from earlier answers, up to the request's limit."""
        params = exchange.ask.params
        most = params.most_tokens
        known = [entry for entry in self._record.ledger if entry.usage.completion_tokens is not None]
        if not known:
            return (most or 0) * (params.n or 1)
        count = sum(entry.usage.completion_tokens or 0 for entry in known)
        usual = round(count / sum(entry.requests for entry in known))
        return usual if most is None else min(usual, most * (params.n or 1))


def spent(record: Record, limits: Limits) -> Spent:
    """Return what counts against the budget: a session's requests, or all of a day's, and what its own under way may take."""
    budget, persistence = limits.budget, record.persistence
    since = 0.0 if budget is None else budget.since()
    # Before the ledger: what is entered meanwhile is counted twice rather than not at all.
    cost, tokens = record.reserved
    known = Spent.of(entry for entry in record.ledger if entry.at >= since)
    if persistence is not None:
        try:
            of_session = None if budget is not None and budget.per_day else persistence.session_id
            found = persistence.journal.ledger.spent(since, of_session)
            known = max(known, found, key=lambda one: one.calls)  # the journal may lag behind, or be read-only
        except SessionError:
            pass
    return Spent(known.calls, known.cost + cost, known.tokens + tokens, known.cost_unknown, known.tokens_unknown)


def _nothing() -> None:
    """Do nothing."""


def _all_of(taps: Sequence[Callable[[list[Event]], None]]) -> Callable[[list[Event]], None] | None:
    if len(taps) < 2:
        return taps[0] if taps else None

    def show(events: list[Event]) -> None:
        for tap in taps:
            tap(events)

    return show
