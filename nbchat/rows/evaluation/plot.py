"""The data of an evaluation's plots: quality by setting, and quality against cost with the frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbchat.tuning.grid import setting_text, value_text
from nbchat.tuning.plot import Backend, Figures, Point, draw

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
    grid = evaluation.grid
    axes = [axis for axis in grid.axes if len(axis.values) > 1] or list(grid.axes)
    axis = next((axis for axis in axes if axis.name == "temperature"), axes[0] if axes else None)
    name = axis.name if axis is not None else ""
    drawn = Figures(
        name or "all rows",
        evaluation.measure.name,
        axis is not None and axis.numeric,
        trade_title=evaluation.measure.name,
        trade_x_title="cost of 1,000 rows (US$)" if evaluation.priced else "seconds for 1,000 rows, one after another",
        trade_heading="{} against cost" if evaluation.priced else "{} against time",
    )
    points = {}
    for number, one in enumerate(evaluation.standings):
        if one.quality is None:
            continue
        value = one.setting.get(name)
        x = value if drawn.numeric else value_text(one.setting, name) if name else "all rows"
        without = name if drawn.numeric else None
        series = setting_text(one.setting, without=without) if one.setting.keys() - {without} else "all"
        interval = (one.quality.low, one.quality.high)
        label = f"{one.name}, n = {one.quality.n}"
        drawn.means.append(Point(x, one.quality.mean, series, label, *interval))
        price = evaluation.price(number)
        if price is not None:
            points[number] = Point(price, one.quality.mean, series, label, *interval)
    drawn.trade.extend(points.values())
    drawn.frontier.extend(points[number] for number in evaluation.frontier)
    return drawn
