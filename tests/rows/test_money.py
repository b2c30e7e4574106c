"""What a run costs: one growing row of the ledger, exact sums, budgets that are never crossed."""

import json

import pytest

from nbchat.frontend import Session
from nbchat.rows import storage as storage
from nbchat.rows.budgets import budget_of
from nbchat.store.ledger.budget import Budget
from nbchat.testing import Say, Status
from nbchat.values.errors import BudgetExceeded, ParameterError, QuotaExceeded

ROWS = [str(number) for number in range(40)]


@pytest.fixture
def prices(tmp_path, monkeypatch):
    """A price for the model: a dollar for a million tokens in, two for one out."""
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({name: {"input": 1.0, "output": 2.0} for name in ("m", "scripted-1")}))
    monkeypatch.setenv("NBCHAT_PRICES", str(path))
    return path


def test_a_run_is_one_row_of_the_ledger(chat, prices):
    result = chat.map(ROWS, "{item}")
    (entry,) = chat.ledger()
    assert (entry.requests, entry.usage.total_tokens) == (40, 40 * 18)
    assert entry.cost == pytest.approx(40 * (12 + 2 * 6) / 1e6)
    assert (result.usage.total_tokens, result.cost) == (entry.usage.total_tokens, pytest.approx(entry.cost))
    assert chat.usage.total_tokens == 40 * 18
    chat.map(ROWS, "{item}")
    assert len(chat.ledger()) == 1


def test_the_journal_has_the_same_row(chat, prices):
    chat.map(ROWS, "{item}")
    (stored,) = Session().ledger(everywhere=True)
    assert stored == chat.ledger()[0]
    assert (stored.requests, stored.session) == (40, "default")
    assert stored.row()["requests"] == 40


def test_each_hour_of_a_run_has_a_row(chat, monkeypatch):
    monkeypatch.setattr(storage, "ENTRY_SECONDS", 0.0)
    chat.map(ROWS, "{item}", concurrency=1)
    assert len(chat.ledger()) > 1
    assert sum(entry.requests for entry in chat.ledger()) == 40
    everywhere = chat.ledger(everywhere=True)
    assert sum(entry.requests for entry in everywhere) == 40
    assert everywhere.months()[0]["requests"] == 40


@pytest.mark.parametrize(("budget", "most"), [("100 tokens", 5), ("18 tokens", 1), ("19 tokens", 1), ("1k tokens", 55)])
@pytest.mark.parametrize("options", [{}, {"max_tokens": 6}, {"concurrency": 1}, {"concurrency": 64}], ids=str)
def test_a_budget_ends_the_run_before_it_is_crossed(chat, server, budget, most, options):
    rows = [f"row {number}" for number in range(200)]
    with pytest.raises(BudgetExceeded, match="answered and kept") as stopped:
        chat.map(rows, "{item}", budget=budget, **options)
    result = stopped.value.result
    limit = budget_of(budget).limit
    assert len(server.requests) * 18 == result.usage.total_tokens <= limit
    assert result.details.count("complete") == len(server.requests) >= 0.6 * most
    assert "budget" in result.errors()["reason"].iloc[-1]
    assert result.retry(budget=None).failed == 0
    assert len(server.requests) == 200


@pytest.mark.parametrize("turn", range(6))
def test_no_more_rows_go_before_the_first_answer_is_known(chat, server, turn):
    """Its tokens are counted in one thread and settled in another: in between nothing else may be sent."""
    server.default = lambda request: Say("x", usage=(90, 10))
    with pytest.raises(BudgetExceeded):
        chat.map(ROWS, "{item}", budget="1k tokens", concurrency=2 + turn)
    assert len(server.requests) <= 10


def test_a_budget_in_dollars(chat, server, prices):
    with pytest.raises(BudgetExceeded) as stopped:
        chat.map(ROWS, "{item}", budget=0.0003)
    assert 0.0002 < stopped.value.result.cost <= 0.0003
    assert chat.map(ROWS, "{item}", budget=1.0).failed == 0
    assert len(server.requests) == 40


def test_a_budget_in_dollars_needs_a_price(chat, server):
    with pytest.raises(BudgetExceeded, match="NBCHAT_PRICES"):
        chat.map(ROWS, "{item}", budget=1.0)
    assert len(server.requests) == 1


def test_the_sessions_budget_holds_too(chat, server):
    chat.ask("Hi", display=False)
    chat.budget = "100 tokens"
    with pytest.raises(BudgetExceeded):
        chat.map(ROWS, "{item}")
    assert chat.spent.tokens <= 100
    assert len(server.requests) > 2


@pytest.mark.parametrize("budget", ["many", -1, 0, True, "2.00 per day", [1]])
def test_what_is_no_budget_for_a_run(chat, server, budget):
    with pytest.raises(ParameterError):
        chat.map(ROWS, "{item}", budget=budget)
    assert not server.requests


def test_a_budget_may_be_one_already():
    assert budget_of(Budget(5.0)) == Budget(5.0) == budget_of("5") == budget_of(5)


def test_no_credit_stops_the_run_and_keeps_what_there_is(chat, server):
    server.default = lambda request: Status(402) if "3" in request.json["messages"][-1]["content"] else Say("x")
    with pytest.raises(QuotaExceeded, match="answered and kept") as stopped:
        chat.map(ROWS, "{item}", concurrency=1)
    assert len(server.requests) == 4
    assert list(stopped.value.result[:4]) == ["x", "x", "x", None]
