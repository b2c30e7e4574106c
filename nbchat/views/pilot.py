"""A pilot's output: some rows answered, and projections for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text, seconds_text
from nbchat.rows.pilot import Projection
from nbchat.rows.results.details import Details
from nbchat.tuning.statistics import Mean
from nbchat.values.limits import one_line
from nbchat.values.wording import pluralize
from nbchat.views.columns import Column
from nbchat.views.rows import Inputs, answer_columns, figures, first_answered, joined, reasons

__all__ = ["pilot_bundle"]

MOST = 10
"""Most answers of a pilot shown."""

MOST_NAME = 60
"""Most characters shown of a column's name."""


def pilot_bundle(details: Details, pilot: Projection, inputs: Inputs, notes: Sequence[str] = ()) -> Bundle:
    """Return a pilot's result as one output: answers, projections, and the next step."""
    answered = details.count("complete")
    total = "" if pilot.left is None else f", out of {len(details.outcomes):,}"
    strata = "length" if pilot.by is None else f"{one_line(pilot.by, MOST_NAME)} and length"
    head = f"Pilot: {answered:,} of {pluralize(pilot.asked, 'sample row')} answered{total}, chosen by {strata}"
    return joined(
        head,
        [answer_columns(details.outcomes, first_answered(details, MOST), inputs), projections(pilot)],
        [reasons(details), chrome.line(_next(pilot, answered)), chrome.line([*figures(details), *notes])],
    )


def projections(pilot: Projection) -> list[Column]:
    """Return the projections for the rest, with 95 % intervals."""
    rows = [("rows that fail", _told(pilot.failures, lambda share: f"{share:.0%}"))]
    if pilot.left:
        free = pilot.cost is not None and pilot.cost.mean == 0
        cost = ("none", "") if free else _told(pilot.cost, cost_text) or ("unknown", "")
        tokens = _told(pilot.tokens, lambda count: f"{count:,.0f}")
        rows += [("cost", cost), ("tokens", tokens), ("time", _told(pilot.seconds, seconds_text))]
    known = [(name, *told) for name, told in rows if told]
    if not known:
        return []
    left = f"for {pluralize(pilot.left, 'more request')}" if pilot.left else "of all rows"
    return [
        Column("projected", [row[0] for row in known], number=False),
        Column(left, [row[1] for row in known]),
        Column("95 % interval", [row[2] for row in known], number=False),
    ]


def _told(mean: Mean | None, text: Callable[[float], str]) -> tuple[str, str] | None:
    """Format an estimate and its interval; None = unknown."""
    if mean is None:
        return None
    known = mean.low is not None and mean.high is not None
    return text(mean.mean), f"{text(mean.low or 0.0)} to {text(mean.high or 0.0)}" if known else ""


def _next(pilot: Projection, answered: int) -> str:
    if pilot.left == 0:
        return "Next: remove --pilot (pilot= in Python); every row is already answered, so nothing more is sent."
    rest = "the other rows" if pilot.left is None else "all rows"
    return f"Next: remove --pilot (pilot= in Python) to ask {rest}; these {pluralize(answered, 'answer')} are reused."
