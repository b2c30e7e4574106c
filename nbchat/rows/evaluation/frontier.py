"""The settings that no other beats in both quality and cost."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["frontier"]


def frontier(points: Sequence[tuple[float | None, float | None]]) -> list[int]:
    """Return the indices of the points (cost, quality) that no other dominates, by increasing cost.

    A point dominates another if it costs no more and is no worse, and is better in one of them. Points with an unknown
    cost or quality are not on the frontier; of equal ones, all are.
    """
    known = sorted(
        (cost, -quality, index)
        for index, (cost, quality) in enumerate(points)
        if cost is not None and quality is not None
    )
    found: list[int] = []
    best: tuple[float, float] | None = None
    for cost, worse, index in known:
        if best is None or worse < best[1] or (cost, worse) == best:
            best = (cost, worse)
            found.append(index)
    return found
