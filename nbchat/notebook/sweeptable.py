"""The tables of a sweep: one with a row for each run, one with a row for each setting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbchat.notebook import chrome
from nbchat.notebook.canvas import Bundle
from nbchat.notebook.footer import cost_text, seconds_text
from nbchat.notebook.inline import html_text
from nbchat.tuning.grid import Setting, setting_text
from nbchat.tuning.result import Summary, Sweep
from nbchat.tuning.run import Run
from nbchat.tuning.statistics import interval_text

__all__ = ["MOST_ROWS", "heading", "run_table", "setting_table"]

MOST_ROWS = 200
"""Rows that are shown; all of them are in `to_frame()`."""

TALL = 20
"""Rows from which the table scrolls in a frame of its own, under its header."""

SHORT = 24
"""Characters of a text that stands in one line."""

LONGEST_VALUE = 60
"""Characters of a parameter's value (a system text, say) that a cell of the table shows."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its title and its cells, as text."""

    title: str
    cells: Sequence[str]
    number: bool = True

    @property
    def told(self) -> bool:
        """Whether any cell has something to say."""
        return any(self.cells)

    @property
    def same(self) -> bool:
        """Whether all of several cells say the same."""
        return len(set(self.cells)) == 1 < len(self.cells)


def heading(sweep: Sweep, run: Run) -> str:
    """What tells a run from the others: its setting, its repeat."""
    repeat = f", repeat {run.repeat}" if sweep.grid.repeat > 1 else ""
    return setting_text(run.setting) + repeat


def run_table(sweep: Sweep, answer: Callable[[Run], str] | None = None) -> Bundle:
    """A row for each run, in the view's order. `answer` makes the HTML of a last column; None = there is none."""
    runs, rows = sweep.runs[:MOST_ROWS], sweep.table_rows()[:MOST_ROWS]
    columns = [column for column in _run_columns(sweep, runs, rows) if column.told]
    answers = None if answer is None else [answer(run) for run in runs]
    shared = [] if answers is None else [column for column in columns if column.same]
    columns = [column for column in columns if column not in shared]  # the answers need the room
    rest = len(sweep) - len(runs)
    more = [f"all of them: {', '.join(f'{c.title} {c.cells[0]}' for c in shared)}"] if shared else []
    more += [f"{rest:,} more runs are in to_frame()"] if rest else []
    shown = _html(columns, answers, tall=len(runs) > TALL)
    plain_columns = columns
    if answers is not None:
        firsts = [" ".join((run.text or run.problem or "").split()) for run in runs]
        plain_columns = [*columns, _Column("answer", [_cut(first) for first in firsts])]
    plain = _plain(plain_columns)
    said = chrome.line(more)
    return {
        "text/html": shown + (said["text/html"] if more else ""),
        "text/plain": f"{plain}\n{said['text/plain']}" if more else plain,
    }


def setting_table(sweep: Sweep) -> Bundle:
    """A row for each setting: the means of its complete runs, with 95 % intervals."""
    summaries, found = sweep.summary()[:MOST_ROWS], sweep.verdict()
    ahead = all(gap is None or gap.mean > 0 for _, gap in found.differences)
    best, mark = found.best if ahead else None, "best" if found.settled else "leads, not settled"
    columns = [
        *(
            _Column(axis.name, [_value(s.setting, axis.name) for s in summaries], axis.numeric)
            for axis in sweep.grid.axes
        ),
        _Column("runs", [_complete(s) for s in summaries]),
        _Column("score", [interval_text(s.score) for s in summaries]),
        _Column("agreement", [interval_text(s.agreement) for s in summaries]),
        _Column("tokens out", ["" if s.completion_tokens is None else f"{s.completion_tokens:.0f}" for s in summaries]),
        _Column("cost", [cost_text(s.cost) for s in summaries]),
        _Column("first token", [_seconds(s.first_token_s) for s in summaries]),
        _Column("tokens/s", [_rate(s.tokens_per_s) for s in summaries]),
        _Column("", [mark if s.setting == best else "" for s in summaries], number=False),
    ]
    told = [column for column in columns if column.told]
    return {"text/html": _html(told), "text/plain": _plain(told)}


def _run_columns(sweep: Sweep, runs: Sequence[Run], rows: Sequence[dict[str, Any]]) -> list[_Column]:
    axes = sweep.grid.axes
    names = {axis.name for axis in axes}
    return [
        _Column("run", [str(run.index) for run in runs]),
        *(_Column(axis.name, [_value(run.setting, axis.name) for run in runs], axis.numeric) for axis in axes),
        _Column("repeat", [str(run.repeat) if sweep.grid.repeat > 1 else "" for run in runs]),
        _Column("model", ["" if "model" in names else _cut(row["model"] or "") for row in rows], number=False),
        _Column("finish", [_finish(row) for row in rows], number=False),
        _Column("tokens", [_tokens(row) for row in rows]),
        _Column("cost", [cost_text(row["cost"]) for row in rows]),
        _Column("first token", [_seconds(row["first_token_s"]) for row in rows]),
        _Column("tokens/s", [_rate(row["tokens_per_s"]) for row in rows]),
        _Column("agreement", ["" if row["agreement"] is None else f"{row['agreement']:.2f}" for row in rows]),
        _Column("score", [_score(run) for run in runs]),
    ]


def _value(setting: Setting, name: str) -> str:
    return _cut(setting_text({name: setting.get(name)}).partition("=")[2])


def _complete(summary: Summary) -> str:
    failed = f", {summary.failed} failed" if summary.failed else ""
    return str(summary.runs) if summary.complete == summary.runs else f"{summary.complete} of {summary.runs}{failed}"


def _finish(row: dict[str, Any]) -> str:
    return str(row["finish"] or "") if row["status"] == "complete" else str(row["status"]).replace("_", " ")


def _tokens(row: dict[str, Any]) -> str:
    sent, came = row["prompt_tokens"], row["completion_tokens"]
    if sent is None and came is None:
        return ""
    return f"{'?' if sent is None else f'{sent:,}'} → {'?' if came is None else f'{came:,}'}"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else seconds_text(seconds)


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.0f}" if rate >= 9.5 else f"{rate:.1f}"


def _score(run: Run) -> str:
    return "no score" if run.score_error else "" if run.score is None else f"{run.score:.4g}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_VALUE else line[: LONGEST_VALUE - 1] + "…"


def _html(columns: Sequence[_Column], answers: Sequence[str] | None = None, *, tall: bool = False) -> str:
    """Columns as a table; numbers stand right, the answers take what width there is."""
    frame = "max-height:36em;overflow:auto" if tall else "overflow-x:auto"
    stuck = ";position:sticky;top:0;background:var(--jp-layout-color0,var(--vscode-editor-background,#fff))" * tall
    heads = "".join(
        f'<th style="text-align:{_side(column)};white-space:nowrap{stuck}">{html_text(column.title)}</th>'
        for column in columns
    )
    body = []
    for number in range(len(columns[0].cells)):
        cells = "".join(_cell(column, column.cells[number]) for column in columns)
        last = "" if answers is None else f'<td style="{_ANSWER}">{answers[number]}</td>'
        body.append(f"<tr>{cells}{last}</tr>")
    heads += "" if answers is None else f'<th style="text-align:left{stuck}">answer</th>'
    return (
        f'<div style="{frame};margin:0.5em 0"><table style="margin:0"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


_ANSWER = "text-align:left;vertical-align:top;min-width:18em;width:100%"


def _cell(column: _Column, text: str) -> str:
    wrap = "white-space:nowrap" if column.number or len(text) <= SHORT else "overflow-wrap:break-word;max-width:20em"
    return f'<td style="text-align:{_side(column)};vertical-align:top;{wrap}">{html_text(text)}</td>'


def _side(column: _Column) -> str:
    return "right" if column.number else "left"


def _plain(columns: Sequence[_Column]) -> str:
    rows = list(zip(*(column.cells for column in columns), strict=True))
    return str(chrome.table([column.title for column in columns], rows)["text/plain"])
