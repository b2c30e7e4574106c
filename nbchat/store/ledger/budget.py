"""Spending limits, and whether one more call fits."""

from __future__ import annotations

import re
import time
from typing import Literal, Self

from msgspec import Struct

from nbchat.store.ledger.entries import Spent
from nbchat.values.errors import BudgetExceeded, ParameterError
from nbchat.values.wording import dollars

__all__ = ["Budget", "Unit"]

Unit = Literal["dollars", "tokens"]

_WRITTEN = (
    r"(?P<dollar>\$)?\s*(?P<number>\d+(?:[.,_]\d+)*)\s*(?P<scale>[kKmM])?\s*(?P<unit>tokens?|dollars?|usd)?"
    r"(?P<day>\s*(?:per|a|/)\s*day)?"
)

_SCALES = {"k": 1_000, "m": 1_000_000}

EXPECTED = "an amount such as 0.50, $2 per day, 20k tokens, 100k tokens per day, or none"


class Budget(Struct, frozen=True):
    """A limit on what may be spent: US dollars or tokens, by one session, or by all of them in a day."""

    limit: float
    unit: Unit = "dollars"
    per_day: bool = False

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a budget; "none" is None. Raises ParameterError."""
        if text.strip().lower() in ("none", "off"):
            return None
        found = re.fullmatch(_WRITTEN, text.strip(), re.IGNORECASE)
        in_tokens = found is not None and (found["unit"] or "").lower().startswith("token")
        if found is None or (found["dollar"] and in_tokens):
            raise ParameterError(f"A budget must be {EXPECTED}; got {text.strip()!r}.")
        unit: Unit = "tokens" if in_tokens else "dollars"
        number = re.sub("[,_](?=[0-9]{3})", "", found["number"]).replace(",", ".")
        try:
            limit = float(number) * _SCALES.get((found["scale"] or "").lower(), 1)
        except ValueError:
            raise ParameterError(f"A budget must be {EXPECTED}; got {text.strip()!r}.") from None
        if limit <= 0:
            raise ParameterError(f"A budget must be above 0; got {text.strip()!r}. %chat budget none removes it.")
        return cls(limit, unit, found["day"] is not None)

    def __str__(self) -> str:
        return f"{self.shown(self.limit)}{' per day' if self.per_day else ''}"

    def used(self, spent: Spent) -> float:
        """The amount spent, in the budget's unit."""
        return spent.cost if self.unit == "dollars" else float(spent.tokens)

    def check(self, spent: Spent, cost: float | None, tokens: int | None) -> str | None:
        """Raise BudgetExceeded if a call of this estimate does not fit; return a notice if the estimate is unknown, else None."""
        used, estimate = self.used(spent), cost if self.unit == "dollars" else tokens
        if used >= self.limit:
            raise BudgetExceeded(
                f"The budget of {self} is used up ({self.shown(used)} spent). Nothing was sent; %chat budget sets another."
            )
        if estimate is None:
            what = "cost" if self.unit == "dollars" else "size"
            return f"this answer does not count towards the budget of {self}: its {what} is unknown"
        if used + estimate > self.limit:
            raise BudgetExceeded(
                f"This call would take about {self.shown(estimate)}, and {self.shown(max(0.0, self.limit - used))} of the budget"
                f" of {self} is left. Nothing was sent; %chat budget sets another."
            )
        return None

    def shown(self, amount: float) -> str:
        """Format an amount in the budget's unit."""
        return dollars(amount, digits=4) if self.unit == "dollars" else f"{amount:,.0f} tokens"

    def since(self) -> float:
        """The time from which calls count, in seconds since the epoch: local midnight for a budget per day."""
        if not self.per_day:
            return 0.0
        today = time.localtime()
        return time.mktime((today.tm_year, today.tm_mon, today.tm_mday, 0, 0, 0, 0, 0, -1))
