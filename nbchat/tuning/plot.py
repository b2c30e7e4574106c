"""Plots of settings: quality against a parameter, and what an answer costs against what it takes or is worth."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Self

from msgspec import Struct, field

from nbchat.tuning.grid import Grid, Setting, setting_text, value_text
from nbchat.values.errors import NbchatError, ParameterError

if TYPE_CHECKING:
    from nbchat.tuning.result import Sweep

__all__ = ["Backend", "Figures", "Point", "Scale", "draw", "figures", "plot", "vega_type"]

Backend = Literal["altair", "matplotlib"]

# Okabe and Ito's palette (2008) for colour-blind readers; these colours are readable on white and on black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NEWEST_VEGA = 5
"""The newest version of Vega-Lite that JupyterLab draws."""

LONGEST_NAME = 40
"""Characters shown of a name on an axis or in the legend."""

MOST_NAMES = 20
"""Names on an axis or in the legend."""

INK = "#787878"
"""A grey for axes, grid and text that is readable on light and dark pages."""


class Point(Struct, frozen=True):
    """A data point. `low` and `high` bound its interval (None = none). `series` determines its colour."""

    x: Any
    y: float
    series: str
    label: str
    low: float | None = None
    high: float | None = None


class Figures(Struct, frozen=True):
    """The data to draw. In the left plot, `means` has a point for each setting and `runs` one for each scored run.

    `trade` has the points of the right plot, for a sweep one for each complete run; `frontier` are those of them that a
    line joins.
    """

    x_title: str
    y_title: str
    numeric: bool
    """Whether x is numeric rather than categorical."""
    means: list[Point] = field(default_factory=list)
    runs: list[Point] = field(default_factory=list)
    trade: list[Point] = field(default_factory=list)
    trade_title: str = ""
    trade_x_title: str = "seconds"
    trade_heading: str = "{} against time"
    frontier: list[Point] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """The heading of the right plot."""
        return self.trade_heading.format(self.trade_title)

    @property
    def y_range(self) -> tuple[float, float] | None:
        """What the left plot shows where intervals would dwarf the values, as after two repeats; None = all of it."""
        ys = [point.y for point in (*self.means, *self.runs)]
        ends = [end for point in self.means for end in (point.low, point.high) if end is not None]
        if not ends:
            return None
        low, high = min(ys), max(ys)
        reach = high - low
        dwarfed = reach > 0 and (min(ends) < low - 2 * reach or max(ends) > high + 2 * reach)
        return (low - reach, high + reach) if dwarfed else None

    @property
    def series(self) -> list[str]:
        """The series names, in order."""
        return list(dict.fromkeys(point.series for point in (*self.means, *self.trade)))


class Scale(Struct, frozen=True):
    """What quality is drawn against: temperature, or the first axis with several values.

    `name` is the axis's, empty = there is none; then `everything` names all there is. `numeric`: its values are numbers.
    """

    name: str
    numeric: bool
    everything: str

    @classmethod
    def of(cls, grid: Grid, everything: str) -> Self:
        """Choose the axis."""
        axes = [axis for axis in grid.axes if len(axis.values) > 1] or list(grid.axes)
        axis = next((axis for axis in axes if axis.name == "temperature"), axes[0] if axes else None)
        return cls("", False, everything) if axis is None else cls(axis.name, axis.numeric, everything)

    @property
    def title(self) -> str:
        """The title of the axis."""
        return self.name or self.everything

    def x(self, setting: Setting) -> Any:
        """Return where a setting is drawn: at a number, or at its value's text."""
        if self.numeric:
            return setting.get(self.name)
        return value_text(setting, self.name) if self.name else self.everything

    def series(self, setting: Setting) -> str:
        """Name a setting's series: every axis not on x; a categorical x too, since the right plot needs it."""
        without = self.name if self.numeric else None
        return setting_text(setting, without=without) if setting.keys() - {without} else "all"


def plot(sweep: Sweep, *, backend: Backend | None = None) -> Any:
    """Draw two plots side by side with Altair, or with Matplotlib if Altair is not installed.

    Left: the mean score of each setting (without scores, the agreement between repeats) with its 95 % interval, against
    temperature or the first axis with several values. Right: the cost of each answer (or its tokens, if no cost is known)
    against the seconds it took; drawn alone if there is no quality to show. Raises NbchatError if neither library is
    installed.
    """
    return draw(lambda: figures(sweep), backend)


def draw(data: Callable[[], Figures], backend: Backend | None = None) -> Any:
    """Draw figures with a library: Altair, else Matplotlib (None). Raises ParameterError, and NbchatError without either."""
    if backend not in (None, "altair", "matplotlib"):
        raise ParameterError(f"backend must be altair or matplotlib; got {backend!r}.")
    backends: tuple[Backend, ...] = ("altair", "matplotlib")
    installed = [name for name in backends if find_spec(name)]
    chosen = backend or next(iter(installed), None)
    if chosen not in installed:
        raise NbchatError("A plot needs Altair or Matplotlib: pip install 'jupyter-nbchat[plot]'.")
    drawn = data()
    return _altair(drawn) if chosen == "altair" else _matplotlib(drawn)


def figures(sweep: Sweep) -> Figures:
    """Compute the data of both plots."""
    scale = Scale.of(sweep.grid, "all runs")
    costs = any(run.cost for run in sweep)
    drawn = Figures(
        scale.title,
        "score" if sweep.scored else "agreement",
        scale.numeric,
        trade_title="cost (US$)" if costs else "completion tokens",
    )
    for summary in sweep.summary():
        mean = summary.score if sweep.scored else summary.agreement
        if mean is not None:
            setting, label = summary.setting, f"{summary.name}, n = {mean.n}"
            drawn.means.append(Point(scale.x(setting), mean.mean, scale.series(setting), label, mean.low, mean.high))
    for run in sweep.complete:
        series = scale.series(run.setting)
        if (score := sweep.score_of(run)) is not None:
            drawn.runs.append(Point(scale.x(run.setting), score, series, f"run {run.index}"))
        row = run.row()
        paid, seconds = row["cost"] if costs else row["completion_tokens"], row["total_s"]
        if paid is not None and seconds is not None:
            drawn.trade.append(Point(seconds, paid, series, f"run {run.index}: {setting_text(run.setting)}"))
    return drawn


# Altair


def _altair(drawn: Figures) -> Any:
    import altair as alt

    means, runs = _table(drawn.means), _table(drawn.runs)
    legend = alt.Legend(title=None, orient="bottom") if len(drawn.series) > 1 else None
    colour = alt.Color("series:N", legend=legend, scale=alt.Scale(domain=drawn.series, range=_colours(drawn.series)))
    kind = "Q" if drawn.numeric else "N"
    x = alt.X(f"x:{kind}", title=drawn.x_title, sort=None)
    base = alt.Chart(alt.Data(values=means)).encode(x=x, color=colour)
    tip = [alt.Tooltip("label:N", title="run"), alt.Tooltip("y:Q", title=drawn.y_title, format=".3g")]
    scale = alt.Scale(zero=False) if drawn.y_range is None else alt.Scale(domain=drawn.y_range)
    y = alt.Y("y:Q", title=drawn.y_title, scale=scale)
    layers = [
        alt.Chart(alt.Data(values=runs)).mark_circle(opacity=0.3, size=30).encode(x=x, y=y, color=colour, tooltip=tip),
        base.mark_rule(strokeWidth=2, clip=True).encode(
            y=alt.Y("low:Q", title=drawn.y_title, scale=scale), y2="high:Q"
        ),
        base.mark_line(opacity=0.6).encode(y=y) if drawn.numeric else base.mark_tick(opacity=0).encode(y=y),
        base.mark_point(filled=True, size=80, opacity=1).encode(y=y, tooltip=tip),
    ]
    left = alt.layer(*layers).properties(width=320, height=240, title=f"{drawn.y_title} by {drawn.x_title}")
    right = _altair_trade(alt, drawn, colour)
    ink = {"labelColor": INK, "titleColor": INK}
    chart = (
        (alt.hconcat(left, right) if drawn.means else right)
        .configure(background="transparent")
        .configure_axis(**ink, gridColor=INK, gridOpacity=0.2, domainColor=INK, tickColor=INK)
        .configure_title(color=INK, fontWeight="normal")
        .configure_legend(labelColor=INK, labelLimit=300)
        .configure_view(stroke=None)
    )
    return _without_download(chart)


def _altair_trade(alt: Any, drawn: Figures, colour: Any) -> Any:
    """The right plot."""
    trade = alt.Chart(alt.Data(values=_table(drawn.trade)))
    x = alt.X("x:Q", title=drawn.trade_x_title)
    y = alt.Y("y:Q", title=drawn.trade_title, scale=alt.Scale(zero=not drawn.frontier))
    tip = [alt.Tooltip("label:N", title="run"), alt.Tooltip("x:Q", format=".3g"), alt.Tooltip("y:Q", format=".3g")]
    layers = [trade.mark_circle(size=60, opacity=0.7).encode(x=x, y=y, color=colour, tooltip=tip)]
    if drawn.frontier:
        line = alt.Chart(alt.Data(values=_table(drawn.frontier))).mark_line(
            color=INK, strokeDash=[4, 3], interpolate="step-after"
        )
        ends = {"y": alt.Y("low:Q", title=drawn.trade_title), "y2": "high:Q"}
        layers = [line.encode(x=x, y=y), trade.mark_rule(strokeWidth=2).encode(x=x, color=colour, **ends), *layers]
    return alt.layer(*layers).properties(width=320, height=240, title=drawn.heading)


def _without_download(chart: Any) -> Any:
    """Return the chart, showing itself by the front end's own Vega.

    Altair's default is HTML that fetches Vega from a CDN: it shows nothing offline, and tells others of the notebook.
    """
    # Altair's own `setattr` would make it a field.
    object.__setattr__(chart, "_repr_mimebundle_", functools.partial(_vega_bundle, chart))
    return chart


def vega_type(specification: Mapping[str, Any]) -> str:
    """Return the MIME type of a Vega-Lite specification: 5 where a newer one, which front ends lack, reads the same."""
    version = str(specification.get("$schema", "v5")).rpartition("/v")[2].partition(".")[0]
    return f"application/vnd.vegalite.v{min(int(version), NEWEST_VEGA) if version.isdigit() else NEWEST_VEGA}+json"


def _vega_bundle(chart: Any, *_args: Any, **_options: Any) -> dict[str, Any]:
    specification = chart.to_dict()
    plain = "[plot: no Vega here to draw it; pip install matplotlib, and plot(backend='matplotlib') is a picture]"
    return {vega_type(specification): specification, "text/plain": plain}


def _table(points: Sequence[Point]) -> list[dict[str, Any]]:
    names = ("x", "y", "series", "label", "low", "high")
    return [{name: getattr(point, name) for name in names} for point in points]


def _colours(series: Sequence[str]) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(len(series))]


# Matplotlib


def _matplotlib(drawn: Figures) -> Any:
    from matplotlib.figure import Figure  # not pyplot, which would change the user's current figure

    both = bool(drawn.means)
    figure = Figure(figsize=(9 if both else 4.8, 3.6), layout="constrained")
    figure.patch.set_alpha(0)
    *quality, right = figure.subplots(1, 1 + both, squeeze=False)[0]
    colour_of = dict(zip(drawn.series, _colours(drawn.series), strict=True))
    for series, colour in colour_of.items():
        for left in quality:
            _draw_quality(left, drawn, series, colour)
        _draw_trade(right, drawn, series, colour)
    _draw_frontier(right, drawn)
    for left in quality:
        _title(left, drawn.x_title, drawn.y_title, f"{drawn.y_title} by {drawn.x_title}")
        left.set_ylim(*drawn.y_range or left.get_ylim())
    _title(right, drawn.trade_x_title, drawn.trade_title, drawn.heading)
    right.update_datalim([(0, 0)], updatey=not drawn.frontier)  # else a millisecond or a token looks like a lot
    right.autoscale_view()
    right.set_xlim(left=0)
    if not drawn.frontier:
        right.set_ylim(bottom=0)
    if len(colour_of) > 1:
        _legend(figure, right, columns=1 + both)
    return figure


def _legend(figure: Any, axes: Any, columns: int) -> None:
    """Name the colours below both plots, where no point can lie."""
    handles, names = axes.get_legend_handles_labels()
    shown = [_shortened(name, LONGEST_NAME) for name in names[:MOST_NAMES]]
    if len(names) > MOST_NAMES:
        shown[-1] = f"… {len(names) - MOST_NAMES + 1} more"
    figure.set_figheight(figure.get_figheight() + 0.18 * len(shown) / columns)
    place = {"loc": "outside lower center", "ncols": columns}
    figure.legend(handles[: len(shown)], shown, fontsize=8, frameon=False, labelcolor=INK, **place)


def _draw_trade(axes: Any, drawn: Figures, series: str, colour: str) -> None:
    points = [point for point in drawn.trade if point.series == series]
    xs, ys = [point.x for point in points], [point.y for point in points]
    axes.plot(xs, ys, "o", color=colour, alpha=0.7, label=series.lstrip("_"))
    if any(point.low is not None for point in points):
        axes.errorbar(xs, ys, yerr=_error_bars(points), fmt="none", color=colour, capsize=3)


def _draw_frontier(axes: Any, drawn: Figures) -> None:
    if drawn.frontier:
        xs, ys = [point.x for point in drawn.frontier], [point.y for point in drawn.frontier]
        axes.step(xs, ys, where="post", color=INK, linestyle="--", linewidth=1, zorder=0)


def _error_bars(points: Sequence[Point]) -> list[list[float]]:
    """How far the intervals reach below and above their points."""
    return [
        [0.0 if point.low is None else max(0.0, point.y - point.low) for point in points],
        [0.0 if point.high is None else max(0.0, point.high - point.y) for point in points],
    ]


def _draw_quality(axes: Any, drawn: Figures, series: str, colour: str) -> None:
    names = list(dict.fromkeys(point.x for point in drawn.means))
    aside = _dodge(drawn, series)

    def place(x: Any) -> float:
        return float(x if drawn.numeric else names.index(x)) + aside

    if not drawn.numeric:
        _name_ticks(axes, [str(name) for name in names])
        axes.set_xlim(-0.6, len(names) - 0.4)
    means = sorted((point for point in drawn.means if point.series == series), key=lambda point: place(point.x))
    xs, ys = [place(point.x) for point in means], [point.y for point in means]
    axes.errorbar(xs, ys, yerr=_error_bars(means), fmt="o-" if drawn.numeric else "o", color=colour, capsize=3)
    runs = [point for point in drawn.runs if point.series == series and (drawn.numeric or point.x in names)]
    axes.plot([place(p.x) for p in runs], [p.y for p in runs], "o", color=colour, alpha=0.25, markersize=4)


def _name_ticks(axes: Any, names: Sequence[str]) -> None:
    """Write names along x: slanted where they would not fit side by side, and not all of very many."""
    places = range(0, len(names), -(-len(names) // MOST_NAMES) or 1)
    few = len(places) <= 6
    labels = [_shortened(names[place], LONGEST_NAME if few else LONGEST_NAME // 2) for place in places]
    slant = {"rotation": 20 if few else 60, "ha": "right", "fontsize": 8, "rotation_mode": "anchor"}
    axes.set_xticks(places, labels, **(slant if sum(map(len, labels)) > LONGEST_NAME else {}))


def _dodge(drawn: Figures, series: str) -> float:
    """The horizontal offset of a series, so that intervals do not overlap."""
    xs = [point.x for point in drawn.means] if drawn.numeric else [0]
    width = (max(xs) - min(xs)) / 60 if xs else 0.0
    return width * (drawn.series.index(series) - (len(drawn.series) - 1) / 2)


def _title(axes: Any, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(_literal(y), color=INK)
    axes.set_title(_literal(title), color=INK, fontsize=10)
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK)
    axes.grid(color=INK, alpha=0.2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _shortened(name: str, most: int) -> str:
    """Cut a name in its middle: models differ in their vendors and in their versions."""
    half = (most - 1) // 2
    return _literal(name if len(name) <= most else f"{name[:half]}…{name[-half:]}")


def _literal(text: str) -> str:
    """Escape text for Matplotlib, which typesets text between dollars and hides labels that start with `_`."""
    return text.replace("$", r"\$").lstrip("_")
