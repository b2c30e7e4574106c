"""A pilot: some rows answered, and what all of them would take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text, seconds_text
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text
from nbchat.rows.details import Details
from nbchat.tuning.statistics import Mean
from nbchat.values.plural import pluralize
from nbchat.views.columns import columns_html, columns_plain
from nbchat.views.rows import Inputs, answer_columns, cut, figures

__all__ = ["pilot_bundle", "projections"]

MOST = 10
"""Answers of a pilot that are shown."""


def pilot_bundle(details: Details, inputs: Inputs, name: str = "", notes: Sequence[str] = ()) -> Bundle:
    """Return a pilot's result as one output: answers, projections, and the next step."""
    ended = [place for place, outcome in enumerate(details.outcomes) if outcome.status in ("complete", "failed")]
    answered = [place for place in ended if details.outcomes[place].status == "complete"]
    head = f"Pilot: {len(answered):,} of {pluralize(len(ended), 'row')} answered, out of {len(details.outcomes):,}"
    lines = [*projections(details), *_reasons(details, ended)]
    parts = [f'<div style="margin:0.3em 0">{html_text(head)}</div>']
    plain = [plain_text(head)]
    if columns := answer_columns(details.outcomes, answered[:MOST], inputs):
        parts.append(columns_html(columns))
        plain.append(columns_plain(columns))
    if lines:
        items = "".join(f"<li>{html_text(line)}</li>" for line in lines)
        parts.append(f'<ul style="margin:0.3em 0 0.5em">{items}</ul>')
        plain.append("\n".join(plain_text(f"- {line}") for line in lines))
    left = details.count("not sent")
    step = (
        f"Next: remove --pilot to ask the other {pluralize(left, 'row')}; these {len(answered):,} answers are reused."
    )
    for told in ([step] if left else []), [*figures(details), *notes]:
        if told:
            bundle = chrome.line(told)
            parts.append(str(bundle["text/html"]))
            plain.append(str(bundle["text/plain"]))
    return {
        "text/html": f'<div class="{chrome.NO_MATH_CLASS}">{"".join(parts)}</div>',
        "text/plain": "\n\n".join(plain),
    }


def projections(details: Details) -> list[str]:
    """Say what the rest would take, with 95 % intervals: failures, cost, time."""
    told = details.pilot
    if told is None:
        return []
    lines = []
    failed = told.failures
    if failed is not None and failed.low is not None and failed.high is not None:
        lines.append(
            f"failures: {failed.mean:.0%} of the pilot; {failed.low:.0%} to {failed.high:.0%} of all rows are to be expected"
        )
    if told.left:
        rest = f"for the other {pluralize(told.left, 'request')}"
        lines.append("cost: unknown, since no price of this model is known")
        if told.cost is not None:
            lines[-1] = f"cost: {_range(told.cost, cost_text)} {rest}"
        if told.tokens is not None:
            lines.append(f"tokens: {_range(told.tokens, lambda count: f'{count:,.0f}')} {rest}")
        if told.seconds is not None:
            lines.append(
                f"time: {_range(told.seconds, seconds_text)} {rest}; less where the server takes more requests at once"
            )
    return lines


def _range(total: Mean, text: Callable[[float], str]) -> str:
    """Format a total with its interval."""
    about = f"about {text(total.mean)}"
    if total.low is None or total.high is None:
        return about
    return f"{about} ({text(total.low)} to {text(total.high)})"


def _reasons(details: Details, ended: Sequence[int]) -> list[str]:
    """Quote the first failures."""
    failed = [place for place in ended if details.outcomes[place].status == "failed"]
    return [f"row {place:,} failed: {cut(details.outcomes[place].reason or '')}" for place in failed[:3]]
