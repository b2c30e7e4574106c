"""`Sweep`, the result of a sweep: table, views, summary, verdict, and applying a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field
from msgspec.structs import replace

from nbchat.conversation.turn import Turn
from nbchat.tuning.agreement import most_compared
from nbchat.tuning.diff import Diff
from nbchat.tuning.grid import Grid, Setting, setting_text
from nbchat.tuning.run import COLUMNS, NUMBERS, Run
from nbchat.tuning.statistics import Mean, finite
from nbchat.tuning.summary import AllRuns, Summary
from nbchat.tuning.verdict import Measured, Verdict, agreement_verdict, verdict
from nbchat.values.answer.rating import Rating
from nbchat.values.arguments import checked_methods
from nbchat.values.errors import ParameterError, SessionError
from nbchat.values.frame import data_frame
from nbchat.values.messages import Message
from nbchat.values.wording import nearest, pluralize

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["Asked", "Sweep"]


class Asked(Struct):
    """What a sweep asked, shared by all its views.

    `fixed` are the options that were the same for all runs; `model_named` is whether the user chose the model, rather
    than the endpoint; `applied` is the turn last applied to the session, None = none. `ratings` are a reader's, by row.
    """

    session: Session
    message: Message
    grid: Grid
    fixed: dict[str, Any]
    model_named: bool = True
    applied: Turn | None = None
    ratings: dict[int, Rating] = field(default_factory=dict)


@checked_methods
class Sweep:
    """The runs of a sweep, or a filtered or sorted view of them. A run keeps its row number in every view.

    `sweep[3]` is the run of row 3; iteration is in the view's order. A view selects the rows that are shown and the
    settings that are compared. Agreement, means and verdict of a setting always use all its runs in the whole sweep:
    otherwise, filtering for "yes" would make any answers agree.

    `all_runs` are the sweep's runs that this is a view of; None = not a view.
    """

    def __init__(self, asked: Asked, runs: Sequence[Run], all_runs: AllRuns | None = None) -> None:
        self._asked = asked
        self.runs = tuple(runs)
        self._all = all_runs or AllRuns(self.runs)

    # The runs

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __getitem__(self, index: int) -> Run:
        run = self._by_index.get(index)
        if run is None:
            raise IndexError(f"There is no run {index!r} here; rows are {_ranges(sorted(self._by_index))}.")
        return run

    @cached_property
    def _by_index(self) -> dict[int, Run]:
        return {run.index: run for run in self.runs}

    @property
    def message(self) -> Message:
        """The message that was sent."""
        return self._asked.message

    @property
    def grid(self) -> Grid:
        """The axes and number of repeats."""
        return self._asked.grid

    @property
    def session(self) -> Session:
        """The session whose history and settings were used."""
        return self._asked.session

    @property
    def complete(self) -> list[Run]:
        """The runs with a complete answer."""
        return [run for run in self.runs if run.status == "complete"]

    @property
    def failed(self) -> list[Run]:
        """The runs that failed, except those that were stopped or never sent."""
        return [run for run in self.runs if run.status in ("failed", "cut_off")]

    @property
    def cost(self) -> float | None:
        """The total in US dollars of all runs whose cost is known; None = known for none."""
        known = finite(run.cost for run in self.runs)
        return sum(known) if known else None

    def __repr__(self) -> str:
        done = f"{len(self.complete)} of {len(self)} runs complete"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"<Sweep {self.grid}: {done}{failed}. {self.verdict()}>"

    # Views

    def filter(self, where: Callable[[Run], bool] | None = None, **values: Any) -> Self:
        """Return a view of the runs for which `where(run)` is true and whose columns have these values (a list = any of them).

        Raises ParameterError for an unknown column.
        """
        for name in values:
            self._check_column(name)
        wanted = {name: value if isinstance(value, (list, set)) else [value] for name, value in values.items()}

        def fits(run: Run) -> bool:
            row = self._row(run) if wanted else {}
            return all(row[name] in among for name, among in wanted.items()) and (where is None or bool(where(run)))

        return self._view([run for run in self.runs if fits(run)])

    def sort(self, by: str, *, descending: bool = False) -> Self:
        """Return a view sorted by a column, missing values last. Raises ParameterError for an unknown column."""
        self._check_column(by)
        values = {run.index: self._row(run)[by] for run in self.runs}
        known = [run for run in self.runs if values[run.index] is not None]
        kinds = {isinstance(values[run.index], (int, float)) for run in known}
        key = (lambda run: values[run.index]) if len(kinds) == 1 else (lambda run: str(values[run.index]))
        ordered = sorted(known, key=key, reverse=descending)
        return self._view([*ordered, *(run for run in self.runs if values[run.index] is None)])

    def shuffled(self, chance: Random) -> Self:
        """Return a view of the runs in a random order."""
        return self._view(chance.sample(self.runs, len(self.runs)))

    def _view(self, runs: Sequence[Run]) -> Self:
        return type(self)(self._asked, runs, self._all)

    def diff(self, i: int, j: int) -> Diff:
        """Return the word-by-word difference between the answers of rows i and j."""
        return Diff.of(self[i].text, self[j].text)

    # The table

    @property
    def columns(self) -> list[str]:
        """The table's columns: run number, axes, and results."""
        axes = [axis.name for axis in self.grid.axes]
        return ["run", *axes, *(name for name in COLUMNS if name not in axes)]

    def table_rows(self) -> list[dict[str, Any]]:
        """Return a dict for each run, by `columns`; None = unknown. Texts and errors are raw: escape them."""
        return [{name: row[name] for name in self.columns} for row in map(self._row, self.runs)]

    def to_frame(self) -> Any:
        """Return the table as a pandas data frame, else a polars one. Raises NbchatError if neither is installed."""
        return data_frame(self.table_rows(), self.columns, NUMBERS)

    def _row(self, run: Run) -> dict[str, Any]:
        mean = self._all.agreements[run.setting]
        return run.row(None if mean is None else mean.mean, self._asked.ratings.get(run.index))

    def _check_column(self, name: str) -> None:
        if name not in self.columns:
            raise ParameterError(f"There is no column {name}.{nearest(name, self.columns)}")

    # Human judgement

    def rate(
        self, index: int, *, thumb: bool | None = None, score: float | None = None, note: str | None = None
    ) -> Rating:
        """Rate a run's answer, and return the complete rating; None = unchanged.

        Ratings are columns of `to_frame()`. While there are any, the verdict uses them instead of scores: the rating's
        score, else 1 for a thumb up and 0 for one down. Raises ParameterError, and IndexError if there is no such row.
        """
        given = {"thumb": thumb, "score": score, "note": note}
        changes = {name: value for name, value in given.items() if value is not None}
        rating = replace(self.rating(index) or Rating(), **changes)
        self.set_rating(index, rating)
        return rating

    def set_rating(self, index: int, rating: Rating | None) -> None:
        """Replace a run's rating, in the journal too; None removes it. Raises as `rate`."""
        run = self[index]
        if rating:
            self._asked.ratings[run.index] = rating
        else:
            self._asked.ratings.pop(run.index, None)
        if run.turn is not None:
            self.session.keep_rating(run.turn, rating or None)

    def rating(self, index: int) -> Rating | None:
        """A run's rating; None = it has none."""
        return self._asked.ratings.get(index)

    @property
    def rated(self) -> bool:
        """Whether any rating has a number, so that the verdict uses ratings."""
        return any(rating.value is not None for rating in self._asked.ratings.values())

    def score_of(self, run: Run) -> float | None:
        """Return a run's rating if any run is rated, else its score; None = it has none."""
        if not self.rated:
            return run.score
        rating = self.rating(run.index)
        return None if rating is None else rating.value

    # Statistics

    @cached_property
    def _by_setting(self) -> dict[Setting, list[Run]]:
        """All runs in the whole sweep, of the settings in this view."""
        return {setting: self._all.by_setting[setting] for setting in dict.fromkeys(run.setting for run in self.runs)}

    @property
    def _counted(self) -> list[Run]:
        return [run for runs in self._by_setting.values() for run in runs]

    @property
    def partial(self) -> bool:
        """Whether this view shows only some of a setting's runs."""
        return len(self.runs) < len(self._counted)

    @property
    def scored(self) -> bool:
        """Whether any run of the settings in this view has a score, or a rating."""
        return any(self.score_of(run) is not None for run in self._counted)

    def summary(self) -> list[Summary]:
        """Return a summary for each setting in this view, in its order, over all the setting's runs in the sweep."""
        return [self._summary(setting, runs) for setting, runs in self._by_setting.items()]

    def _summary(self, setting: Setting, runs: list[Run]) -> Summary:
        complete = [run for run in runs if run.status == "complete"]
        rows = [run.row() for run in complete]
        means = {name: _mean(row[name] for row in rows) for name in ("cost", *_AVERAGED)}
        return Summary(
            setting,
            len(runs),
            len(complete),
            sum(run.status in ("failed", "cut_off") for run in runs),
            self._score(map(self.score_of, complete)),
            self._all.agreements[setting],
            **means,
        )

    def _score(self, values: Iterable[float | None]) -> Mean | None:
        ratings = [rating for rating in self._asked.ratings.values() if rating.value is not None]
        thumbs = all(rating.score is None for rating in ratings)
        return Mean.of(values, truths=thumbs if self.rated else self._all.truths)

    def verdict(self) -> Verdict:
        """Return which setting has the best score (or without scores, the most agreement), and whether that is settled.

        Compares the settings in this view, by all their runs in the sweep. Selecting settings by their results and then
        comparing only those invalidates the confidence level: use the whole sweep's verdict.
        """
        counted = self._counted
        wanted = any(run.score_error for run in counted)
        if not self.scored and wanted:
            reason = next(run.score_error for run in counted if run.score_error)
            return Verdict(f"No run could be scored: {reason}")
        failures = [run.problem for run in counted if run.problem]
        if failures and not any(run.status == "complete" for run in counted):
            return Verdict(f"No run was answered: {failures[0]}")
        measured = self._measured_scores() if self.scored else self._measured_agreement()
        if not measured:
            return Verdict("Nothing to compare yet: give a score=, or ask each setting several times (repeat=5).")
        if len(measured) == 1 < len(self._by_setting):
            what = "a rating" if self.rated else "a score" if self.scored else "answers to compare"
            failed = f" ({failures[0]})" if failures else ""
            return Verdict(f"Nothing to compare: only {setting_text(measured[0].setting)} has {what}.{failed}")
        found = verdict(measured) if self.scored else agreement_verdict(measured)
        if not self.rated:
            return found
        count = sum(self.score_of(run) is not None for run in counted)
        return replace(
            found, sentence=f"By your ratings of {count} of {pluralize(len(counted), 'answer')}: {found.sentence}"
        )

    def _measured_scores(self) -> list[Measured]:
        found = []
        for setting, runs in self._by_setting.items():
            values = {run.repeat: value for run in runs if (value := self.score_of(run)) is not None}
            if (mean := self._score(values.values())) is not None:
                found.append(Measured(setting, mean, values))
        return found

    def _measured_agreement(self) -> list[Measured]:
        found = []
        for setting, runs in self._by_setting.items():
            mean, texts = self._all.agreements[setting], self._all.texts[setting]
            if mean is not None:
                answered = sum(bool(run.texts) for run in runs)
                found.append(Measured(setting, mean, None, len(texts) / answered, most_compared(texts), texts))
        return found

    # Applying a run

    def apply(self, index: int) -> Run:
        """Make a run part of the session, and return it.

        Its parameters (and its system text, if it has one) become the session's, and its message and answer a turn of the
        history. Applying another run of the sweep replaces that turn. Raises SessionError if the run has no answer.
        """
        run = self[index]
        if run.turn is None:
            raise SessionError(f"Run {index} has no answer to apply ({run.problem or run.status}).")
        asked, session = self._asked, self.session
        session.params = run.params if asked.model_named else run.params.replace(model=None)
        if "system" in {**asked.fixed, **run.setting}:
            session.system = run.setting.get("system", asked.fixed.get("system"))
        mine = next((turn for turn in session.turns if _version_of(turn, asked.applied) is not None), None)
        version = None if mine is None else _version_of(mine, run.turn)
        if mine is not None and version is not None:
            session.choose(mine, version)
        else:
            session.adopt(replace(run.turn, rating=self.rating(index)), replaces=mine)
        asked.applied = run.turn
        return run

    def plot(self, **options: Any) -> Any:
        """Plot quality against a parameter, and cost against time. See `nbchat.tuning.plot.plot`."""
        from nbchat.tuning.plot import plot

        return plot(self, **options)


def _version_of(turn: Turn, other: Turn | None) -> int | None:
    """The index of the turn's version with the other's answer; None = none."""
    versions = enumerate(turn.versions)
    return None if other is None else next((i for i, version in versions if version.reply is other.reply), None)


_AVERAGED = ("first_token_s", "total_s", "tokens_per_s", "completion_tokens")


def _mean(values: Iterator[float | None]) -> float | None:
    known = finite(values)
    return fmean(known) if known else None


def _ranges(numbers: list[int]) -> str:
    if not numbers:
        return "none"
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
