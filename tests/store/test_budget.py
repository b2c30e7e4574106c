"""Budgets: parsing, and when a call no longer fits."""

import time

import pytest

from nbchat.store.ledger.budget import Budget
from nbchat.store.ledger.entries import Spent
from nbchat.values.errors import BudgetExceeded, ParameterError

WRITTEN = {
    "0.50": Budget(0.5),
    "$2": Budget(2.0),
    "2.00 per day": Budget(2.0, per_day=True),
    "$2/day": Budget(2.0, per_day=True),
    "20k tokens": Budget(20_000.0, "tokens"),
    "20,000 tokens": Budget(20_000.0, "tokens"),
    "1.5M tokens a day": Budget(1_500_000.0, "tokens", per_day=True),
    "3 dollars": Budget(3.0),
    "none": None,
    "off": None,
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_budget_is_parsed_in_every_form(text):
    assert Budget.parse(text) == WRITTEN[text]


@pytest.mark.parametrize("text", ["", "much", "-1", "0", "$5 tokens", "1.2.3", "5 per week", "1e9"])
def test_anything_else_is_refused(text):
    with pytest.raises(ParameterError, match="A budget must be"):
        Budget.parse(text)


def test_a_call_fits_until_it_would_cross_the_limit():
    budget = Budget(1.0)
    assert budget.check(Spent(cost=0.4), 0.6, None) is None
    with pytest.raises(BudgetExceeded, match=r"about \$0.61, and \$0.60 of the budget of \$1.00 is left"):
        budget.check(Spent(cost=0.4), 0.61, None)
    with pytest.raises(BudgetExceeded, match="used up"):
        budget.check(Spent(cost=1.0), 0.0, None)


def test_an_unknown_cost_is_reported_and_not_taken_as_zero():
    assert "unknown" in Budget(1.0).check(Spent(), None, 100)
    assert "unknown" in Budget(100, "tokens").check(Spent(), 0.1, None)
    with pytest.raises(BudgetExceeded, match="101 tokens"):
        Budget(100, "tokens").check(Spent(), None, 101)


def test_a_day_begins_at_midnight():
    since = Budget(1.0, per_day=True).since()
    assert time.localtime(since)[3:6] == (0, 0, 0)
    assert 0 <= time.time() - since < 25 * 3600
    assert Budget(1.0).since() == 0.0
