"""Which labels are taken for which: the confusion matrix, and F1 from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self

from msgspec import Struct

from nbchat.values.frame import data_frame

__all__ = ["OTHER", "Confusion", "macro_f1"]

OTHER = "(none of the labels)"
"""The column of answers that gave none of the labels, failed ones included."""

Pair = tuple[str, str | None]
"""A truth, and the label of the answer; None = none."""


def macro_f1(counts: Mapping[Pair, int]) -> float | None:
    """Return the unweighted mean of F1 = 2·TP / (2·TP + FP + FN) over the labels that occur among the truths.

    An answer that gives no label is a false negative of the truth's. None = there are no truths.
    """
    right: Counter[str] = Counter()
    truths: Counter[str] = Counter()
    answers: Counter[str | None] = Counter()
    for (truth, answer), count in counts.items():
        truths[truth] += count
        answers[answer] += count
        right[truth] += count * (truth == answer)
    shares = [2 * right[label] / (count + answers[label]) for label, count in truths.items() if count]
    return sum(shares) / len(shares) if shares else None


class Confusion(Struct, frozen=True):
    """How often an answer gave each label for each truth. `labels` are in the order of the table."""

    labels: tuple[str, ...]
    counts: Mapping[Pair, int]

    @classmethod
    def of(cls, labels: Iterable[str], pairs: Iterable[Pair]) -> Self:
        """Count pairs of truth and answer."""
        return cls(tuple(labels), Counter(pairs))

    @property
    def total(self) -> int:
        """The number of rows."""
        return sum(self.counts.values())

    @property
    def columns(self) -> list[str]:
        """The labels, and `OTHER` if any answer gave none."""
        return [*self.labels, *([OTHER] if any(answer is None for _, answer in self.counts) else [])]

    def worst(self, most: int = 3) -> list[tuple[str, str | None, int]]:
        """Return the most frequent confusions: truth, answer (None = no label) and count."""
        wrong = [(count, pair) for pair, count in self.counts.items() if pair[0] != pair[1] and count]
        wrong.sort(key=lambda one: (-one[0], str(one[1])))
        return [(truth, answer, count) for count, (truth, answer) in wrong[:most]]

    def table_rows(self) -> list[dict[str, Any]]:
        """Return a dict for each truth: "truth", then the number of rows by the label answered."""
        answers: list[str | None] = [None if name == OTHER else name for name in self.columns]
        return [
            {
                "truth": truth,
                **{
                    name: self.counts.get((truth, answer), 0)
                    for name, answer in zip(self.columns, answers, strict=True)
                },
            }
            for truth in self.labels
            if any(self.counts.get((truth, answer)) for answer in answers)
        ]

    def to_frame(self) -> Any:
        """Return the matrix as a data frame: a row for each truth, a column for each label answered."""
        return data_frame(self.table_rows(), ["truth", *self.columns], ())

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """A plain table: a line for each truth."""
        rows = [["truth \\ answer", *self.columns]]
        rows += [[str(value) for value in row.values()] for row in self.table_rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        )
