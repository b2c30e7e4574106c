"""The budgets of a run: its own and its session's, including the estimated use of rows under way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nbchat.api.prices import listed_price
from nbchat.rows.form import Form
from nbchat.rows.tally import Tally
from nbchat.store.ledger.budget import Budget
from nbchat.values.answer.usage import estimate_tokens, prompt_tokens
from nbchat.values.errors import BudgetExceeded, ParameterError
from nbchat.values.messages import Content

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["Budgets", "budget_of"]

MARGIN = 1.25
"""Factor by which a row may exceed earlier rows."""

REFRESH_SECONDS = 5.0
"""Seconds after which the session's spending is looked up again: other kernels may share a budget per day."""


def budget_of(given: Budget | str | float | None) -> Budget | None:
    """A run's own budget: dollars, or "0.50", "20k tokens"; None = none. Raises ParameterError."""
    if given is None or isinstance(given, Budget):
        budget = given
    elif isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise ParameterError(f'A budget is an amount such as 0.50 or "20k tokens"; got {given!r}.')
    else:
        budget = Budget.parse(str(given))
    if budget is not None and budget.per_day:
        raise ParameterError("A run's budget is for the run: give an amount without 'per day', or set session.budget.")
    return budget


class Budgets:
    """Decides whether another row fits into the budgets, and reserves its estimate until it has ended.

    The first row is sent alone, because its answer can't be estimated; each later row is expected to be as long as the
    longest so far, within `max_tokens`. Rows wait for others' reservations, so that a run ends just before its limit.
    """

    def __init__(self, session: Session, form: Form, tally: Tally, budget: Budget | None) -> None:
        self._session = session
        self._form = form
        self._tally = tally
        self._own = budget
        self._rows = 0  # under way
        self._prompts = 0  # their estimated tokens
        self._answered = 0  # the estimated tokens of the answered prompts
        self._overhead = prompt_tokens(form.ask.request().body) or 0
        self._others = 0.0  # what the session's budget was charged besides this run
        self._looked: float | None = None

    @property
    def limited(self) -> bool:
        """Whether there is any budget."""
        return self._own is not None or self._session.budget is not None

    def take(self, content: Content) -> bool:
        """Reserve a row's estimate; False = it must wait for one under way.

        Raises BudgetExceeded if it does not fit although nothing is under way, or if its cost in dollars is unknown.
        """
        size = self._size(content)
        for budget, used in self._budgets():
            needed = self._needed(budget, self._prompts + size, self._rows + 1)
            if needed is not None and used < budget.limit and used + needed <= budget.limit:
                continue
            if self._rows:
                return False
            if needed is not None or used >= budget.limit:
                raise _exceeded(budget, used)
        self._rows += 1
        self._prompts += size
        return True

    def give(self, content: Content, *, answered: bool) -> None:
        """Release the reservation of an ended row."""
        size = self._size(content)
        self._rows -= 1
        self._prompts -= size
        self._answered += size * answered

    def _size(self, content: Content) -> int:
        """Estimate the tokens of a row's prompt."""
        text = content if isinstance(content, str) else "".join(getattr(part, "text", "") for part in content)
        return self._overhead + estimate_tokens(text)

    def _budgets(self) -> list[tuple[Budget, float]]:
        """Return each budget with the amount spent."""
        found = []
        if self._own is not None:
            found.append((self._own, self._spent(self._own)))
        if (session := self._session.budget) is not None:
            now = time.monotonic()
            if self._looked is None or now - self._looked > REFRESH_SECONDS:
                self._others, self._looked = session.used(self._session.spent) - self._spent(session), now
            found.append((session, self._others + self._spent(session)))
        return found

    def _spent(self, budget: Budget) -> float:
        """Return the amount that this run has spent, in the budget's unit."""
        return float(self._tally.total_tokens) if budget.unit == "tokens" else self._tally.cost or 0.0

    def _needed(self, budget: Budget, prompt: int, rows: int) -> float | None:
        """Estimate what these rows take, in the budget's unit; None = unknown before the first answer."""
        tally, params = self._tally, self._form.ask.params
        if budget.unit == "dollars" and self._form.ask.endpoint.is_own:
            return 0.0
        if not tally.requests or not self._answered:  # the tally is ahead of `give`, by the row that shows the ratio
            return None
        most = params.most_tokens
        longest = tally.longest * MARGIN
        completion = (longest if most is None else min(longest, most)) * rows
        tokens = prompt * self._ratio() * MARGIN + completion
        if budget.unit == "tokens":
            return tokens
        if not tally.priced:
            raise BudgetExceeded(
                f"The cost of {tally.model or 'this model'} is unknown, so the budget of {budget} can't be enforced: give one"
                ' in tokens ("200k tokens"), or the price in the file that NBCHAT_PRICES names.'
            )
        endpoint = self._form.ask.endpoint
        listed = listed_price(endpoint, tally.model, round(prompt * self._ratio()), round(completion))
        return tokens * (tally.cost or 0.0) / max(1, tally.total_tokens) if listed is None else listed * MARGIN

    def _ratio(self) -> float:
        """Return the server's prompt tokens per estimated token."""
        counted = self._tally.prompt_tokens
        return counted / self._answered if counted and self._answered else 1.0


def _exceeded(budget: Budget, used: float) -> BudgetExceeded:
    return BudgetExceeded(
        f"The budget of {budget} is used up: {budget.shown(used)} spent, and another row may not fit."
    )
