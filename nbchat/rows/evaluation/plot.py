"""The data of an evaluation's plots: quality by setting, and quality against cost with the frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbchat.tuning.plot import Backend, Figures, Point, Scale, draw

if TYPE_CHECKING:
    from nbchat.rows.evaluation.result import Evaluation

__all__ = ["figures", "plot"]


def plot(evaluation: Evaluation, *, backend: Backend | None = None) -> Any:
    """Draw two plots side by side with Altair, or with Matplotlib if Altair is not installed.

    Left: each setting's quality with its 95 % interval, against temperature or the first axis with several values.
    Right: quality against the cost of 1,000 rows, or the time if no cost is known, with a line along the frontier.
    Raises ParameterError, and NbchatError if neither library is installed.
    """
    return draw(lambda: figures(evaluation), backend)


def figures(evaluation: Evaluation) -> Figures:
    """Compute the data of both plots."""
    scale = Scale.of(evaluation.grid, "all rows")
    drawn = Figures(
        scale.title,
        evaluation.measure.name,
        scale.numeric,
        trade_title=evaluation.measure.name,
        trade_x_title="cost of 1,000 rows (US$)" if evaluation.priced else "seconds for 1,000 rows, one after another",
        trade_heading="{} against cost" if evaluation.priced else "{} against time",
    )
    points = {}
    for number, one in enumerate(evaluation.standings):
        if one.quality is None:
            continue
        shown = (scale.series(one.setting), f"{one.name}, n = {one.quality.n}", one.quality.low, one.quality.high)
        drawn.means.append(Point(scale.x(one.setting), one.quality.mean, *shown))
        price = evaluation.price(number)
        if price is not None:
            points[number] = Point(price, one.quality.mean, *shown)
    drawn.trade.extend(points.values())
    drawn.frontier.extend(points[number] for number in evaluation.frontier)
    return drawn
