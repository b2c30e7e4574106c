"""How much two annotators agree, which bounds the score that a setting can be expected to reach."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from nbchat.tuning.statistics import LEVEL, Mean, interval_text, t_quantile

__all__ = ["Annotators", "cohens_kappa"]


class Annotators(Struct, frozen=True):
    """The agreement of two annotators over the rows that both judged.

    For labels, `agreement` is the share of rows with the same label, and `kappa` is Cohen's. For numbers, `agreement` is
    the mean absolute difference and `kappa` is None.
    """

    agreement: Mean
    kappa: Mean | None = None

    def __str__(self) -> str:
        if self.kappa is None:
            return f"The two annotators differ by {interval_text(self.agreement)} on average (n = {self.agreement.n})."
        kappa = f"Cohen's kappa {interval_text(self.kappa)}"
        return (
            f"The two annotators agree in {interval_text(self.agreement)} of {self.agreement.n:,} rows ({kappa}): "
            "a higher accuracy than that says little."
        )

    @classmethod
    def of_labels(cls, pairs: Iterable[tuple[str | None, str | None]]) -> Annotators | None:
        """Compare labels; pairs with a missing one are left out. None = no row has both."""
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        rate = Mean.of((float(a == b) for a, b in both), truths=True)
        return None if rate is None else cls(rate, cohens_kappa(both))

    @classmethod
    def of_numbers(cls, pairs: Iterable[tuple[float | None, float | None]]) -> Annotators | None:
        """Compare numbers; pairs with a missing one are left out. None = no row has both."""
        gap = Mean.of(abs(a - b) for a, b in pairs if a is not None and b is not None)
        return None if gap is None else cls(gap)


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> Mean | None:
    """Return Cohen's (1960) kappa of two annotators with its 95 % interval; None = undefined, since both used one label.

    kappa = (p - e) / (1 - e), where p is the share of rows with equal labels, and e the share expected if the annotators
    chose independently. The standard error is that of Fleiss, Cohen and Everitt (1969). If they agree in all rows it
    would be 0; then the lower end is that of Wilson's interval of p.
    """
    n = len(pairs)
    shares = {pair: count / n for pair, count in Counter(pairs).items()}
    one: defaultdict[str, float] = defaultdict(float)
    two: defaultdict[str, float] = defaultdict(float)
    for (a, b), share in shares.items():
        one[a] += share
        two[b] += share
    equal = math.fsum(share for (a, b), share in shares.items() if a == b)
    expected = math.fsum(one[label] * two[label] for label in [*one])
    if n == 0 or expected > 1 - 1e-12:
        return None
    kappa = (equal - expected) / (1 - expected)
    if all(a == b for a, b in pairs):
        rate = Mean.of([1.0] * n, truths=True)
        low = rate.low if rate is not None and rate.low is not None else 0.0
        return Mean(1.0, n, (low - expected) / (1 - expected), 1.0)
    same = sum(p * (1 - (one[a] + two[b]) * (1 - kappa)) ** 2 for (a, b), p in shares.items() if a == b)
    unlike = (1 - kappa) ** 2 * sum(p * (two[a] + one[b]) ** 2 for (a, b), p in shares.items() if a != b)
    variance = max(0.0, same + unlike - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    error = math.sqrt(variance)
    reach = t_quantile(max(1, n - 1), LEVEL) * error
    return Mean(kappa, n, max(-1.0, kappa - reach), min(1.0, kappa + reach), error)
