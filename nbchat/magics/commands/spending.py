"""Tokens and cost: `%chat usage`, `ledger`, `budget` and `cache`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from nbchat.cells.usage_error import UsageError
from nbchat.display import chrome
from nbchat.display.footer import cost_text, tokens_text
from nbchat.frontend import Session, registry
from nbchat.magics.commands.command import command, say, show
from nbchat.tuning.plot import vega_type
from nbchat.values.answer.usage import Usage
from nbchat.values.wording import dollars, pluralize

__all__ = ["budget_text", "cost_of"]

MOST_ROWS = 50
"""Most requests that `%chat ledger` lists."""


def cost_of(costs: Sequence[float | None]) -> str:
    """Format the total cost of requests, in US dollars; None among them = unknown."""
    known = [cost for cost in costs if cost is not None]
    if not costs:
        return "nothing yet"
    if not known:
        return "unknown"
    rest = f" and {pluralize(len(costs) - len(known), 'request')} of unknown cost" if len(known) < len(costs) else ""
    return (dollars(sum(known), digits=4) if sum(known) else "free") + rest


@command("usage")
def _usage(shell: Any, _rest: str) -> None:
    """Show this session's tokens and cost by model."""
    entries = registry().current.ledger()
    rows = []
    for model in dict.fromkeys(entry.model or "?" for entry in entries):
        of_model = [entry for entry in entries if (entry.model or "?") == model]
        tokens = tokens_text(Usage.total(entry.usage for entry in of_model))
        rows.append([model, str(len(of_model)), tokens, cost_of([entry.cost for entry in of_model])])
    whole = tokens_text(registry().current.usage)
    rows.append(["all", str(len(entries)), whole, cost_of([entry.cost for entry in entries])])
    show(shell, chrome.table(["model", "requests", "tokens", "cost"], rows))


@command("ledger", "[all|months|plot]")
def _ledger(shell: Any, rest: str) -> None:
    """List this session's requests; all: those of all sessions; months: totals by month and model; plot: monthly cost."""
    if rest not in ("", "all", "months", "plot"):
        raise UsageError(f"%chat ledger takes all, months or plot, or nothing; got {rest!r}.")
    entries = registry().current.ledger(everywhere=bool(rest))
    if rest == "plot":
        chart = entries.plot().to_dict()
        show(shell, {vega_type(chart): chart, "text/plain": "cost of each month, by model"})
        return
    if rest == "months":
        columns = ["month", "model", "requests", "tokens", "cost"]
        rows = [[str(row[name]) for name in columns[:4]] + [cost_text(row["cost"])] for row in entries.months()]
        show(shell, chrome.table(columns, rows))
        return
    rows = [
        [
            time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at)),
            *([entry.session or ""] if rest else []),
            entry.model or "?",
            entry.status + (", replayed" if entry.replayed else ""),
            tokens_text(entry.usage),
            cost_text(entry.cost) or "unknown",
            f"{entry.timing.total or 0:.1f} s",
        ]
        for entry in entries[-MOST_ROWS:]
    ]
    if len(entries) > MOST_ROWS:
        say(shell, f"the last {MOST_ROWS} of {pluralize(len(entries), 'request')}")
    head = ["time", *(["session"] if rest else []), "model", "status", "tokens", "cost", "seconds"]
    show(shell, chrome.table(head, rows))


@command("budget", "[AMOUNT]")
def _budget(shell: Any, rest: str) -> None:
    """Limit spending: 0.50, 20k tokens, 2.00 per day; none removes the limit; alone, show it."""
    session = registry().current
    if rest:
        session.budget = rest
    say(shell, f"budget: {budget_text(session)}")


def budget_text(session: Session) -> str:
    """Describe the budget and how much of it is used."""
    budget = session.budget
    if budget is None:
        return "none"
    spent = session.spent
    unknown = spent.cost_unknown if budget.unit == "dollars" else spent.tokens_unknown
    rest = f", and {pluralize(unknown, 'request')} of unknown {'cost' if budget.unit == 'dollars' else 'size'}"
    return f"{budget.shown(budget.used(spent))} of {budget} used{rest if unknown else ''}"


@command("cache", "[on|off]")
def _cache(shell: Any, rest: str) -> None:
    """Replay stored answers to identical requests, at no cost; alone, show whether it is on."""
    session = registry().current
    if rest:
        if rest not in ("on", "off"):
            raise UsageError(f"%chat cache takes on or off; got {rest!r}.")
        session.cache = rest == "on"
    state = "on: identical requests are answered from the store" if session.cache else "off"
    say(shell, f"cache {state}")
