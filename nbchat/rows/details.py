"""Details of a result beside its values: failures, figures, and asking again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbchat.rows.outcome import Outcome
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import SessionError
from nbchat.values.frame import data_frame
from nbchat.values.plural import pluralize

__all__ = ["Details", "Mapped"]


class Details:
    """The outcomes of a run, row by row, and its figures.

    `usage` and `cost` (US dollars, None = unknown) are those of this run's own requests; stored answers are not
    included.
    """

    def __init__(
        self,
        outcomes: Sequence[Outcome],
        template: str,
        settings: Mapping[str, Any],
        *,
        usage: Usage,
        cost: float | None,
        requests: int,
        seconds: float,
        run: str,
        again: Callable[..., Any] | None,
        notices: Sequence[str] = (),
    ) -> None:
        self.outcomes = outcomes
        self.template = template
        self.settings = settings
        self.usage = usage
        self.cost = cost
        self.requests = requests
        self.seconds = seconds
        self.run = run
        self.notices = tuple(notices)
        self._again = again

    def count(self, status: str) -> int:
        """Return the number of rows with this status."""
        return sum(1 for outcome in self.outcomes if outcome.status == status)

    @property
    def stored(self) -> int:
        """The number of rows whose answer came from the journal."""
        return sum(1 for outcome in self.outcomes if outcome.stored)

    @property
    def summary(self) -> str:
        """One line on rows that failed, were skipped or not sent; empty = none."""
        total = len(self.outcomes)
        parts = []
        if failed := self.count("failed"):
            parts.append(
                f"{failed:,} of {pluralize(total, 'row')} failed: .errors() lists them, .retry() asks them again"
            )
        if skipped := self.count("skipped"):
            parts.append(f"{pluralize(skipped, 'row')} skipped, because a field is missing")
        if left := self.count("not sent"):
            parts.append(f"{pluralize(left, 'row')} not sent: .retry() goes on")
        return "; ".join([*parts, *self.notices])

    def again(self, **options: Any) -> Any:
        """Ask the rows without an answer again. Raises SessionError for a result that was read from a file."""
        if self._again is None:
            raise SessionError("This result was read from a file, so it can't be asked again: run map anew.")
        return self._again(**options)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_again": None}  # sessions can't be pickled

    def __deepcopy__(self, memo: Any) -> Details:
        return self  # never changes


class Mapped:
    """Mixin of every result of `map`: `details`, and shortcuts to them."""

    details: Details

    def errors(self) -> Any:
        """Return the rows without an answer as a data frame (a list of dicts if no data frame library is installed).

        Columns: `row` (position from 0), `status`, `error` (the class), `reason`.
        """
        rows = [
            {
                "row": position,
                "status": outcome.status,
                "error": None if outcome.status == "skipped" else type(outcome.error).__name__,
                "reason": outcome.reason,
            }
            for position, outcome in enumerate(self.details.outcomes)
            if outcome.status != "complete"
        ]
        try:
            return data_frame(rows, ["row", "status", "error", "reason"], ())
        except ImportError:
            return rows

    def retry(self, **options: Any) -> Any:
        """Ask the rows without an answer again, and return the completed result, of the same type.

        `options` replace those of the run: `max_tokens`, `model`, `budget`, … Raises as `map` does.
        """
        return self.details.again(**options)

    @property
    def failed(self) -> int:
        """The number of rows without an answer, skipped ones aside."""
        return self.details.count("failed") + self.details.count("not sent")

    @property
    def usage(self) -> Usage:
        """The tokens of the run's requests."""
        return self.details.usage

    @property
    def cost(self) -> float | None:
        """The cost of the run's requests in US dollars; None = unknown."""
        return self.details.cost
