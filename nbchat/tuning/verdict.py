"""Decide which setting is best and whether that is settled, in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from nbchat.tuning.agreement import chance_of_difference
from nbchat.tuning.grid import Setting, setting_text
from nbchat.tuning.statistics import (
    LEVEL,
    Difference,
    Mean,
    difference,
    fewest_repeats,
    independent_difference,
    interval_text,
)
from nbchat.values.wording import figure, pluralize

__all__ = ["Comparable", "Measured", "Terms", "Verdict", "agreement_verdict", "verdict"]

MOST_CONTRASTED = 8
"""Most settings that are compared pairwise for different answers; of more, only those with most and least agreement are."""

MOST_NAMED = 3
"""Most pairs that are named."""


class Comparable(Protocol):
    """A setting's mean, and how to compare it with another's."""

    @property
    def setting(self) -> Setting:
        """The setting."""

    @property
    def mean(self) -> Mean:
        """The mean of its measure; higher is better."""

    def minus(self, other: Any, level: float) -> Difference | None:
        """Return the difference to another setting with its interval at this level; None = nothing to compare."""

    def ask_more(self, other: Any, least: int) -> str:
        """Advise, in the imperative, how to get the `least` values that allow a claim."""


class Terms(Struct, frozen=True):
    """The words of a verdict: what is measured, what a value comes from, and the end of "3 more repeats of each".

    `name` gives a setting's name.
    """

    measure: str = "score"
    unit: str = "repeat"
    of_each: str = " of each"
    name: Callable[[Setting], str] = setting_text


class Measured(Struct, frozen=True):
    """A setting's results: the mean of the measure compared, and its values by repeat.

    `values` None = the mean is an agreement, from 0 to 1. Then `mean.n` counts answers, of which a repeat gives
    `per_repeat` (several choices), and at most `most` are compared; None = all. `texts` are those answers.
    """

    setting: Setting
    mean: Mean
    values: Mapping[int, float] | None = None
    per_repeat: float = 1.0
    most: int | None = None
    texts: Sequence[str] = ()

    def minus(self, other: Measured, level: float) -> Difference | None:
        """Return the difference to another setting, paired by repeat if both have values."""
        if self.values is None or other.values is None:
            gap = independent_difference(self.mean, other.mean, level)
            return None if gap is None else _of_agreements(gap, self, other)
        shared = sorted(self.values.keys() & other.values.keys())
        return difference(((self.values[repeat], other.values[repeat]) for repeat in shared), level)

    def ask_more(self, other: Measured, least: int) -> str:
        """Advise how to get `least` values of both settings."""
        times = max(2, *(math.ceil(least / each.per_repeat) for each in (self, other)))
        return f"run each at least {times} times (repeat={times})"

    def repeats(self, answers: int) -> int:
        """The number of further repeats that give this many answers in total."""
        return math.ceil(max(0, answers - self.mean.n) / self.per_repeat)


def _of_agreements(gap: Difference, *both: Measured) -> Difference:
    """Clip the difference of two agreements to 1, and convert needed answers to repeats."""
    if gap.low is not None and gap.high is not None:
        gap = replace(gap, low=max(-1.0, gap.low), high=min(1.0, gap.high))
    if gap.more is None:
        return gap
    answers = gap.n + gap.more
    possible = all(one.most is None or answers <= one.most for one in both)
    return replace(gap, more=max(one.repeats(answers) for one in both) if possible else None)


class Verdict(Struct, frozen=True):
    """The outcome of a sweep of k settings. `best` has the highest mean so far; None = no data.

    Without scores, the mean agreement is compared: the setting whose answers are most alike need not be better.

    `settled`: it is better than every other one at 95 % confidence, with each comparison at 1 - 5 % / (k-1). This holds
    although the best is chosen from the same runs, because it must beat all others: a wrong one would have to beat a
    setting at least as good, which happens by chance with half of 5 % / (k-1), and there are at most k wrong ones.

    `beaten` are the settings that it certainly beats: all if settled; else those it beats at 1 - 5 % / (k·(k-1)/2)
    (Bonferroni, since any two could have been compared). `differences` are best minus other at the first level, in the
    order of the others' means; a single one is no claim.

    `different` are pairs of settings whose answers clearly differ; computed only without scores.
    """

    sentence: str
    settled: bool = False
    best: Setting | None = None
    differences: tuple[tuple[Setting, Difference | None], ...] = ()
    beaten: tuple[Setting, ...] = ()
    different: tuple[tuple[Setting, Setting], ...] = ()

    def __str__(self) -> str:
        return self.sentence


def verdict(
    measured: Sequence[Comparable], terms: Terms | None = None, *, settings: int = 0, chance: float = 1 - LEVEL
) -> Verdict:
    """Return the verdict on settings by their means; higher is better.

    `terms` None = those of a sweep. `settings` is the number of settings at the start, if some were dropped because of
    their results; `chance` is the probability of a wrong claim to allow.
    """
    terms = terms or Terms()
    ranked = sorted(measured, key=lambda one: -one.mean.mean)
    if not ranked:
        return Verdict(f"Nothing to compare: no setting has a {terms.measure}.")
    if len(ranked) == 1:
        best = ranked[0]
        sentence = f"One setting only: {terms.measure} {interval_text(best.mean)}, n = {best.mean.n}."
        return Verdict(sentence, best=best.setting)
    return _compared(ranked, _Words(terms), max(settings, len(ranked)), chance)


def agreement_verdict(measured: Sequence[Measured]) -> Verdict:
    """Return what can be said without scores: where answers agree most, and which settings' answers differ."""
    ranked = sorted(measured, key=lambda one: -one.mean.mean)
    if not ranked:
        return Verdict("Nothing to compare: no setting was answered twice.")
    best, worst = ranked[0], ranked[-1]
    if best is worst:
        sentence = (
            f"One setting only: its answers agree by {interval_text(best.mean)}, n = {best.mean.n}; 1 = all the same."
        )
        return Verdict(sentence, best=best.setting)
    found = _compared(ranked, None, len(ranked), 1 - LEVEL)
    different = tuple(_different(ranked))
    parts = [
        "No score was given, so this says how alike a setting's answers are, not how good.",
        _alike(best, worst, len(ranked)),
    ]
    if different:
        pairs = "; ".join(f"{setting_text(a)} and {setting_text(b)}" for a, b in different[:MOST_NAMED])
        more = f"; and {len(different) - MOST_NAMED} more pairs" if len(different) > MOST_NAMED else ""
        parts.append(f"The answers themselves plainly differ between {pairs}{more}.")
    return replace(found, sentence=" ".join(parts), different=different)


def _different(ranked: Sequence[Measured]) -> Iterator[tuple[Setting, Setting]]:
    """Yield pairs of settings whose answers differ by more than chance, with Bonferroni's correction for all pairs."""
    some = ranked if len(ranked) <= MOST_CONTRASTED else (ranked[0], ranked[-1])
    limit = (1 - LEVEL) / math.comb(len(ranked), 2)
    for one, other in combinations(some, 2):
        if chance_of_difference(one.texts, other.texts) <= limit:
            yield one.setting, other.setting


def _alike(best: Measured, worst: Measured, count: int) -> str:
    """Say where answers agree most and least, and whether that is settled."""
    high, low = f"{best.mean.mean:.2f}", f"{worst.mean.mean:.2f}"
    if high == low:
        return f"They are equally alike in all of them (agreement {high}; 1 = all the same)."
    least = f"least at {setting_text(worst.setting)} ({low})"
    sentence = f"They are most alike at {setting_text(best.setting)} (agreement {high}; 1 = all the same), {least}"
    level = 1 - (1 - LEVEL) / math.comb(count, 2)
    gap = best.minus(worst, level)
    if _beats(gap):
        return f"{sentence}: that is settled."
    if gap is None or gap.low is None:
        return f"{sentence}: with so few repeats this may be chance; {best.ask_more(worst, fewest_repeats(level))}."
    more = "" if gap.more is None else f"; about {pluralize(gap.more, 'more repeat')} of each would tell"
    return f"{sentence}: that may be chance{more}."


def _compared(ranked: Sequence[Comparable], words: _Words | None, settings: int, chance: float) -> Verdict:
    """Return the verdict on two or more settings, ordered by mean; `words` None = without a sentence.

    The levels allow for `settings` settings and a `chance` of a wrong claim.
    """
    best, others = ranked[0], ranked[1:]
    level = 1 - chance / (settings - 1)
    gaps = [best.minus(other, level) for other in others]
    differences = tuple((other.setting, gap) for other, gap in zip(others, gaps, strict=True))
    if all(map(_beats, gaps)):
        beaten = tuple(other.setting for other in others)
        sentence = words.settled(best, differences) if words else ""
        return Verdict(sentence, True, best.setting, differences, beaten)
    strict = 1 - chance / math.comb(settings, 2)
    sure = [best.minus(other, strict) for other in others]
    beaten = tuple(other.setting for other, gap in zip(others, sure, strict=True) if _beats(gap))
    pairs = list(zip(others, gaps, strict=True))
    sentence = words.open(best, pairs, beaten, fewest_repeats(strict)) if words else ""
    return Verdict(sentence, False, best.setting, differences, beaten)


def _beats(gap: Difference | None) -> bool:
    """Whether a difference is settled in favour of the best, whose mean may be higher only in repeats the other lacks."""
    return gap is not None and gap.settled and gap.mean > 0


def _rounded(number: int) -> int:
    """Round up to two significant digits."""
    unit = int(f"1{'0' * (len(str(number)) - 2)}")
    return -(-number // unit) * unit


def _listed(names: Sequence[str]) -> str:
    """List names: "a, b and c"; with semicolons if any name has a comma."""
    *others, last = names
    if not others:
        return last
    return f"{'; '.join(others)}; and {last}" if "," in "".join(names) else f"{', '.join(others)} and {last}"


class _Words(Struct, frozen=True):
    """Writes the sentence of a verdict."""

    terms: Terms

    def settled(self, best: Comparable, differences: tuple[tuple[Setting, Difference | None], ...]) -> str:
        other, gap = differences[0]
        assert gap is not None  # noqa: S101  # a settled difference exists
        more = f", the next best of {len(differences)} others," if len(differences) > 1 else ""
        names = f"{self.terms.name(best.setting)} beats {self.terms.name(other)}{more}"
        return f"Settled: {names} in {self.terms.measure} by {self._gap(gap, len(differences))}."

    def open(
        self,
        best: Comparable,
        others: Sequence[tuple[Comparable, Difference | None]],
        beaten: Sequence[Setting],
        least: int,
    ) -> str:
        """The sentence for an open verdict; `least` is the fewest values that allow a claim."""
        measure, unit = self.terms.measure, self.terms.unit
        other, gap = next((other, gap) for other, gap in others if not _beats(gap))
        names = self.terms.name(best.setting), self.terms.name(other.setting)
        if gap is None or gap.low is None:
            advice = best.ask_more(other, least)
            few = "runs" if unit == "repeat" else f"{unit}s"
            return f"Not settled: too few {few} to distinguish {names[0]} from {names[1]}; {advice}."
        rest = f" Settled: {names[0]} beats {_listed([self.terms.name(one) for one in beaten])}." if beaten else ""
        if gap.mean < 0:
            return (
                f"Not settled: {names[0]} has the better mean {measure}, but {names[1]} is ahead in the {gap.n} {unit}s "
                f"that both have, by {self._gap(gap, len(others), -1)}.{rest}"
            )
        if gap.more is None:
            return (
                f"A tie: {names[0]} and {names[1]} are alike in {measure}, with a difference of {self._gap(gap, len(others))}; "
                f"no reasonable number of {unit}s would distinguish them.{rest}"
            )
        return (
            f"Not settled: {names[0]} is ahead of {names[1]} in {measure} by {self._gap(gap, len(others))}, which may be "
            f"chance; about {pluralize(_rounded(gap.more), f'more {unit}')}{self.terms.of_each} would tell.{rest}"
        )

    def _gap(self, gap: Difference, comparisons: int, sign: int = 1) -> str:
        """Format a difference with its interval, which holds for all comparisons jointly."""
        if gap.low == gap.high:  # an interval of zero width would suggest certainty
            return f"{figure(sign * gap.mean)} in every {self.terms.unit}"
        low, high = sorted((sign * (gap.low or 0.0), sign * (gap.high or 0.0)))
        together = f" for all {comparisons} comparisons together" if comparisons > 1 else ""
        return f"{figure(sign * gap.mean)} ({100 * LEVEL:.0f} % interval{together}: {figure(low)} to {figure(high)})"
