"""An evaluation in progress: rows are asked with every setting, graded, and plainly worse settings are stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from nbchat.rows.budgets import budget_of
from nbchat.rows.evaluation.early_stopping import SHARES, Stopped, looks, plainly_worse
from nbchat.rows.evaluation.grading import Case, Graded, Measure, Status
from nbchat.rows.evaluation.result import Design, Evaluation
from nbchat.rows.evaluation.scoring import JUDGED, JudgePrompt, Scored, ScoreFunction
from nbchat.rows.evaluation.standing import Candidate
from nbchat.rows.form import Form
from nbchat.rows.mapping import MapInterrupted, map_rows
from nbchat.rows.outcome import Outcome
from nbchat.rows.pilot import spread
from nbchat.rows.progress import Progress
from nbchat.rows.source import source_of
from nbchat.rows.template import Template
from nbchat.tuning.grid import Grid, Setting
from nbchat.tuning.statistics import Mean, finite
from nbchat.values.errors import BudgetExceeded, Interrupted, NbchatError
from nbchat.values.params import PARAMETERS
from nbchat.values.wording import dollars, pluralize

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["EvaluationInterrupted", "EvaluationRun", "Question"]


class EvaluationInterrupted(Interrupted):
    """The user stopped an evaluation: `.evaluation` has the answered rows; the rest are "not asked"."""

    def __init__(self, message: str, evaluation: Evaluation) -> None:
        super().__init__(message)
        self.evaluation = self.result = evaluation


class Question(Struct, frozen=True):
    """The rows of an evaluation, with their truths as compared and as given, and how answers are graded.

    `template` is empty if the prompts are an axis; `scorer` None = answers are compared with the truths.
    """

    items: Sequence[Any]
    cases: Sequence[Case]
    truths: Sequence[Any]
    template: str
    measure: Measure
    scorer: ScoreFunction | JudgePrompt | None


class EvaluationRun:
    """An evaluation in progress. `graded` has the grades of every row with every setting so far."""

    def __init__(self, session: Session, question: Question, grid: Grid, fixed: Mapping[str, Any]) -> None:
        self._session = session
        self._question = question
        self._grid = grid
        self._fixed = fixed
        self._settings: list[Setting] = grid.settings
        self._graded = [[Graded()] * len(question.items) for _ in self._settings]
        self._running = list(range(len(self._settings)))
        self._stopped: list[Stopped] = []
        self._ended: dict[int, NbchatError] = {}
        self._looks = 0
        self._judged: float | None = None
        self._budget = budget_of(fixed.get("budget"))
        self._spent = 0.0  # in the budget's unit
        self._rows = [case.row for case in question.cases if question.measure.can_count(case)]
        self._left = 0  # rows that a pilot leaves out
        Random(0).shuffle(self._rows)

    def sample(self, size: int) -> None:
        """Ask only so many rows, spread over the truths."""
        truths = {case.row: str(case.truth) for case in self._question.cases}
        chosen = set(spread(sorted(self._rows, key=truths.__getitem__), size))
        self._left = len(self._rows) - len(chosen)
        self._rows = [row for row in self._rows if row in chosen]

    def check(self) -> None:
        """Raise any error that would fail every row of a setting, before anything is sent."""
        source = source_of(self._question.items)
        names = self._fixed.get("names") or {}
        for setting in self._settings:
            options = {**self._options(setting), "schema": self._fixed.get("schema")}
            Form.of(self._session, {name: value for name, value in options.items() if name not in _OF_MAP})
            Template.of(self._text(setting), source.columns, single=source.single, names=names)
        if isinstance(judge := self._question.scorer, JudgePrompt):
            Form.of(self._session, judge.options)
            Template.of(judge.prompt, [*source.columns, *JUDGED], single=False, names=names)

    def _text(self, setting: Setting) -> str:
        return str(setting.get("message", self._question.template))

    def _options(self, setting: Setting) -> dict[str, Any]:
        return {**self._fixed, **{name: value for name, value in setting.items() if name != "message"}}

    def result(self, kind: type[Evaluation]) -> Evaluation:
        """Return the evaluation so far."""
        notes = [f"setting {number} ended early: {error}" for number, error in self._ended.items()]
        if self._looks or any(self._graded[i][row].status == "not asked" for i in self._running for row in self._rows):
            notes.append("rows were asked in a random order")
        if self._left:
            notes.append(self._projected())
        if self._judged:
            notes.append(f"the judge cost {dollars(self._judged)} more")
        of_requests = {*PARAMETERS, "extra", "system", "schema"}
        fixed = {name: value for name, value in self._fixed.items() if name in of_requests}
        design = Design(self._question.template, self._grid, fixed, self._question.measure, self._looks, tuple(notes))
        return kind(design, self._question.cases, self._graded, self._stopped, self._session)

    def _projected(self) -> str:
        """Project the cost of the rows that a pilot left out."""
        requests = self._left * len(self._settings)
        told = f"a pilot: {pluralize(requests, 'request')} for the other {pluralize(self._left, 'row')}"
        answers = [one for each in self._graded for one in each if one.answer]
        cost = Mean.of(one.cost for one in answers)
        tokens = Mean.of((one.prompt_tokens or 0) + (one.completion_tokens or 0) for one in answers)
        if tokens is not None and (cost is None or not cost.mean):
            return f"{told} take about {tokens.mean * requests:,.0f} tokens"
        if cost is None:
            return f"{told} remain"
        known = cost.low is not None and cost.high is not None
        interval = f" ({dollars(max(0.0, cost.low or 0) * requests)} to {dollars((cost.high or 0) * requests)})"
        return f"{told} cost about {dollars(cost.mean * requests)}{interval if known else ''}"

    def run(self, *, stop_early: bool, on_progress: Callable[[Progress], None], result_type: type[Evaluation]) -> None:
        """Ask the rows in parts, each part with every setting."""
        when = looks(len(self._rows)) if stop_early else []
        self._looks = len(when)
        ends = [*(when or _parts(len(self._rows))), len(self._rows)]
        progress = _TotalProgress(on_progress, len(self._rows) * len(self._settings))
        start = 0
        try:
            for end in ends:
                for number in list(self._running):
                    if number in self._running:  # a spent budget ends the later ones too
                        self._ask(number, self._rows[start:end], progress)
                if end in when:
                    progress.total -= (len(self._rows) - end) * self._stop_worse(end)
                start = end
        except KeyboardInterrupt:
            raise EvaluationInterrupted(f"Stopped: {self._kept()}", self.result(result_type)) from None
        exceeded = next((error for error in self._ended.values() if isinstance(error, BudgetExceeded)), None)
        if exceeded is not None and self._budget is not None and self._spent:  # it names the last part's budget
            spent = self._budget.shown(self._spent)
            exceeded.args = (f"The budget of {self._budget} is used up: {spent} spent. {self._kept()}",)
        nothing = not any(one.status == "complete" for each in self._graded for one in each)
        if (error := exceeded or (next(iter(self._ended.values()), None) if nothing else None)) is not None:
            error.result = self.result(result_type)
            raise error

    def _kept(self) -> str:
        done = sum(one.status == "complete" for each in self._graded for one in each)
        return f"{pluralize(done, 'answer')} of {len(self._rows) * len(self._settings):,} kept."

    def _ask(self, number: int, rows: Sequence[int], progress: _TotalProgress) -> None:
        """Ask some rows with a setting and grade the answers, even after an error or interrupt."""
        setting = self._settings[number]
        items = [self._question.items[row] for row in rows]
        try:
            outcomes, problem = self._map(items, self._text(setting), progress, **self._options(setting))
        finally:
            progress.step()
        answers = self._grade(number, rows, outcomes)
        if answers and not (isinstance(problem, KeyboardInterrupt) and isinstance(self._question.scorer, JudgePrompt)):
            problem = self._score(number, answers, progress) or problem
        if isinstance(problem, KeyboardInterrupt):
            raise problem
        if problem is not None:
            self._ended[number] = problem
            self._running = [] if isinstance(problem, BudgetExceeded) else [i for i in self._running if i != number]

    def _map(
        self, items: Sequence[Any], template: str, progress: Callable[[Progress], None], **options: Any
    ) -> tuple[Sequence[Outcome], NbchatError | KeyboardInterrupt | None]:
        """Return the outcomes of a map, and the exception that ended it early."""
        if not items:
            return [], None
        if self._budget is not None:
            options["budget"] = replace(self._budget, limit=max(0.0, self._budget.limit - self._spent))
        problem: NbchatError | KeyboardInterrupt | None = None
        try:
            result = map_rows(self._session, items, template, on_progress=progress, **options)
        except MapInterrupted as interrupted:
            result, problem = interrupted.result, KeyboardInterrupt()
        except NbchatError as error:
            result, problem = error.result, error
            if result is None:
                raise
        if self._budget is not None:
            in_tokens = self._budget.unit == "tokens"
            self._spent += (result.usage.total_tokens if in_tokens else result.cost) or 0.0
        return result.details.outcomes, problem

    def _grade(self, number: int, rows: Sequence[int], outcomes: Sequence[Outcome]) -> dict[int, Scored]:
        """Grade the outcomes, and return the answers to be scored, by row."""
        graded, question = self._graded[number], self._question
        structured = self._fixed.get("schema") is not None
        answers = {}
        for row, outcome in zip(rows, outcomes, strict=True):
            graded[row] = self._graded_one(row, outcome)
            if graded[row].status == "complete" and question.scorer is not None:
                data = outcome.value if structured else None
                answers[row] = Scored(question.items[row], graded[row], data, question.truths[row], outcome.answer)
        return answers

    def _score(
        self, number: int, answers: Mapping[int, Scored], progress: _TotalProgress
    ) -> NbchatError | KeyboardInterrupt | None:
        """Score answers, and return what ended the judge early."""
        ended: list[KeyboardInterrupt | NbchatError] = []

        def ask(records: Sequence[Any], prompt: str, **options: Any) -> Sequence[Outcome]:
            kept = {name: self._fixed[name] for name in _OF_MAP if name in self._fixed}
            kept["extra"] = dict.fromkeys(self._session.params.extra)  # None unsets
            outcomes, problem = self._map(records, prompt, progress.silent, **{**kept, **options})
            paid = finite(one.answer.cost for one in outcomes if one.answer is not None and not one.stored)
            self._judged = sum(paid, self._judged or 0.0)
            ended.extend([problem] if problem is not None else [])
            return outcomes

        assert self._question.scorer is not None  # noqa: S101  # otherwise there are no answers to score
        for row, grade in zip(answers, self._question.scorer(list(answers.values()), ask), strict=True):
            self._graded[number][row] = grade
        return ended[0] if ended else None

    def _graded_one(self, row: int, outcome: Outcome) -> Graded:
        """Return a row's grade without a score."""
        answer, measure, truth = outcome.answer, self._question.measure, self._question.cases[row].truth
        if outcome.status in ("skipped", "not sent"):
            return Graded(error=outcome.reason)
        status: Status = "complete" if outcome.status == "complete" else "failed"
        text = "" if answer is None else answer.text
        value = None
        if status == "complete" and measure.kind != "scores":
            value = measure.value(text, outcome.value if self._fixed.get("schema") is not None else None)
        usage = None if answer is None else answer.usage
        return Graded(
            status,
            text,
            value,
            None if measure.kind == "scores" else measure.quality(value, truth, status),
            None if answer is None else answer.cost,
            None if answer is None else answer.seconds,
            None if usage is None else usage.prompt_tokens,
            None if usage is None else usage.completion_tokens,
            outcome.reason,
            outcome.stored,
        )

    def _stop_worse(self, rows: int) -> int:
        """Stop the settings that are plainly worse; return their number."""
        right = self._question.measure.kind == "labels"
        found = [Candidate.of(self._settings[i], self._graded[i], right=right) for i in self._running]
        worse = plainly_worse([c for c in found if c is not None], len(self._settings), self._looks, rows)
        for one in worse:
            self._stopped.append(one)
            self._running.remove(self._settings.index(one.setting))
        return len(worse)


_OF_MAP = ("concurrency", "cache", "retries", "names", "budget")
"""Options of `map_rows` that are not of a request."""


def _parts(rows: int) -> list[int]:
    """Return where to divide many rows, so that after an interrupt all settings have been asked the same rows."""
    return [round(share * rows) for share in SHARES] if rows >= 100 else []


class _TotalProgress:
    """The progress of all runs together. `total` is the number of expected answers."""

    def __init__(self, tell: Callable[[Progress], None], total: int) -> None:
        self._report = tell
        self._before = Progress(0, total)
        self._now = Progress(0, total)
        self.total = total

    def __call__(self, progress: Progress) -> None:
        """Report a run's progress added to that of earlier runs."""
        before = self._before
        done = before.done + progress.done
        seconds = before.seconds + progress.seconds
        pace = done / seconds if seconds and done else None
        left = max(0, self.total - done)
        self._now = replace(
            progress,
            done=done,
            total=self.total,
            failed=before.failed + progress.failed,
            skipped=before.skipped + progress.skipped,
            stored=before.stored + progress.stored,
            cost=_sum(before.cost, progress.cost),
            tokens=_sum(before.tokens, progress.tokens),
            seconds=seconds,
            seconds_left=None if pace is None else left / pace,
            cost_left=None,
        )
        self._report(self._now)

    def silent(self, progress: Progress) -> None:
        """Handle the progress of a judge's run, whose answers are not counted."""
        self._report(replace(self._now, cost=_sum(self._now.cost, progress.cost)))

    def step(self) -> None:
        """Record the end of a run."""
        self._before = self._now


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other
