"""Which setting is best, and whether that is settled: one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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

__all__ = ["Measured", "Verdict", "verdict"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One setting's results: the mean of what is compared, and its values by repeat.

    `values` None = it is no mean of repeats but an agreement, from 0 to 1. Then `mean.n` are answers, of which a repeat
    gives `per_repeat` (several choices), and of more than `most` only so many would be compared; None = all.
    """

    setting: Setting
    mean: Mean
    values: Mapping[int, float] | None = None
    per_repeat: float = 1.0
    most: int | None = None

    def minus(self, other: Measured, level: float) -> Difference | None:
        """How much more this setting reaches: paired by repeat, where there are values of both."""
        if self.values is None or other.values is None:
            gap = independent_difference(self.mean, other.mean, level)
            return None if gap is None else _of_agreements(gap, self, other)
        shared = sorted(self.values.keys() & other.values.keys())
        return difference(((self.values[repeat], other.values[repeat]) for repeat in shared), level)

    def repeats(self, answers: int) -> int:
        """How many repeats more give so many answers altogether."""
        return math.ceil(max(0, answers - self.mean.n) / self.per_repeat)


def _of_agreements(gap: Difference, *both: Measured) -> Difference:
    """Two agreements differ by at most one, and what is still needed are repeats rather than answers."""
    if gap.low is not None and gap.high is not None:
        gap = replace(gap, low=max(-1.0, gap.low), high=min(1.0, gap.high))
    if gap.more is None:
        return gap
    answers = gap.n + gap.more
    possible = all(one.most is None or answers <= one.most for one in both)
    return replace(gap, more=max(one.repeats(answers) for one in both) if possible else None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a sweep of k settings. `best` is the one with the highest mean so far, None = nothing to go by.

    `settled`: it is better than every other one, at 95 % confidence: each comparison is at 1 - 5 % / (k-1). As the best
    is chosen by the same runs, this holds because it must beat all: one that is not the best would have to beat one that
    is as good, by chance in half of 5 % / (k-1), and of such there are at most k.

    `beaten` are the others that it surely beats: all of them where it is settled; else those it beats at
    1 - 5 % / (k·(k-1)/2), after Bonferroni, since any two could have been the ones compared. `differences` are best
    minus other at the first level, by the other's place in the order of means; one alone of them claims nothing.
    """

    sentence: str
    settled: bool = False
    best: Setting | None = None
    differences: tuple[tuple[Setting, Difference | None], ...] = ()
    beaten: tuple[Setting, ...] = ()

    def __str__(self) -> str:
        return self.sentence


def verdict(measured: Sequence[Measured], what: str = "score") -> Verdict:
    """The verdict on settings by the mean of `what`, of which more is better."""
    ranked = sorted(measured, key=lambda one: -one.mean.mean)
    if not ranked:
        return Verdict(f"Nothing to compare: no setting has a {what}.")
    best, others = ranked[0], ranked[1:]
    if not others:
        return Verdict(f"One setting only: {what} {interval_text(best.mean)}, n = {best.mean.n}.", best=best.setting)
    level = 1 - (1 - LEVEL) / len(others)
    gaps = [best.minus(other, level) for other in others]
    differences = tuple((other.setting, gap) for other, gap in zip(others, gaps, strict=True))
    if all(map(_beats, gaps)):
        beaten = tuple(other.setting for other in others)
        return Verdict(_settled(best, differences, what), True, best.setting, differences, beaten)
    strict = 1 - (1 - LEVEL) / math.comb(len(ranked), 2)
    sure = [best.minus(other, strict) for other in others]
    beaten = tuple(other.setting for other, gap in zip(others, sure, strict=True) if _beats(gap))
    sentence = _open(best, list(zip(others, gaps, strict=True)), beaten, what, fewest_repeats(strict))
    return Verdict(sentence, False, best.setting, differences, beaten)


def _beats(gap: Difference | None) -> bool:
    """Whether it is settled, and for the best: its mean may be the highest by repeats that the other one lacks."""
    return gap is not None and gap.settled and gap.mean > 0


def _settled(best: Measured, differences: tuple[tuple[Setting, Difference | None], ...], what: str) -> str:
    other, gap = differences[0]
    assert gap is not None  # noqa: S101  # settled differences exist
    more = f", the next best of {len(differences)} others," if len(differences) > 1 else ""
    return f"Settled: {setting_text(best.setting)} beats {setting_text(other)}{more} in {what} by {_gap(gap)}."


def _open(
    best: Measured,
    others: Sequence[tuple[Measured, Difference | None]],
    beaten: Sequence[Setting],
    what: str,
    least: int,
) -> str:
    """`least` is the number of values without which no claim is made."""
    other, gap = next((other, gap) for other, gap in others if not _beats(gap))
    names = setting_text(best.setting), setting_text(other.setting)
    if gap is None or gap.low is None:
        times = max(2, *(math.ceil(least / one.per_repeat) for one in (best, other)))
        return (
            f"Not settled: so few runs can't tell {names[0]} from {names[1]} in {what}; "
            f"ask each at least {times} times (repeat={times})."
        )
    rest = f" Settled: it beats {'; '.join(map(setting_text, beaten))}." if beaten else ""
    if gap.mean < 0:
        return (
            f"Not settled: {names[0]} has the higher mean {what}, but {names[1]} is ahead in the {gap.n} repeats that "
            f"both have, by {_gap(gap, -1)}.{rest}"
        )
    if gap.more is None:
        return (
            f"Not settled: {names[0]} and {names[1]} are alike in {what} (difference {_gap(gap)}); "
            f"no sensible number of repeats would tell them apart.{rest}"
        )
    noun = "repeat" if gap.more == 1 else "repeats"
    return (
        f"Not settled: {names[0]} leads {names[1]} in {what} by {_gap(gap)}; "
        f"about {gap.more} more {noun} of each needed.{rest}"
    )


def _gap(gap: Difference, sign: int = 1) -> str:
    if gap.low == gap.high:  # an interval without width would claim to know it to the last digit
        return f"{sign * gap.mean:.2g} in every repeat"
    low, high = sorted((sign * (gap.low or 0.0), sign * (gap.high or 0.0)))
    level = f"{100 * gap.level:.3g} %"
    return f"{sign * gap.mean:.2g} ({level} interval {low:.2g} to {high:.2g})"
