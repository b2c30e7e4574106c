"""The runs over rows that a session has made, from the journal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from nbchat.store.opening import journal
from nbchat.store.rows import RunRow
from nbchat.values.errors import NbchatError
from nbchat.values.frame import data_frame

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["PastRuns", "past_runs"]

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("template", "requests_of", "status"), str),
    **dict.fromkeys(("rows", "answered", "failed", "skipped"), int),
    "params": dict,
    "cost": (int, float),
}

COLUMNS = ("time", "template", "model", "params", "rows", "answered", "failed", "skipped", "cost", "status", "run")


class PastRuns(list[RunRow]):
    """Runs, oldest first, that display as a table: each prompt that rows were asked with is a version of their answers.

    Its answers stay in the journal, so that running an earlier template and parameters again costs nothing.
    """

    def rows(self) -> list[dict[str, Any]]:
        """Return a dict for each run. `status` is "running" for one that was killed; None = unknown."""
        return [
            {
                **{name: run.about.get(name) for name in COLUMNS},
                "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.at)),
                "model": dict(run.about.get("params") or {}).get("model"),
                "run": run.id,
            }
            for run in self
        ]

    def to_frame(self) -> Any:
        """Return a data frame with a row for each run. Raises NbchatError if neither pandas nor polars is installed."""
        return data_frame(self.rows(), COLUMNS, ("cost",))

    def _repr_html_(self) -> str | None:
        try:
            html = getattr(self.to_frame(), "_repr_html_", None)
        except NbchatError:  # no library of data frames is installed
            return None
        return None if html is None else str(html())


def past_runs(session: Session) -> PastRuns:
    """Return a session's runs; none where nothing is journalled. Raises SessionError if the journal can't be read."""
    file, own = journal(), session.journal_id
    if file is None or own is None or not file.exists():
        return PastRuns()
    return PastRuns(replace(run, about=_readable(run.about)) for run in file.rows.runs(own))


def _readable(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a run, without fields of a damaged record that are of another type."""
    return {name: value for name, value in about.items() if isinstance(value, _TYPES.get(name, object))}
