"""Stop asking settings that are plainly worse, at a few interim looks fixed in advance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from nbchat.tuning.grid import Setting, setting_text
from nbchat.tuning.statistics import LEVEL, Difference
from nbchat.tuning.verdict import Comparable

__all__ = ["FINAL", "SPENT", "Stopped", "looks", "plainly_worse"]

SHARES = (0.1, 0.2, 0.35, 0.6)
"""The looks, as shares of the rows."""

FEWEST = 20
"""Fewest rows before the first look."""

SPENT = 0.01
"""The probability of stopping any setting wrongly, over all looks together."""

FINAL = 1 - LEVEL - SPENT
"""The remainder of 5 %, for the final verdict."""


class Stopped(Struct, frozen=True):
    """A setting that was stopped after `rows` rows, because it was worse than `ahead` by `gap`."""

    setting: Setting
    rows: int
    ahead: Setting
    gap: Difference

    def sentence(self, name: Callable[[Setting], str] = setting_text) -> str:
        """Say what was stopped, and why, without a full stop; `name` gives a setting's name."""
        return f"{name(self.setting)} was stopped after {self.rows:,} rows, plainly worse than {name(self.ahead)}"


def looks(rows: int) -> list[int]:
    """Return the numbers of rows after which to look: 10, 20, 35 and 60 % of all, of those that are at least 20."""
    return sorted({math.ceil(share * rows) for share in SHARES if FEWEST <= math.ceil(share * rows) < rows})


def plainly_worse(measured: Sequence[Comparable], settings: int, number_of_looks: int, rows: int) -> list[Stopped]:
    """Return the settings that are worse than the best so far, at one of `number_of_looks` looks after `rows` rows.

    A setting is stopped if it is beaten at 1 - 1 % / (looks · k·(k-1)/2) for the k settings at the start: Bonferroni's
    correction for the looks (equal alpha spending) and for all pairs. The probability that any setting is stopped for
    one that is not better is then at most 1 %, whatever the number of looks used. The verdict at the end has the
    remaining 4 %.
    """
    ranked = sorted(measured, key=lambda one: -one.mean.mean)
    if len(ranked) < 2:
        return []
    level = 1 - SPENT / (number_of_looks * math.comb(settings, 2))
    best = ranked[0]
    gaps = [(other, best.minus(other, level)) for other in ranked[1:]]
    return [
        Stopped(other.setting, rows, best.setting, gap)
        for other, gap in gaps
        if gap is not None and gap.settled and gap.mean > 0
    ]
