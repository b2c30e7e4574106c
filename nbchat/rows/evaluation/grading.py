"""Grade answers: a row's truth, how answers are compared with it, and the grade of a row with one setting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from nbchat.rows.evaluation.labels import Kind, Labels, label_text, only_value, read_number

__all__ = ["Case", "Graded", "Measure", "Status"]

Status = Literal["complete", "failed", "not asked"]
"""Whether a row was answered with a setting. "not asked": the setting or the whole evaluation was stopped before."""

Truth = str | float | None
"""A label, a number, or for scores any text; None = missing."""


class Case(Struct, frozen=True):
    """A row: its position from 0, its label in the data's index, and its truths; None = missing."""

    row: int
    index: Any
    truth: Truth
    second: Truth = None


class Graded(Struct, frozen=True):
    """The grade of a row with one setting.

    `value` is the label or number in the answer, or its score; None = none. `quality` is the measure, higher is better:
    1 or 0 for a label, minus the absolute error of a number, a score; None = the row does not count. `cost` is in US
    dollars, `seconds` the time of the request; None = unknown. A `stored` answer was in the journal, so that its cost
    was paid earlier. `error` says why there is no answer, or no score.
    """

    status: Status = "not asked"
    answer: str = ""
    value: str | float | None = None
    quality: float | None = None
    cost: float | None = None
    seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    stored: bool = False

    @property
    def label(self) -> str | None:
        """The label in the answer; None = none, or not a label."""
        return self.value if isinstance(self.value, str) else None


class Measure(Struct, frozen=True):
    """How answers are compared with the truths.

    `column` is the truth's name (empty = there are no truths, which scores can do without); `labels` None = for numbers
    and scores.
    """

    kind: Kind
    column: str
    labels: Labels | None = None

    @property
    def name(self) -> str:
        """The name of the measure."""
        return {"labels": "accuracy", "numbers": "mean absolute error", "scores": "score"}[self.kind]

    def can_count(self, case: Case) -> bool:
        """Whether a row can count: its truth is known or not needed."""
        return case.truth is not None or not self.column

    def truth(self, value: Any) -> Truth:
        """Return a truth in the form used for comparison; None = missing."""
        if self.kind == "numbers":
            return read_number(value)
        return label_text(value)

    def value(self, answer: str, data: Any = None) -> str | float | None:
        """Return the label or number that an answer gives, by its structured `data` if there is any; None = none."""
        given = only_value(data, self.column) if data is not None else answer
        return self.labels.read(given) if self.labels is not None else read_number(given)

    def quality(self, value: str | float | None, truth: Truth, status: Status) -> float | None:
        """Return a row's quality: see `Graded`. A failed label counts as wrong; a failed number does not count."""
        if truth is None or status == "not asked":
            return None
        if self.kind == "labels":
            return float(value == truth)
        return -abs(value - truth) if isinstance(value, float) and isinstance(truth, float) else None

    @classmethod
    def of_labels(cls, column: str, truths: Iterable[Any], allowed: Iterable[Any] | None = None) -> Measure:
        """Return the measure for labels: those allowed and those of the truths. Raises ParameterError if too many."""
        return cls("labels", column, Labels.of(map(label_text, truths), allowed))
