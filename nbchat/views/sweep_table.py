"""The tables of a sweep: one with a row for each run, one with a row for each setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text, seconds_text, tokens_text
from nbchat.tuning.grid import Setting, setting_text, value_text
from nbchat.tuning.result import Sweep
from nbchat.tuning.run import Run
from nbchat.tuning.statistics import interval_text
from nbchat.tuning.summary import Summary
from nbchat.values.answer.usage import UNKNOWN
from nbchat.values.limits import one_line
from nbchat.values.wording import figure
from nbchat.views.columns import Column, Order, columns_html, columns_plain

__all__ = ["MOST_ROWS", "Handles", "fold_failures", "heading", "run_heading", "run_table", "setting_table"]

MOST_ROWS = 200
"""Most rows shown; all of them are in `to_frame()`."""

TALL = 20
"""Rows from which the table scrolls under a fixed header."""

LONGEST_VALUE = 60
"""Most characters of a parameter's value, such as a system text, in a table cell."""


class Handles(Struct, frozen=True):
    """What makes a table interactive, by attributes that `nbchat.views.explorer_script` knows.

    `sort` and `descending` are the rows' order; `judge` makes the HTML of a run's last cell. `blind` hides the settings
    of each answer and numbers the rows separately.
    """

    sort: str
    descending: bool
    judge: Callable[[Run], str]
    blind: bool = False


def heading(sweep: Sweep, run: Run) -> str:
    """Return what distinguishes a run from the others: its setting and repeat."""
    return run_heading(run, sweep.grid.repeat > 1)


def run_heading(run: Run, repeats: bool) -> str:
    """Return `heading` if it is known whether there are repeats."""
    return setting_text(run.setting) + (f", repeat {run.repeat}" if repeats else "")


def run_table(sweep: Sweep, answer: Callable[[Run], str] | None = None, handles: Handles | None = None) -> Bundle:
    """Return a table with a row for each run, in the view's order: setting, answer, cost and time.

    `answer` makes the HTML of an answer; None = answers are shown elsewhere. Answers come before figures, so that they
    stay visible if the table is wider than the page.
    """
    counts = fold_failures(sweep)
    pairs = [(run, row) for run, row in zip(sweep.runs, sweep.table_rows(), strict=True) if run.index in counts]
    runs, rows = [run for run, _ in pairs[:MOST_ROWS]], [row for _, row in pairs[:MOST_ROWS]]
    identity, outcome = _identity(sweep, runs, counts), _outcome(sweep, runs, rows)
    if handles is not None and handles.blind:
        identity, outcome = [Column("answer no.", [str(number) for number, _ in enumerate(runs, 1)])], []
    # Columns with one value are left out beside answers, which need the room.
    shared = [] if answer is None else [c for c in (*identity, *outcome) if c.filled and c.same]
    answers = [] if answer is None else [_answers(runs, answer)]
    columns = [column for column in (*identity, *answers, *outcome) if column.filled and column not in shared]
    if handles is not None:
        columns.append(Column("your rating", [""] * len(runs), html=[handles.judge(run) for run in runs], number=False))
    rest = len(pairs) - len(runs)
    more = [f"all of them: {', '.join(f'{c.title} {c.cells[0]}' for c in shared)}"] if shared else []
    more += [f"{rest:,} more runs are in to_frame()"] if rest else []
    order = None if handles is None or handles.blind else Order(handles.sort, handles.descending)
    table = columns_html(columns, order=order, marks=_marks(runs, handles), tall=len(runs) > TALL)
    shown, plain, line = table, columns_plain(columns), chrome.line(more)
    return {
        "text/html": shown + (line["text/html"] if more else ""),
        "text/plain": f"{plain}\n{line['text/plain']}" if more else plain,
    }


def _marks(runs: Sequence[Run], handles: Handles | None) -> list[str]:
    """The rows' attributes, by which a script knows them."""
    if handles is None:
        return []
    names = [f"answer {number}" if handles.blind else f"run {run.index}" for number, run in enumerate(runs, 1)]
    pairs = zip(runs, names, strict=True)
    return [f' data-nbchat-run="{run.index}" tabindex="0" aria-label="{name}"' for run, name in pairs]


def _answers(runs: Sequence[Run], answer: Callable[[Run], str]) -> Column:
    firsts = [_cut(run.text or run.problem or "") for run in runs]
    return Column("answer", firsts, number=False, html=[answer(run) for run in runs], key="text", wide=True)


def setting_table(sweep: Sweep) -> Bundle:
    """Return a table with a row for each setting: the means of its complete runs, with 95 % intervals."""
    summaries, found = sweep.summary()[:MOST_ROWS], sweep.verdict()
    ahead = all(gap is not None and gap.mean > 0 for _, gap in found.differences)
    best = found.best if ahead and (sweep.scored or found.settled) else None
    mark = "most alike" if not sweep.scored else "best" if found.settled else "highest, may be chance"
    columns = [
        *(
            Column(axis.name, [_value(s.setting, axis.name) for s in summaries], axis.numeric)
            for axis in sweep.grid.axes
        ),
        Column("runs", [_complete(s) for s in summaries]),
        Column("score", [interval_text(s.score) for s in summaries]),
        Column("agreement", [interval_text(s.agreement) for s in summaries]),
        Column("tokens out", ["" if s.completion_tokens is None else f"{s.completion_tokens:.0f}" for s in summaries]),
        Column("cost", [cost_text(s.cost) for s in summaries]),
        Column("first token", [_seconds(s.first_token_s) for s in summaries]),
        Column("tokens/s", [_rate(s.tokens_per_s) for s in summaries]),
        Column("", [mark if s.setting == best else "" for s in summaries], number=False),
    ]
    shown = [column for column in columns if column.filled]
    return {"text/html": columns_html(shown), "text/plain": columns_plain(shown)}


def fold_failures(sweep: Sweep) -> dict[int, int]:
    """Return the runs to show, by row number, each with the number of runs it represents.

    Repeats of a setting that failed with the same error, without an answer, share a row.
    """
    counts: dict[int, int] = {}
    first: dict[tuple[Setting, str], int] = {}
    for run in sweep.runs:
        same = run.index
        if run.problem and run.turn is None:
            same = first.setdefault((run.setting, run.problem), run.index)
        counts[same] = counts.get(same, 0) + 1
    return counts


def _repeat(run: Run, count: int) -> str:
    return str(run.repeat) if count == 1 else f"{count} alike"


def _identity(sweep: Sweep, runs: Sequence[Run], counts: Mapping[int, int]) -> list[Column]:
    """Return the columns that identify the runs and show how good they are."""
    return [
        Column("run", [str(run.index) for run in runs], key="run"),
        *(
            Column(a.name, [_value(run.setting, a.name) for run in runs], a.numeric, key=a.name)
            for a in sweep.grid.axes
        ),
        Column(
            "repeat", [_repeat(run, counts[run.index]) if sweep.grid.repeat > 1 else "" for run in runs], key="repeat"
        ),
        Column("score", [_score(run) for run in runs], key="score"),
    ]


def _outcome(sweep: Sweep, runs: Sequence[Run], rows: Sequence[dict[str, Any]]) -> list[Column]:
    """Return the columns of status, cost and time."""
    named = any(axis.name == "model" for axis in sweep.grid.axes)
    return [
        Column(title, cells, number, key=key, aside=True)
        for title, key, number, cells in (
            ("agreement", "agreement", True, [_share(row["agreement"]) for row in rows]),
            ("finish", "finish", False, [_finish(row) for row in rows]),
            ("tokens", "completion_tokens", True, [_tokens(run) for run in runs]),
            ("cost", "cost", True, [cost_text(row["cost"]) for row in rows]),
            ("first token", "first_token_s", True, [_seconds(row["first_token_s"]) for row in rows]),
            ("tokens/s", "tokens_per_s", True, [_rate(row["tokens_per_s"]) for row in rows]),
            ("model", "model", False, ["" if named else _cut(row["model"] or "") for row in rows]),
        )
    ]


def _value(setting: Setting, name: str) -> str:
    return _cut(value_text(setting, name))


def _complete(summary: Summary) -> str:
    failed = f", {summary.failed} failed" if summary.failed else ""
    return str(summary.runs) if summary.complete == summary.runs else f"{summary.complete} of {summary.runs}{failed}"


def _finish(row: dict[str, Any]) -> str:
    return str(row["finish"] or "") if row["status"] == "complete" else str(row["status"]).replace("_", " ")


def _tokens(run: Run) -> str:
    usage = run.reply.usage if run.reply is not None else UNKNOWN
    return "" if usage.state == "unknown" else tokens_text(usage).partition(" tokens")[0]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else seconds_text(seconds)


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.0f}" if rate >= 9.5 else f"{rate:.1f}"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def _score(run: Run) -> str:
    return "no score" if run.score_error else "" if run.score is None else figure(run.score, 4)


def _cut(text: str) -> str:
    return one_line(text, LONGEST_VALUE)
