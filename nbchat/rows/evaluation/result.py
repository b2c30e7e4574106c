"""`Evaluation`, the result of asking settings over rows: table, disagreements, confusion, verdict, applying a setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from nbchat.rows.evaluation import tables
from nbchat.rows.evaluation.annotators import Annotators
from nbchat.rows.evaluation.confusion import Confusion
from nbchat.rows.evaluation.early_stopping import FINAL, Stopped
from nbchat.rows.evaluation.frontier import frontier
from nbchat.rows.evaluation.grading import Case, Graded, Measure
from nbchat.rows.evaluation.standing import Candidate, Standing, by_macro_f1
from nbchat.tuning.grid import Grid, Setting, setting_text
from nbchat.tuning.statistics import LEVEL, finite
from nbchat.tuning.verdict import Comparable, Terms, Verdict, verdict
from nbchat.values.arguments import checked_methods
from nbchat.values.errors import ParameterError, SessionError
from nbchat.values.frame import data_frame
from nbchat.values.params import PARAMETERS
from nbchat.values.wording import figure, pluralize

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["Design", "Evaluation"]

WIDEST_NAME = 40
"""Most characters of a setting's values as its name."""

MOST_NAMED = 5
"""Most unreadable answers that are quoted."""


class Design(Struct, frozen=True):
    """The design of an evaluation.

    `template` is the prompt (empty if it is an axis), `fixed` the options that were the same for all settings, `looks`
    the number of looks at which settings could be stopped (0 = no early stopping), `notes` remarks on the figures.
    """

    template: str
    grid: Grid
    fixed: Mapping[str, Any]
    measure: Measure
    looks: int = 0
    notes: tuple[str, ...] = ()


@checked_methods
class Evaluation:
    """The result of asking every row with every setting.

    `cases` are the rows with their truths; `graded[i][row]` is the grade of a row with setting i. `stopped` are the
    settings that were stopped early because they were plainly worse. `session` None = loaded from a file.

    A row without a truth does not count. For labels, a failed answer and one that gives no label count as
    wrong; for numbers and scores, they do not count. `notes()` says how many there were.

    A setting is named by its number, its values (`{"model": "a"}`), or None, the best one.
    """

    def __init__(
        self,
        design: Design,
        cases: Sequence[Case],
        graded: Sequence[Sequence[Graded]],
        stopped: Sequence[Stopped] = (),
        session: Session | None = None,
    ) -> None:
        self.design = design
        self.cases = tuple(cases)
        self.settings: list[Setting] = design.grid.settings
        self.graded = [list(each) for each in graded]
        self.stopped = tuple(stopped)
        self.session = session

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.cases)

    def __repr__(self) -> str:
        return f"<Evaluation of {self.grid} over {pluralize(len(self), 'row')}. {self.verdict()}>"

    @property
    def grid(self) -> Grid:
        """The settings that were asked, as axes."""
        return self.design.grid

    @property
    def measure(self) -> Measure:
        """The measure, and how answers were compared with the truths."""
        return self.design.measure

    @property
    def cost(self) -> float | None:
        """The cost in US dollars of the answers whose cost is known, except stored ones; None = known for none."""
        known = finite(0.0 if one.stored else one.cost for each in self.graded for one in each if one.cost is not None)
        return sum(known) if known else None

    # Statistics

    @cached_property
    def standings(self) -> list[Standing]:
        """Quality, cost and time of each setting, in the grid's order."""
        return [
            Standing.of(setting, graded, self.cases, self.measure, self._truths)
            for setting, graded in zip(self.settings, self.graded, strict=True)
        ]

    @cached_property
    def _truths(self) -> bool:
        """Whether scores are truth values, 0 or 1, both of which occur."""
        return self.measure.kind == "scores" and {
            q for each in self.graded for one in each if (q := one.quality) is not None
        } == {0, 1}

    @cached_property
    def annotators(self) -> Annotators | None:
        """The agreement of the two annotators; None = there is only one, or no row has both."""
        if self.measure.kind == "labels":
            return Annotators.of_labels((_text(case.truth), _text(case.second)) for case in self.cases)
        if self.measure.kind == "numbers":
            return Annotators.of_numbers((_number(case.truth), _number(case.second)) for case in self.cases)
        return None

    @cached_property
    def frontier(self) -> list[int]:
        """The numbers of the settings that no other beats in both quality and cost, by increasing cost.

        Empty if no cost is known.
        """
        if not self.priced:
            return []
        sign = -1 if self.measure.kind == "numbers" else 1
        means = [None if one.quality is None else sign * one.quality.mean for one in self.standings]
        return frontier([(self.price(number), mean) for number, mean in enumerate(means)])

    @property
    def priced(self) -> bool:
        """Whether any cost is known: of settings that cost nothing, the best one is all there is to choose."""
        return any(one.cost_per_1000 for one in self.standings)

    def price(self, number: int) -> float | None:
        """Return what 1,000 rows cost with a setting in US dollars, or seconds if no cost is known; None = unknown."""
        one = self.standings[number]
        return one.cost_per_1000 if self.priced else one.seconds_per_1000

    def verdict(self, by: Literal["macro_f1"] | None = None) -> Verdict:
        """Return which setting is best, and whether that is settled or how many more rows would tell.

        Settings are compared over the same rows: by McNemar's test for labels, by Student's paired t for numbers and
        scores, by a paired bootstrap for macro-F1 (`by="macro_f1"`). The levels allow for the number of settings: see
        `Verdict`. Settings that were stopped early are named with what they lost to, and not compared again.
        Raises ParameterError for macro-F1 of anything but labels.
        """
        if by not in (None, "macro_f1") or (by and self.measure.kind != "labels"):
            raise ParameterError(f"by must be None, or 'macro_f1' where the truths are labels; got {by!r}.")
        return self._macro_verdict if by else self._verdict

    @cached_property
    def _verdict(self) -> Verdict:
        candidates = [one for number in self._running if (one := self._candidate(number)) is not None]
        return self._judged(candidates, self.measure.name)

    @cached_property
    def _macro_verdict(self) -> Verdict:
        running = self._running
        candidates = by_macro_f1([self.settings[i] for i in running], [self.graded[i] for i in running], self.cases)
        return self._judged(candidates, "macro-F1")

    def _judged(self, candidates: Sequence[Comparable], measure: str) -> Verdict:
        if not candidates:
            errors = [one.error for each in self.graded for one in each if one.error]
            return Verdict(f"Nothing to compare: no row counts{f' ({errors[0]})' if errors else ''}.")
        if len(candidates) == 1:
            best = candidates[0]
            found = Verdict(self._alone(best, measure), bool(self.stopped), best.setting)
        else:
            chance = FINAL if self.design.looks else 1 - LEVEL
            terms = Terms(measure, "row", "", self.name)
            found = verdict(candidates, terms, settings=len(self.settings), chance=chance)
        stopped = "; ".join(one.sentence(self.name) for one in self.stopped)
        return replace(found, sentence=f"{found.sentence} Early: {stopped}." if stopped else found.sentence)

    def _alone(self, best: Comparable, measure: str) -> str:
        mean, name = abs(best.mean.mean), self.name(best.setting)
        if self.stopped:
            return f"Settled: {name} is the best of {len(self.settings)} settings in {measure} ({figure(mean)})."
        only = "One setting only" if len(self.settings) == 1 else f"Nothing to compare: only {name} has rows that count"
        ends = sorted(abs(end) for end in (best.mean.low, best.mean.high) if end is not None)
        interval = f" ({100 * LEVEL:.0f} % interval: {figure(ends[0])} to {figure(ends[-1])})" if ends else ""
        return f"{only}: {measure} {figure(mean)}{interval}, n = {best.mean.n}."

    @property
    def _running(self) -> list[int]:
        stopped = [one.setting for one in self.stopped]
        return [number for number, setting in enumerate(self.settings) if setting not in stopped]

    def _candidate(self, number: int) -> Candidate | None:
        right = self.measure.kind == "labels"
        return Candidate.of(self.settings[number], self.graded[number], right=right, truths=self._truths)

    def notes(self) -> list[str]:
        """Return remarks on the figures: what was left out, what counts as wrong, how answers were read."""
        kind = self.measure.kind
        missing = sum(not self.measure.can_count(case) for case in self.cases)
        failed = sum(one.failed for one in self.standings)
        unread = sum(one.unread for one in self.standings)
        unasked = sum(one.not_asked for one in self.standings)
        counted = "counted as wrong" if kind == "labels" else "left out"
        unread_text = {"labels": "none of the labels", "numbers": "no number", "scores": "no score"}[kind]
        examples = ", ".join(f"{text!r:.40}" for text, _ in self.unread().most_common(MOST_NAMED))
        notes = [
            f"{pluralize(missing, 'row')} without a truth left out" if missing else "",
            f"{failed:,} failed: {counted} (evaluating again asks them again)" if failed else "",
            f"{unread_text} in {pluralize(unread, 'answer')}, {counted}: {examples}" if unread else "",
            f"{unasked:,} of {len(self) * len(self.settings):,} requests not made" if unasked else "",
            str(self.annotators or ""),
            self.measure.labels.rule if self.measure.labels is not None else "",
            *self.design.notes,
        ]
        return [note for note in notes if note]

    def unread(self) -> Counter[str]:
        """Return the whole answers that gave none of the labels, no number or no score, each with its number of rows."""
        return Counter(
            " ".join(one.answer.split())[:200]
            for each in self.graded
            for case, one in zip(self.cases, each, strict=True)
            if one.status == "complete" and one.value is None and self.measure.can_count(case)
        )

    # Tables

    def to_frame(self) -> Any:
        """Return a data frame with a row for each setting: its values, quality with 95 % interval, cost, time."""
        rows = self.table_rows()
        return data_frame(rows, list(rows[0]), {*tables.FLOATS, self.measure.name})

    def table_rows(self) -> list[dict[str, Any]]:
        """Return a dict for each setting, as in `to_frame`."""
        return tables.setting_records(self)

    def rows(self) -> Any:
        """Return a data frame with a row for each row and setting: truth, answer, quality, cost, time, error."""
        records = self.records()
        return data_frame(records, list(records[0]) if records else ["row"], tables.FLOATS)

    def records(self) -> list[dict[str, Any]]:
        """Return a dict for each row and setting, as in `rows`, row by row."""
        return tables.row_records(self)

    def disagreements(self) -> Any:
        """Return a data frame of the rows to which the settings gave different answers: the truth, a column for each setting.

        A row that a setting did not answer, or where it gave no label or number, is among them if any other did.
        """
        columns = ["row", "index", "truth", *map(self.name, self.settings)]
        return data_frame(tables.disagreement_records(self), columns, ())

    def disagreeing(self) -> list[Case]:
        """Return the rows of `disagreements`."""
        return tables.disagreeing(self)

    def confusion(self, setting: Setting | int | None = None) -> Confusion:
        """Return the confusion matrix of a setting. Raises ParameterError if the truths are not labels."""
        if self.measure.labels is None:
            raise ParameterError("A confusion matrix needs labels as truths (kind='labels').")
        graded = self.graded[self.number(setting)]
        pairs = [
            (str(case.truth), one.label)
            for case, one in zip(self.cases, graded, strict=True)
            if one.quality is not None
        ]
        return Confusion.of(self.measure.labels.names, pairs)

    # Using it

    def name(self, setting: Setting) -> str:
        """Return a setting's name: its values, or "setting 2", its number in the table, if any setting's values are long."""
        short = all(len(setting_text(one)) <= WIDEST_NAME for one in self.settings)
        return setting_text(setting) if short else f"setting {self.settings.index(setting)}"

    def number(self, setting: Setting | int | None = None) -> int:
        """Return the number of a setting; None = the best one. Raises ParameterError if there is no such setting."""
        if setting is None:
            setting = self.verdict().best
            if setting is None:
                raise ParameterError("No setting is best yet: name one, by its number or its values.")
        if isinstance(setting, int) and not isinstance(setting, bool) and 0 <= setting < len(self.settings):
            return setting
        if isinstance(setting, Mapping):
            fits = [i for i, one in enumerate(self.settings) if setting.items() <= one.items()]
            if len(fits) == 1:
                return fits[0]
        raise ParameterError(
            f"There is no setting {setting!r:.100}: give a number from 0 to {len(self.settings) - 1}, "
            "or values that only one setting has."
        )

    def apply(self, setting: Setting | int | None = None) -> Setting:
        """Apply a setting (None = the best one) to the session: its parameters and system text. Returns the setting.

        Its prompt, if the prompts differ, is in the returned setting as "message". Raises ParameterError, and
        SessionError for an evaluation loaded without a session.
        """
        chosen = self.settings[self.number(setting)]
        if self.session is None:
            raise SessionError("This evaluation was loaded without a session: Evaluation.load(path, session=chat).")
        values = {**self.design.fixed, **chosen}
        self.session.params = self.session.params.replace(
            **{name: value for name, value in values.items() if name in PARAMETERS or name == "extra"}
        )
        if "system" in values:
            self.session.system = values["system"]
        return chosen

    def plot(self, **options: Any) -> Any:
        """Plot quality by setting, and quality against cost with the frontier. See `nbchat.tuning.plot.plot`."""
        from nbchat.rows.evaluation.plot import plot

        return plot(self, **options)

    def save(self, path: str | Path) -> Path:
        """Write the evaluation as `.jsonl` or `.parquet`: see `nbchat.rows.evaluation.file` for the fields. Raises SessionError."""
        from nbchat.rows.evaluation.file import write

        return write(self, Path(path).expanduser())

    @classmethod
    def load(cls, path: str | Path, session: Session | None = None) -> Self:
        """Read a file that `save` wrote; `session` is for `apply`. Raises SessionError."""
        from nbchat.rows.evaluation.file import read

        return read(Path(path).expanduser(), cls, session)


def _text(value: str | float | None) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: str | float | None) -> float | None:
    return value if isinstance(value, float) else None
