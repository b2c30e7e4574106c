"""Ledger rows, one for each call or hour of a run: as a table, as monthly sums, and as a plot."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, Self

from msgspec import Struct, field

from nbchat.api.endpoints import Endpoint
from nbchat.api.prices import CostSource, priced
from nbchat.values.answer.reply import Reply, Status, Timing
from nbchat.values.answer.usage import UNKNOWN, Usage
from nbchat.values.errors import ConfigError
from nbchat.values.frozen import Incidental

__all__ = ["Entries", "Entry", "Spent"]

NUMBERS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost", "first_token", "seconds")


class Entry(Incidental, frozen=True):
    """The figures of one call.

    `endpoint` is the server's display name, `model` the model that answered (None = unknown); `cost` is in US dollars,
    None = unknown; `at` is when the row was made, in seconds since the epoch. `finish` is the finish reason, None = never
    sent; `tries` counts the first attempt too. `session` is the session's name, `notebook` a path, `cell` the front end's
    cell id; None = none, or deleted. `requests` is how many it sums up: a run over rows has a row for each hour of it, with
    the sums of its usage, cost and seconds. A `replayed` answer came from the cache, under the hash `request` (None = the
    cache was not used). `raw_usage` is the server's own usage object; None = it sent none.
    """

    _incidental = ("id",)

    endpoint: str
    model: str | None
    status: Status
    usage: Usage
    cost: float | None
    timing: Timing
    at: float = field(default_factory=time.time)
    cost_source: CostSource = "none"
    finish: str | None = None
    tries: int = 1
    request_id: str | None = None
    replayed: bool = False
    session: str | None = None
    notebook: str | None = None
    cell: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    request: str | None = None
    requests: int = 1
    raw_usage: Mapping[str, Any] | None = None
    id: str = field(default_factory=lambda: os.urandom(8).hex())

    @classmethod
    def of(cls, reply: Reply, endpoint: Endpoint, **more: Any) -> Self:
        """Return the row of a reply that `endpoint` just gave; `more` are further fields."""
        return cls(
            endpoint.title,
            reply.model,
            reply.status,
            reply.usage,
            reply.cost,
            reply.timing,
            cost_source="none" if reply.cost is None else priced(endpoint, reply.model, reply.usage)[1],
            finish=reply.finish_reason,
            tries=reply.tries,
            request_id=reply.request_id,
            replayed=reply.replayed,
            raw_usage=reply.raw_usage,
            **more,
        )

    @classmethod
    def empty(cls) -> Self:
        """Return a row in which every figure is unknown."""
        return cls("", None, "complete", UNKNOWN, None, Timing())

    def row(self) -> dict[str, Any]:
        """Return the table row: a plain value for each column name; None = unknown."""
        usage, timing = self.usage, self.timing
        return {
            "time": self.at,
            "session": self.session,
            "notebook": self.notebook,
            "cell": self.cell,
            "endpoint": self.endpoint,
            "model": self.model,
            "params": dict(self.params),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "usage": usage.state,
            "cost": self.cost,
            "cost_source": self.cost_source,
            "first_token": timing.first_token,
            "seconds": timing.total,
            "tokens_per_second": timing.tokens_per_second(usage.completion_tokens),
            "status": self.status,
            "finish": self.finish,
            "tries": self.tries,
            "requests": self.requests,
            "replayed": self.replayed,
            "request_id": self.request_id,
        }


class Spent(Struct, frozen=True):
    """The total of calls: US dollars and tokens as far as known, and the numbers of calls for which they are not."""

    calls: int = 0
    cost: float = 0.0
    tokens: int = 0
    cost_unknown: int = 0
    tokens_unknown: int = 0

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Return the total of these calls."""
        paid = [entry for entry in entries if not entry.replayed]
        costs = [entry.cost for entry in paid if entry.cost is not None]
        tokens = [entry.usage.total_tokens for entry in paid if entry.usage.total_tokens is not None]
        return cls(len(paid), sum(costs), sum(tokens), len(paid) - len(costs), len(paid) - len(tokens))


class Entries(list[Entry]):
    """A list of calls, oldest first, that displays as a table. Replayed calls are rows with zero cost."""

    def rows(self) -> list[dict[str, Any]]:
        """Return a dict for each call: times in seconds, cost in US dollars; None = unknown."""
        return [entry.row() for entry in self]

    def to_frame(self) -> Any:
        """Return a pandas or polars data frame with a row for each call. Raises NbchatError if neither is installed."""
        from nbchat.values.frame import data_frame  # not needed to add a call

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
        "requests": sum(entry.requests for entry in entries),
        "replayed": len(entries) - len(paid),
        "tokens": sum(tokens),
        "cost": sum(costs) if costs else None,
        "unknown": len(paid) - len(costs),
    }


_EMPTY = Entry.empty()
