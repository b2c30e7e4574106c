"""Details of a result beside its values: failures, figures, and asking again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from nbchat.conversation.schemas.records import record_of
from nbchat.rows.outcome import Outcome
from nbchat.rows.pilot import Projection
from nbchat.rows.results.sparse_outcomes import SparseOutcomes
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import SessionError
from nbchat.values.frame import data_frame
from nbchat.values.wording import pluralize

__all__ = ["Details", "Mapped", "with_summary"]


class Details:
    """The outcomes of a run, row by row, and its figures.

    `about` says what was run: template, params, server. `usage`, `cost` (US dollars, None = unknown), `requests` and
    `seconds` are those of this run, without stored answers. `again` runs it again for the rows without an answer;
    `versions` finds the prompts that its rows were asked with.
    """

    def __init__(
        self,
        outcomes: Sequence[Outcome],
        about: Mapping[str, Any],
        *,
        usage: Usage,
        cost: float | None,
        requests: int,
        seconds: float,
        again: Callable[..., Any] | None = None,
        versions: Callable[[], Sequence[Any]] = list,
        notices: Sequence[str] = (),
        pilot: Projection | None = None,
    ) -> None:
        self.outcomes = outcomes
        self.about = about
        self.usage = usage
        self.cost = cost
        self.requests = requests
        self.seconds = seconds
        self.notices = tuple(notices)
        self.pilot = pilot
        """What a pilot tells of the rest; None = it was none."""
        sparse = outcomes if isinstance(outcomes, SparseOutcomes) else None
        self.counts: Counter[str] = Counter(one.status for one in outcomes) if sparse is None else sparse.counts
        self.stored = sum(one.stored for one in outcomes) if sparse is None else sparse.stored
        """The number of rows whose answer came from the journal."""
        self._again = again
        self._versions = versions

    def count(self, status: str) -> int:
        """Return the number of rows with this status."""
        return self.counts[status]

    def known(self) -> Iterable[tuple[int, Outcome]]:
        """Return the outcomes with their positions; of a run into a file, those of the rows without an answer."""
        return self.outcomes.kept() if isinstance(self.outcomes, SparseOutcomes) else enumerate(self.outcomes)

    @property
    def figures(self) -> dict[str, Any]:
        """The figures as JSON, for the journal's record of the run."""
        return {
            "status": "pilot" if self.pilot is not None else "incomplete" if self.counts["not sent"] else "complete",
            "rows": len(self.outcomes),
            "answered": self.counts["complete"],
            "failed": self.counts["failed"],
            "skipped": self.counts["skipped"],
            "stored": self.stored,
            "requests": self.requests,
            "usage": self.usage.to_dict(),
            "cost": self.cost,
            "seconds": round(self.seconds, 3),
        }

    @property
    def summary(self) -> str:
        """One line on rows that failed, were skipped or not sent; empty = none."""
        counts, total = self.counts, len(self.outcomes)
        parts = []
        if failed := counts["failed"]:
            parts.append(
                f"{failed:,} of {pluralize(total, 'row')} failed: .errors() lists them, .retry() asks them again"
            )
        if skipped := counts["skipped"]:
            parts.append(f"{pluralize(skipped, 'row')} skipped, because a field is missing")
        if left := counts["not sent"]:
            parts.append(f"{pluralize(left, 'row')} not sent: .retry() continues")
        return "; ".join([*parts, *self.notices])

    def watch(self, through: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Wrap `again` with this function, which shows the run; it gets and returns the function that runs the rows again."""
        if self._again is not None:
            self._again = through(self._again)

    def again(self, **options: Any) -> Any:
        """Ask the rows without an answer again. Raises SessionError for a result that was read from a file or the journal."""
        if self._again is None:
            raise SessionError(
                "This result was read from a file or the journal, so it can't be asked again: run map again."
            )
        return self._again(**options)

    def versions(self) -> Sequence[Any]:
        """Return the prompts that these rows were asked with: see `Mapped.versions`."""
        return self._versions()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_again": None, "_versions": list}  # sessions can't be pickled

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # details never change


class Mapped:
    """Mixin of every result of `map`, for everything beside its values."""

    details: Details

    def errors(self) -> Any:
        """Return the rows without an answer as a data frame; objects derived from a result have no such method.

        Columns: `row` (its position, from 0), `status` ("failed", "skipped", "not sent"), `error` (the class of it) and
        `reason`. Raises NbchatError if neither pandas nor polars is installed.
        """
        rows = [
            {
                "row": position,
                "status": outcome.status,
                "error": type(outcome.error).__name__ if outcome.status == "failed" else None,
                "reason": outcome.reason,
            }
            for position, outcome in self.details.known()
            if outcome.status != "complete"
        ]
        return data_frame(rows, ["row", "status", "error", "reason"], ())

    def disagreements(self) -> Any:
        """Return the rows whose repeats disagree as a data frame: `row`, `agreement` (the share of the majority), `answers`.

        Answers to a schema of one column are its values.
        """
        rows = [
            {"row": position, "agreement": outcome.agreement, "answers": [_plain(value) for value in outcome.values]}
            for position, outcome in self.details.known()
            if outcome.agreement is not None and outcome.agreement < 1.0
        ]
        return data_frame(rows, ["row", "agreement", "answers"], ("agreement",))

    def retry(self, **options: Any) -> Any:
        """Ask the rows without an answer again, and return the completed result, of the same type.

        `disagreeing=True` also asks those whose repeats disagree, until each has `repeat` answers (twice as many as before
        if not given). Other `options` replace those of the run: `concurrency`, `budget`, `model`, `max_tokens`, … Raises as
        `map` does.
        """
        return self.details.again(**options)

    @property
    def versions(self) -> Sequence[Any]:
        """The prompts and settings that these rows were asked with in this session, oldest first: see `Version`.

        Their answers are read from the journal; nothing is sent. There are none of the rows of iterators and files. Raises
        SessionError if the journal can't be read.
        """
        return self.details.versions()

    @property
    def failed(self) -> int:
        """The number of rows without an answer that failed or were not sent."""
        return self.details.count("failed") + self.details.count("not sent")

    @property
    def usage(self) -> Usage:
        """The tokens of the run's requests."""
        return self.details.usage

    @property
    def cost(self) -> float | None:
        """The cost of the run's requests in US dollars; None = unknown."""
        return self.details.cost


def with_summary(shown: str, result: Any) -> str:
    """Return a result's text with the summary of its details below it, if there is something to say."""
    summary = result.details.summary if hasattr(result, "details") else ""
    return f"{shown}\n{summary}" if summary else shown


def _plain(value: Any) -> Any:
    """Return the value of a record of one column, and any other value as it is."""
    record = record_of(value) if value is not None else None
    return next(iter(record.values())) if record is not None and len(record) == 1 else value
