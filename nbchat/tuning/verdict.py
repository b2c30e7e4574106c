"""Which setting is best, and whether that is settled, in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from nbchat.tuning.contrast import chance_of_difference
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
from nbchat.values.plural import pluralize

__all__ = ["Measured", "Verdict", "agreement_verdict", "verdict"]

MOST_CONTRASTED = 8
"""Settings of which each two are looked at for plainly different answers; of more, those with most and least agreement."""

MOST_NAMED = 3
"""Pairs that are named."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One setting's results: the mean of what is compared, and its values by repeat.

    `values` None = it is no mean of repeats but an agreement, from 0 to 1. Then `mean.n` are answers, of which a repeat
    gives `per_repeat` (several choices), and of more than `most` only so many would be compared; None = all. `texts`
    are those answers.
    """

    setting: Setting
    mean: Mean
    values: Mapping[int, float] | None = None
    per_repeat: float = 1.0
    most: int | None = None
    texts: Sequence[str] = ()

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

    Without scores that is the mean agreement: it is the setting whose answers are most alike, and no better for it.

    `settled`: it is better than every other one, at 95 % confidence: each comparison is at 1 - 5 % / (k-1). As the best
    is chosen by the same runs, this holds because it must beat all: one that is not the best would have to beat one that
    is as good, by chance in half of 5 % / (k-1), and of such there are at most k.

    `beaten` are the others that it surely beats: all of them where it is settled; else those it beats at
    1 - 5 % / (k·(k-1)/2), after Bonferroni, since any two could have been the ones compared. `differences` are best
    minus other at the first level, by the other's place in the order of means; one alone of them claims nothing.

    `different` are pairs of settings whose answers plainly differ, whatever their scores; looked for only without scores.
    """

    sentence: str
    settled: bool = False
    best: Setting | None = None
    differences: tuple[tuple[Setting, Difference | None], ...] = ()
    beaten: tuple[Setting, ...] = ()
    different: tuple[tuple[Setting, Setting], ...] = ()

    def __str__(self) -> str:
        return self.sentence


def verdict(measured: Sequence[Measured]) -> Verdict:
    """The verdict on settings by their mean scores, of which more is better."""
    ranked = sorted(measured, key=lambda one: -one.mean.mean)
    if not ranked:
        return Verdict("Nothing to compare: no setting has a score.")
    if len(ranked) == 1:
        best = ranked[0]
        return Verdict(f"One setting only: score {interval_text(best.mean)}, n = {best.mean.n}.", best=best.setting)
    return _compared(ranked, _settled, _open)


def agreement_verdict(measured: Sequence[Measured]) -> Verdict:
    """What can be said without scores: where answers are most alike, and which settings' answers plainly differ."""
    ranked = sorted(measured, key=lambda one: -one.mean.mean)
    if not ranked:
        return Verdict("Nothing to compare: no setting was answered twice.")
    best, worst = ranked[0], ranked[-1]
    if best is worst:
        told = (
            f"One setting only: its answers agree by {interval_text(best.mean)}, n = {best.mean.n}; 1 = all the same."
        )
        return Verdict(told, best=best.setting)
    found = _compared(ranked, lambda *_: "", lambda *_: "")
    different = tuple(_different(ranked))
    parts = [
        "No score was given, so this says how alike a setting's answers are, not how good.",
        _alike(best, worst, len(ranked)),
    ]
    if different:
        pairs = "; ".join(f"{setting_text(a)} and {setting_text(b)}" for a, b in different[:MOST_NAMED])
        more = f"; and {len(different) - MOST_NAMED} more pairs" if len(different) > MOST_NAMED else ""
        parts.append(f"The answers plainly differ between {pairs}{more}.")
    return replace(found, sentence=" ".join(parts), different=different)


def _different(ranked: Sequence[Measured]) -> Iterator[tuple[Setting, Setting]]:
    """Pairs of settings whose answers differ by more than chance, after Bonferroni for all pairs there are."""
    some = ranked if len(ranked) <= MOST_CONTRASTED else (ranked[0], ranked[-1])
    limit = (1 - LEVEL) / math.comb(len(ranked), 2)
    for one, other in combinations(some, 2):
        if chance_of_difference(one.texts, other.texts) <= limit:
            yield one.setting, other.setting


def _alike(best: Measured, worst: Measured, count: int) -> str:
    """Where answers are most and least alike, and what to make of that."""
    high, low = f"{best.mean.mean:.2f}", f"{worst.mean.mean:.2f}"
    if high == low:
        return f"They are equally alike in all of them (agreement {high}; 1 = all the same)."
    least = f"least at {setting_text(worst.setting)} ({low})"
    told = f"They are most alike at {setting_text(best.setting)} (agreement {high}; 1 = all the same), {least}"
    level = 1 - (1 - LEVEL) / math.comb(count, 2)
    gap = best.minus(worst, level)
    if _beats(gap):
        return f"{told}: that is settled."
    if gap is None or gap.low is None:
        return f"{told}: with so few repeats that may be chance; {_ask_more(best, worst, fewest_repeats(level))}."
    more = "" if gap.more is None else f"; about {pluralize(gap.more, 'more repeat')} of each would tell"
    return f"{told}: how far apart they are is not settled{more}."


def _ask_more(one: Measured, other: Measured, least: int) -> str:
    times = max(2, *(math.ceil(least / each.per_repeat) for each in (one, other)))
    return f"ask each at least {times} times (repeat={times})"


def _compared(ranked: Sequence[Measured], settled: Callable[..., str], open_: Callable[..., str]) -> Verdict:
    """The verdict on two or more settings in the order of their means, in the words of `settled` or `open_`."""
    best, others = ranked[0], ranked[1:]
    level = 1 - (1 - LEVEL) / len(others)
    gaps = [best.minus(other, level) for other in others]
    differences = tuple((other.setting, gap) for other, gap in zip(others, gaps, strict=True))
    if all(map(_beats, gaps)):
        beaten = tuple(other.setting for other in others)
        return Verdict(settled(best, differences), True, best.setting, differences, beaten)
    strict = 1 - (1 - LEVEL) / math.comb(len(ranked), 2)
    sure = [best.minus(other, strict) for other in others]
    beaten = tuple(other.setting for other, gap in zip(others, sure, strict=True) if _beats(gap))
    sentence = open_(best, list(zip(others, gaps, strict=True)), beaten, fewest_repeats(strict))
    return Verdict(sentence, False, best.setting, differences, beaten)


def _beats(gap: Difference | None) -> bool:
    """Whether it is settled, and for the best: its mean may be the highest by repeats that the other one lacks."""
    return gap is not None and gap.settled and gap.mean > 0


def _settled(best: Measured, differences: tuple[tuple[Setting, Difference | None], ...]) -> str:
    other, gap = differences[0]
    assert gap is not None  # noqa: S101  # settled differences exist
    more = f", the next best of {len(differences)} others," if len(differences) > 1 else ""
    return f"Settled: {setting_text(best.setting)} beats {setting_text(other)}{more} in score by {_gap(gap, len(differences))}."


def _open(
    best: Measured,
    others: Sequence[tuple[Measured, Difference | None]],
    beaten: Sequence[Setting],
    least: int,
) -> str:
    """`least` is the number of values without which no claim is made."""
    other, gap = next((other, gap) for other, gap in others if not _beats(gap))
    names = setting_text(best.setting), setting_text(other.setting)
    if gap is None or gap.low is None:
        return f"Not settled: so few runs can't tell {names[0]} from {names[1]}; {_ask_more(best, other, least)}."
    rest = f" Settled: it beats {'; '.join(map(setting_text, beaten))}." if beaten else ""
    if gap.mean < 0:
        return (
            f"Not settled: {names[0]} has the higher mean score, but {names[1]} is ahead in the {gap.n} repeats that "
            f"both have, by {_gap(gap, len(others), -1)}.{rest}"
        )
    if gap.more is None:
        return (
            f"A tie: {names[0]} and {names[1]} score alike (difference {_gap(gap, len(others))}); "
            f"no sensible number of repeats would tell them apart.{rest}"
        )
    return (
        f"Not settled: {names[0]} scored higher than {names[1]} by {_gap(gap, len(others))}, which may be chance; "
        f"about {pluralize(gap.more, 'more repeat')} of each would tell.{rest}"
    )


def _gap(gap: Difference, comparisons: int, sign: int = 1) -> str:
    """A difference with its interval, which holds for all of these comparisons at once."""
    if gap.low == gap.high:  # an interval without width would claim to know it to the last digit
        return f"{sign * gap.mean:.2g} in every repeat"
    low, high = sorted((sign * (gap.low or 0.0), sign * (gap.high or 0.0)))
    together = f" for all {comparisons} comparisons together" if comparisons > 1 else ""
    return f"{sign * gap.mean:.2g} ({100 * LEVEL:.0f} % interval{together}: {low:.2g} to {high:.2g})"
