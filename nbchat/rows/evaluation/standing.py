"""The figures of a setting over the rows (quality, cost, time), and its comparison with another over the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from msgspec import Struct

from nbchat.rows.evaluation.confusion import macro_f1
from nbchat.rows.evaluation.grading import Case, Graded, Measure
from nbchat.rows.evaluation.significance import MOST_ROWS, bootstrap, resampled_error, right_difference
from nbchat.tuning.grid import Setting, setting_text
from nbchat.tuning.statistics import LEVEL, Difference, Mean, difference, finite, paired_difference

__all__ = ["Candidate", "Standing", "by_macro_f1"]


class Candidate(Struct, frozen=True):
    """A setting to compare: its mean quality, and the quality of each row that counts, by position.

    `right`: the qualities are 1 or 0. `resampled` are the values of a statistic over resamples of the rows, the same for
    all settings, if the mean is not an average over rows.
    """

    setting: Setting
    mean: Mean
    values: Mapping[int, float]
    right: bool = False
    resampled: Sequence[float] = ()

    @classmethod
    def of(cls, setting: Setting, graded: Sequence[Graded], *, right: bool, truths: bool = False) -> Candidate | None:
        """Return a candidate by its grades in row order; None = no row counts. `truths`: scores are 0 or 1."""
        values = {row: one.quality for row, one in enumerate(graded) if one.quality is not None}
        mean = Mean.of(values.values(), truths=right or truths)
        return None if mean is None else cls(setting, mean, values, right)

    def minus(self, other: Candidate, level: float) -> Difference | None:
        """Return the difference to another setting over the rows that count for both; None = there are none."""
        shared = sorted(self.values.keys() & other.values.keys())
        if not shared:
            return None
        if self.resampled and other.resampled:
            gaps = [a - b for a, b in zip(self.resampled, other.resampled, strict=True)]
            error, _ = resampled_error(gaps, len(shared), level)
            spread = error * len(shared) ** 0.5
            return paired_difference(self.mean.mean - other.mean.mean, len(shared), spread, level, MOST_ROWS)
        pairs = [(self.values[row], other.values[row]) for row in shared]
        if self.right:
            split = Counter(pairs)
            return right_difference(split[1.0, 0.0], split[0.0, 1.0], len(shared), level)
        return difference(pairs, level, MOST_ROWS)

    def ask_more(self, other: Candidate, least: int) -> str:
        """Advise how many rows allow a claim."""
        return f"ask at least {least} rows that have a truth"


def by_macro_f1(
    settings: Sequence[Setting], graded: Sequence[Sequence[Graded]], cases: Sequence[Case], seed: int = 0
) -> list[Candidate]:
    """Return the settings as candidates by macro-F1, over the rows that count for all of them.

    Intervals are from a paired bootstrap: rows are resampled, the same for all settings. Empty = no row counts for all.
    """
    rows = [case.row for case in cases if all(each[case.row].quality is not None for each in graded)]
    if not rows:
        return []
    pairs = [[(str(cases[row].truth), each[row].label) for row in rows] for each in graded]
    statistics = [lambda picked, of=of: macro_f1(Counter(map(of.__getitem__, picked))) or 0.0 for of in pairs]
    found = []
    resamples = bootstrap(len(rows), statistics, seed)
    for setting, of, resampled in zip(settings, pairs, resamples, strict=True):
        mean = macro_f1(Counter(of)) or 0.0
        error, reach = resampled_error(resampled, len(rows), LEVEL)
        interval = Mean(mean, len(rows), max(0.0, mean - reach), min(1.0, mean + reach), error)
        found.append(Candidate(setting, interval, dict.fromkeys(rows, 0.0), resampled=resampled))
    return found


class Standing(Struct, frozen=True):
    """The figures of a setting.

    Of its rows with a truth, `counted` count for `quality`; None = unknown, or no such measure.

    `quality` is the accuracy, the mean absolute error or the mean score, and `bias` the mean of answer minus truth, with
    95 % intervals. `failed` rows had no whole answer; `unread` answers gave none of the labels, no number or no score;
    `not_asked` rows were not sent. `cost_per_1000` is in US dollars; `seconds_per_1000` is the time of 1,000 requests
    one after another.
    """

    setting: Setting
    counted: int
    failed: int
    unread: int
    not_asked: int
    quality: Mean | None
    macro_f1: float | None
    bias: Mean | None
    cost_per_1000: float | None
    seconds_per_1000: float | None

    @classmethod
    def of(
        cls, setting: Setting, graded: Sequence[Graded], cases: Sequence[Case], measure: Measure, truths: bool
    ) -> Standing:
        """Summarise the grades of a setting, in row order. `truths`: scores are 0 or 1."""
        known = [(case, one) for case, one in zip(cases, graded, strict=True) if measure.can_count(case)]
        counted = [(case, one) for case, one in known if one.quality is not None]
        complete = [one for _, one in known if one.status == "complete"]
        sign = -1.0 if measure.kind == "numbers" else 1.0
        quality = Mean.of(
            (sign * one.quality for _, one in counted if one.quality is not None),
            truths=measure.kind == "labels" or truths,
        )
        errors = [
            one.value - case.truth
            for case, one in counted
            if measure.kind == "numbers" and isinstance(one.value, float) and isinstance(case.truth, float)
        ]
        pairs = Counter((str(case.truth), one.label) for case, one in counted)
        return cls(
            setting,
            len(counted),
            sum(one.status == "failed" for _, one in known),
            sum(one.value is None for one in complete),
            sum(one.status == "not asked" for _, one in known),
            quality,
            macro_f1(pairs) if measure.kind == "labels" else None,
            Mean.of(errors),
            _per_1000(one.cost for one in graded if one.status != "not asked"),
            _per_1000(one.seconds for one in complete),
        )

    @property
    def name(self) -> str:
        """The setting on one line."""
        return setting_text(self.setting)


def _per_1000(values: Any) -> float | None:
    known = finite(values)
    return 1000 * fmean(known) if known else None
