"""The answers to rows as one output, of a pilot or of all: their status, the first ones, and what to do about failed ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from nbchat.conversation.schemas.records import record_of
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text, seconds_text
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text
from nbchat.rows.outcome import Outcome
from nbchat.rows.pilot import Projection
from nbchat.rows.results.details import Details
from nbchat.tuning.statistics import Mean
from nbchat.values.answer.usage import Usage
from nbchat.values.limits import one_line
from nbchat.values.wording import figure, pluralize
from nbchat.views.columns import Column, columns_html, columns_plain

__all__ = ["Inputs", "pilot_bundle", "rows_bundle"]

Inputs = Callable[[int], str]
"""The values inserted for a row, by its position; empty = no longer known."""

FIRST = 5
"""Most answers shown; all of them are in the result."""

LONGEST = 120
"""Most characters shown of an input or an answer."""

SHORT = 40
"""Longest text, in characters, of a narrow column."""

LONGEST_REASON = 300
"""Most characters shown of a reason, which ends with what to do."""

MOST_COLUMNS = 8
"""Most columns of a schema that are shown."""

MOST_REASONS = 5
"""Most reasons of failures shown, the most frequent first."""

MOST_LABELS = 12
"""Most different answers that are counted as labels."""

LEAST_ROWS = 10
"""Fewest answers that are worth counting by label."""

BAR = "display:inline-block;height:0.6em;border-radius:2px;background:rgba(86,180,233,0.6);vertical-align:middle"


def rows_bundle(details: Details, inputs: Inputs, name: str = "", notes: Sequence[str] = ()) -> Bundle:
    """Return the whole result as one output. `name` is the user's variable, if known; `notes` are more facts."""
    count = details.count("complete")
    facts = [*figures(details), *notes]
    if count > FIRST:
        facts.insert(0, f"the first {FIRST} of {count:,} answers are shown")
    return joined(
        headline(details),
        [answer_columns(details.outcomes, first_answered(details, FIRST), inputs), _labels(details)],
        [reasons(details), chrome.line(facts), chrome.line(_hint(details, f"{name}." if name else "."))],
    )


def joined(head: str, tables: Sequence[Sequence[Column]], below: Sequence[Bundle]) -> Bundle:
    """Return a headline, tables and lines as one output; empty parts are left out."""
    parts = [f'<div style="margin:0.3em 0">{html_text(head)}</div>']
    plain = [plain_text(head)]
    for columns in tables:
        if columns:
            parts.append(columns_html(columns))
            plain.append(columns_plain(columns))
    for bundle in below:
        if bundle["text/plain"]:
            parts.append(str(bundle["text/html"]))
            plain.append(str(bundle["text/plain"]))
    return {
        "text/html": f'<div class="{chrome.NO_MATH_CLASS}">{"".join(parts)}</div>',
        "text/plain": "\n\n".join(plain),
    }


def headline(details: Details) -> str:
    """Summarize the rows' status."""
    total = len(details.outcomes)
    parts = [f"{details.count('complete'):,} of {pluralize(total, 'row')} answered"]
    parts += [f"{details.stored:,} of them before"] if details.stored else []
    for status, words in (("failed", "failed"), ("skipped", "skipped: a field is missing"), ("not sent", "not sent")):
        if count := details.count(status):
            parts.append(f"{count:,} {words}")
    return " · ".join(parts)


def figures(details: Details) -> list[str]:
    """Return the run's cost, tokens, time and speed."""
    shared = 0 < details.requests < details.count("complete") - details.stored
    facts = [
        (cost_text(details.cost) or "cost unknown") if details.requests else "nothing was sent",
        _tokens(details.usage) if details.requests else "",
        seconds_text(details.seconds),
        _speed(details),
        f"equal rows were asked once, in {pluralize(details.requests, 'request')}" if shared else "",
        *details.notices,
    ]
    return [fact for fact in facts if fact]


def _speed(details: Details) -> str:
    if details.requests < 2 or details.seconds <= 0:
        return ""
    speed = details.requests / details.seconds
    return f"{figure(speed)} requests/s"


def _tokens(usage: Usage) -> str:
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return "tokens unknown"
    mark = "~" if usage.state == "estimated" else ""
    return f"{mark}{usage.prompt_tokens:,} → {mark}{usage.completion_tokens:,} tokens"


def answer_columns(outcomes: Sequence[Outcome], positions: Sequence[int], inputs: Inputs) -> list[Column]:
    """Return a table of some rows: position, inserted values, and the answer, with a column for each field of a record."""
    if not positions:
        return []
    inserted = [one_line(inputs(place), LONGEST) for place in positions]
    columns = [Column("row", [f"{place:,}" for place in positions])]
    if any(inserted):
        columns.append(_texts("asked about", inserted))
    values = [outcomes[place].value for place in positions]
    records = [None if isinstance(value, str) else record_of(value) for value in values]
    if any(records):
        names = list(dict.fromkeys(key for record in records if record for key in record))
        return columns + [
            _texts(one_line(str(key), LONGEST), [_shown((record or {}).get(key)) for record in records])
            for key in names[:MOST_COLUMNS]
        ]
    return [*columns, _texts("answer", [_shown(value) for value in values])]


def _texts(title: str, texts: Sequence[str]) -> Column:
    """Return a column of texts; long ones take the remaining width."""
    if max(map(len, texts)) <= SHORT:
        return Column(title, texts, number=False)
    return Column(title, texts, number=False, html=[html_text(text) for text in texts], wide=True)


def _shown(value: Any) -> str:
    return "" if value is None else one_line(str(value), LONGEST)


def first_answered(details: Details, count: int) -> list[int]:
    """Return the positions of the first rows with an answer."""
    return list(islice((place for place, outcome in details.known() if outcome.status == "complete"), count))


def _labels(details: Details) -> list[Column]:
    """Return the count of each answer, if there are few different ones."""
    answers = [outcome.value for _, outcome in details.known() if outcome.status == "complete"]
    texts = [_label(value) for value in answers]
    if len(texts) < max(LEAST_ROWS, details.count("complete")) or None in texts:
        return []
    counts = Counter(str(text) for text in texts)
    if not 1 < len(counts) <= min(MOST_LABELS, len(texts) // 3):
        return []
    ranked = counts.most_common()
    bars = [f'<span style="{BAR};width:{max(0.15, 9 * count / ranked[0][1]):.2f}em"></span>' for _, count in ranked]
    return [
        Column("answer", [one_line(label, LONGEST) for label, _ in ranked], number=False),
        Column("rows", [f"{count:,}" for _, count in ranked]),
        Column("", [""] * len(ranked), html=bars),
    ]


def _label(value: Any) -> str | None:
    """Return an answer as a label; None = not a label."""
    record = None if isinstance(value, (str, bool, int)) else record_of(value)
    if record is not None:
        if len(record) != 1:
            return None
        (value,) = record.values()
    text = str(value).strip() if isinstance(value, (str, bool, int)) else ""
    return text if 0 < len(text) <= 40 else None


def reasons(details: Details) -> Bundle:
    """Return the reasons of failures with their number and a row each; empty = no row failed."""
    found: Counter[str] = Counter()
    rows: dict[str, int] = {}
    for place, outcome in details.known():
        if outcome.status == "failed":
            reason = one_line(outcome.reason or "", LONGEST_REASON)
            found[reason] += 1
            rows.setdefault(reason, place)
    if not found:
        return chrome.EMPTY
    lines = [f"{count:,} × {reason} (row {rows[reason]:,})" for reason, count in found.most_common(MOST_REASONS)]
    if len(found) > MOST_REASONS:
        lines.append(f"and {len(found) - MOST_REASONS:,} more reasons")
    return chrome.details(f"Why {pluralize(sum(found.values()), 'row')} failed", "\n".join(lines), opened=True)


def _hint(details: Details, dot: str) -> str:
    """Return a hint on the result's methods."""
    where = "" if dot != "." else "on the result (_, or name it with << NAME): "
    missing = details.count("failed") + details.count("not sent")
    steps = [
        f"{dot}retry() asks the {pluralize(missing, 'row')} without an answer" if missing else "",
        f"{dot}errors() lists them" if missing else "",
        f"{dot}disagreements() lists rows whose repeats differ, {dot}retry(disagreeing=True) asks them again"
        if any((outcome.agreement or 1.0) < 1.0 for _, outcome in details.known())
        else "",
    ]
    hints = " · ".join(step for step in steps if step)
    return where + hints if hints else ""


MOST = 10
"""Most answers of a pilot shown."""


def pilot_bundle(details: Details, pilot: Projection, inputs: Inputs, notes: Sequence[str] = ()) -> Bundle:
    """Return a pilot's result as one output: answers, projections, and the next step."""
    answered = details.count("complete")
    total = "" if pilot.left is None else f", out of {len(details.outcomes):,}"
    strata = "length" if pilot.by is None else f"{one_line(pilot.by, SHORT)} and length"
    head = f"Pilot: {answered:,} of {pluralize(pilot.asked, 'sample row')} answered{total}, chosen by {strata}"
    return joined(
        head,
        [answer_columns(details.outcomes, first_answered(details, MOST), inputs), projections(pilot)],
        [reasons(details), chrome.line(_next(pilot, answered)), chrome.line([*figures(details), *notes])],
    )


def projections(pilot: Projection) -> list[Column]:
    """Return the projections for the rest, with 95 % intervals."""
    rows = [("rows that fail", _estimate(pilot.failures, lambda share: f"{share:.0%}"))]
    if pilot.left:
        free = pilot.cost is not None and pilot.cost.mean == 0
        cost = ("none", "") if free else _estimate(pilot.cost, cost_text) or ("unknown", "")
        tokens = _estimate(pilot.tokens, lambda count: f"{count:,.0f}")
        rows += [("cost", cost), ("tokens", tokens), ("time", _estimate(pilot.seconds, seconds_text))]
    known = [(name, *texts) for name, texts in rows if texts]
    if not known:
        return []
    left = f"for {pluralize(pilot.left, 'more request')}" if pilot.left else "of all rows"
    return [
        Column("projected", [row[0] for row in known], number=False),
        Column(left, [row[1] for row in known]),
        Column("95 % interval", [row[2] for row in known], number=False),
    ]


def _estimate(mean: Mean | None, text: Callable[[float], str]) -> tuple[str, str] | None:
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
