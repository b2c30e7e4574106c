"""Ledger rows as a table, monthly sums, and a plot."""

from __future__ import annotations

import time
from typing import Any

from nbchat.store.ledger import Entry
from nbchat.values.errors import ConfigError
from nbchat.values.frame import data_frame

__all__ = ["Entries"]

NUMBERS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost", "first_token", "seconds")


class Entries(list[Entry]):
    """A list of calls, oldest first, that displays as a table. Replayed calls are rows with zero cost."""

    def rows(self) -> list[dict[str, Any]]:
        """Return a dict for each call: times in seconds, cost in US dollars; None = unknown."""
        return [entry.row() for entry in self]

    def to_frame(self) -> Any:
        """Return a pandas or polars data frame with a row for each call. Raises NbchatError if neither is installed."""
        rows = [{**row, "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["time"]))} for row in self.rows()]
        columns = list(_EMPTY.row())
        return data_frame(rows, columns, (*NUMBERS, "tokens_per_second"))

    def months(self) -> list[dict[str, Any]]:
        """Return a dict for each month and model: requests, tokens, cost (None = unknown), and calls of `unknown` cost."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self:
            month = time.strftime("%Y-%m", time.localtime(entry.at))
            groups.setdefault((month, entry.model or "?"), []).append(entry)
        return [_summed(month, model, entries) for (month, model), entries in sorted(groups.items())]

    def plot(self) -> Any:
        """Plot the cost of each month by model, as an Altair chart. Raises ConfigError if Altair is not installed."""
        try:
            import altair
        except ImportError:
            raise ConfigError("A plot needs Altair: pip install 'jupyter-nbchat[plot]'.") from None
        data = altair.Data(values=[row for row in self.months() if row["cost"] is not None])
        axes = {"x": altair.X("month:O"), "y": altair.Y("sum(cost):Q", title="cost ($)"), "color": "model:N"}
        tooltip = ["month:O", "model:N", "requests:Q", "tokens:Q", "cost:Q"]
        return altair.Chart(data).mark_bar().encode(**axes, tooltip=tooltip)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Display as the data frame does."""
        try:
            frame = self.to_frame()
        except Exception:  # noqa: BLE001  # no library of data frames is installed
            return {"text/plain": list.__repr__(self)}
        html = getattr(frame, "_repr_html_", None)
        return {"text/plain": repr(frame), **({"text/html": html()} if html is not None else {})}


def _summed(month: str, model: str, entries: list[Entry]) -> dict[str, Any]:
    paid = [entry for entry in entries if not entry.replayed]
    costs = [entry.cost for entry in paid if entry.cost is not None]
    tokens = [entry.usage.total_tokens for entry in paid if entry.usage.total_tokens is not None]
    return {
        "month": month,
        "model": model,
        "requests": len(entries),
        "replayed": len(entries) - len(paid),
        "tokens": sum(tokens),
        "cost": sum(costs) if costs else None,
        "unknown": len(paid) - len(costs),
    }


_EMPTY = Entry.empty()
