"""Which setting is best, and whether that is settled: one plain sentence."""

from __future__ import annotations

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
    """One setting's results: the mean of what is compared, and its values by repeat (None = not a mean of repeats)."""

    setting: Setting
    mean: Mean
    values: Mapping[int, float] | None = None

    def minus(self, other: Measured, level: float) -> Difference | None:
        """How much more this setting reaches: paired by repeat, where there are values of both."""
        if self.values is None or other.values is None:
            return _within_one(independent_difference(self.mean, other.mean, level))
        shared = sorted(self.values.keys() & other.values.keys())
        return difference(((self.values[repeat], other.values[repeat]) for repeat in shared), level)


def _within_one(gap: Difference | None) -> Difference | None:
    """What is no mean of repeats is an agreement, from 0 to 1, and two of them differ by no more."""
    if gap is None or gap.low is None or gap.high is None:
        return gap
    return replace(gap, low=max(-1.0, gap.low), high=min(1.0, gap.high))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a sweep. `best` is the setting with the highest mean so far, None = nothing to go by.

    `settled`: it is better than every other one at 95 % confidence over all comparisons together (each at 1 - 5 % /
    their number, after Bonferroni). `differences` are best minus other, by the other's place in the order of means.
    """

    sentence: str
    settled: bool = False
    best: Setting | None = None
    differences: tuple[tuple[Setting, Difference | None], ...] = ()

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
    differences = tuple((other.setting, best.minus(other, level)) for other in others)
    settled = all(gap is not None and gap.settled for _, gap in differences)
    sentence = _settled(best, differences, what) if settled else _open(best, differences, what)
    return Verdict(sentence, settled, best.setting, differences)


_Differences = tuple[tuple[Setting, Difference | None], ...]


def _settled(best: Measured, differences: _Differences, what: str) -> str:
    other, gap = differences[0]
    assert gap is not None  # noqa: S101  # settled differences exist
    more = f", the next best of {len(differences)} others," if len(differences) > 1 else ""
    return f"Settled: {setting_text(best.setting)} beats {setting_text(other)}{more} in {what} by {_gap(gap)}."


def _open(best: Measured, differences: _Differences, what: str) -> str:
    undecided = [(other, gap) for other, gap in differences if gap is None or not gap.settled]
    other, gap = undecided[0]
    names = setting_text(best.setting), setting_text(other)
    if gap is None or gap.low is None:
        least = max(fewest_repeats(1 - (1 - LEVEL) / len(differences)), 2)
        return (
            f"Not settled: so few runs can't tell {names[0]} from {names[1]} in {what}; "
            f"ask each at least {least} times (repeat={least})."
        )
    beaten = [setting_text(setting) for setting, one in differences if one is not None and one.settled]
    rest = f" Settled: it beats {'; '.join(beaten)}." if beaten else ""
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


def _gap(gap: Difference) -> str:
    low, high = gap.low or 0.0, gap.high or 0.0
    level = f"{100 * gap.level:.3g} %"
    return f"{gap.mean:.2g} ({level} interval {low:.2g} to {high:.2g})"
