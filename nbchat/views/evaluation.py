"""An evaluation as an output, watched while it runs: its verdict, a row for each setting, confusions and disagreements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from nbchat.conversation.session import Session
from nbchat.display import chrome
from nbchat.display.canvas import Bundle, CellCanvas
from nbchat.display.footer import cost_text, seconds_text
from nbchat.display.kernel import is_shown, mark_shown, running_shell
from nbchat.display.presenting import is_notebook
from nbchat.display.progress import CellBar
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text, terminal_text
from nbchat.rows.evaluation import result
from nbchat.rows.evaluation.confusion import OTHER, Confusion
from nbchat.rows.evaluation.evaluate import evaluate
from nbchat.rows.evaluation.grading import Case
from nbchat.rows.evaluation.run import EvaluationInterrupted
from nbchat.rows.evaluation.standing import Standing
from nbchat.rows.progress import Progress
from nbchat.tuning.grid import value_text
from nbchat.tuning.statistics import interval_text
from nbchat.values.arguments import checked
from nbchat.values.limits import one_line
from nbchat.values.wording import pluralize
from nbchat.views.columns import Column, columns_html, columns_plain
from nbchat.views.sweep import HEAD
from nbchat.views.sweep_plot import show_plot
from nbchat.views.watch import Watch
from nbchat.views.watched_rows import rows_facts

__all__ = ["Evaluation", "evaluation_bundle", "show_evaluation", "watched_evaluation"]

MOST_SETTINGS = 100
"""Most settings shown; all of them are in `to_frame()`."""

MOST_LABELS = 30
"""Most labels of a confusion matrix that is shown."""

MOST_DISAGREEMENTS = 20
"""Most rows with different answers shown; all of them are in `disagreements()`."""

MOST_SIDE_BY_SIDE = 8
"""Most settings whose answers to a row are shown side by side."""

LONGEST = 60
"""Most characters of a label, truth or answer in a cell."""

WRONG, RIGHT = "213,94,0", "0,158,115"
"""Vermilion and green, as red, green and blue: behind text, readable on light and dark pages."""


class Evaluation(result.Evaluation):
    """An evaluation that is displayed at the end of a cell."""

    __doc__ = result.Evaluation.__doc__

    def _ipython_display_(self) -> None:
        shell = running_shell()
        if not is_notebook(shell):
            raise NotImplementedError  # for IPython this means: use the text
        if not is_shown(self):
            show_evaluation(shell, self)

    def _mime_(self) -> tuple[str, str]:
        """The protocol of marimo: what a cell shows."""
        return "text/html", str(evaluation_bundle(self)["text/html"])

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        shown = "<Evaluation: see above>" if is_shown(self) else str(evaluation_bundle(self)["text/plain"])
        printer.text(terminal_text(shown))


def show_evaluation(shell: Any, evaluation: result.Evaluation) -> None:
    """Show an evaluation in the running cell, with its plot if there is a library to draw it."""
    mark_shown(evaluation)
    CellCanvas(shell).show(evaluation_bundle(evaluation))
    show_plot(shell, evaluation)


def evaluation_bundle(evaluation: result.Evaluation, name: str = "", notes: Sequence[str] = ()) -> Bundle:
    """Return the whole result as one output. `name` is the user's variable, if known; `notes` are more facts to show."""
    found = evaluation.verdict()
    table = _setting_table(evaluation)
    parts = [f'<div style="{HEAD}">{html_text(str(found))}</div>', columns_html(table)]
    plain = [plain_text(str(found)), columns_plain(table)]
    for summary, body in (_confusions(evaluation), _disagreements(evaluation)):
        if summary:
            style = f"{chrome.QUIET};cursor:pointer;font-size:0.9em"
            parts.append(f'<details><summary style="{style}">{html_text(summary)}</summary>{body}</details>')
            plain.append(plain_text(summary))
    timed = any(one.seconds_per_1000 is not None for one in evaluation.standings)
    facts = [
        _size(evaluation),
        *evaluation.notes(),
        *(["times are of one request after another"] if timed else []),
        *notes,
    ]
    dot = f"{name}." if name else ""
    hint = "" if name else "on the result (_, or a name): "
    hint += f'{dot}apply() adopts the best · {dot}disagreements() · {dot}rows() · {dot}save("run.jsonl")'
    parts += [chrome.line(text)["text/html"] for text in (" · ".join(facts), hint)]
    return {
        "text/html": f'<div class="{chrome.NO_MATH_CLASS}">{"".join(parts)}</div>',
        "text/plain": "\n\n".join([*plain, plain_text(" · ".join(facts))]),
    }


def _size(evaluation: result.Evaluation) -> str:
    rows, cost = pluralize(len(evaluation), "row"), cost_text(evaluation.cost)
    settings = "" if len(evaluation.settings) == 1 else f" × {evaluation.grid}"
    return f"{rows}{settings}" + (f", {cost}" if cost else ", cost unknown")


def _setting_table(evaluation: result.Evaluation) -> list[Column]:
    """Return a table with a row for each setting: quality with its interval, cost, time and remarks."""
    standings = evaluation.standings[:MOST_SETTINGS]
    axes = evaluation.grid.axes
    columns = [
        Column("setting", [str(number) for number, _ in enumerate(standings)]),
        *(
            Column(axis.name, [_cut(value_text(s.setting, axis.name)) for s in standings], axis.numeric)
            for axis in axes
        ),
        Column(evaluation.measure.name, [interval_text(s.quality) for s in standings]),
        Column("", _marks(evaluation, standings), number=False),
        Column("macro-F1", ["" if s.macro_f1 is None else f"{s.macro_f1:.2f}" for s in standings]),
        Column("bias", [interval_text(s.bias) for s in standings]),
        Column("rows", [f"{s.counted:,}" for s in standings]),
        Column("failed", [_count(s.failed) for s in standings]),
        Column(
            {"labels": "no label", "numbers": "no number", "scores": "no score"}[evaluation.measure.kind],
            [_count(s.unread) for s in standings],
        ),
        Column("cost / 1,000 rows", [cost_text(s.cost_per_1000) for s in standings]),
        Column("time / 1,000 rows", [_time(s.seconds_per_1000) for s in standings]),
    ]
    return [column for column in columns if column.filled]


def _marks(evaluation: result.Evaluation, standings: Sequence[Standing]) -> list[str]:
    """Return each setting's remarks: best, on the frontier, stopped early."""
    found = evaluation.verdict()
    stopped = {one.setting: one.rows for one in evaluation.stopped}
    ahead = len(standings) > 1 and all(gap is not None and gap.mean > 0 for _, gap in found.differences)
    marks = []
    for number, one in enumerate(standings):
        remarks = []
        if one.setting == found.best and ahead:
            remarks.append("best" if found.settled else "ahead, may be chance")
        if number in evaluation.frontier and len(evaluation.frontier) > 1:
            remarks.append("frontier")
        if one.setting in stopped:
            remarks.append(f"stopped after {stopped[one.setting]:,} rows")
        marks.append(" · ".join(remarks))
    return marks


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return seconds_text(seconds) if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _confusions(evaluation: result.Evaluation) -> tuple[str, str]:
    """Return the worst confusions of the best setting in one line, and its matrix; empty = none."""
    best = evaluation.verdict().best
    if evaluation.measure.labels is None or best is None:
        return "", ""
    matrix = evaluation.confusion(best)
    worst = [f"{_cut(truth)} taken for {_cut(answer or OTHER)} {count:,} ×" for truth, answer, count in matrix.worst()]
    if not worst:
        return "", ""
    of = f" of {evaluation.name(best)}" if len(evaluation.settings) > 1 else ""
    return f"Most frequent confusions{of}: {'; '.join(worst)}", _matrix_html(matrix)


def _matrix_html(matrix: Confusion) -> str:
    """Return a matrix whose rows are shaded by share: right answers green, wrong ones vermilion."""
    rows = matrix.table_rows()
    if len(matrix.labels) > MOST_LABELS:
        return str(chrome.line(f"{len(matrix.labels):,} labels: confusion() has the whole matrix")["text/html"])
    heads = "".join(f"<th>{html_text(_cut(name))}</th>" for name in matrix.columns)
    body = []
    for row in rows:
        total = sum(int(row[name]) for name in matrix.columns)
        cells = "".join(_shaded(int(row[name]), total, name == row["truth"]) for name in matrix.columns)
        body.append(f'<tr><th style="text-align:left">{html_text(_cut(row["truth"]))}</th>{cells}</tr>')
    return (
        '<div style="overflow-x:auto;margin:0.3em 0 0.7em"><table style="margin:0"><thead>'
        f'<tr><th style="text-align:left">truth ↓ answer →</th>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _shaded(count: int, total: int, right: bool) -> str:
    colour, share = RIGHT if right else WRONG, count / total if total else 0.0
    return f'<td style="text-align:right;background:rgba({colour},{0.6 * share:.2f})">{count or ""}</td>'


def _disagreements(evaluation: result.Evaluation) -> tuple[str, str]:
    """Return the number of rows that settings answered differently, and the first of them; empty = none."""
    rows = evaluation.disagreeing()
    if not rows:
        return "", ""
    shown = rows[:MOST_DISAGREEMENTS]
    settings = list(enumerate(evaluation.settings))[:MOST_SIDE_BY_SIDE]
    columns = [
        Column("row", [_cut(str(case.index)) for case in shown]),
        Column("truth", [_cut(str(case.truth)) if case.truth is not None else "" for case in shown], number=False),
        *(
            Column(evaluation.name(setting), [_answer(evaluation, case, number) for case in shown], number=False)
            for number, setting in settings
        ),
    ]
    rest = len(rows) - len(shown)
    more = chrome.line(f"{rest:,} more rows are in disagreements()")["text/html"] if rest else ""
    summary = f"{pluralize(len(rows), 'row')} of {len(evaluation):,} that settings answered differently"
    return summary, columns_html(columns) + more


def _answer(evaluation: result.Evaluation, case: Case, number: int) -> str:
    one = evaluation.graded[number][case.row]
    if one.status != "complete":
        return one.status
    text = _cut(str(one.value) if one.value is not None else one.answer)
    if evaluation.measure.kind != "labels" or case.truth is None:
        return text
    return f"{'✓' if one.quality else '✗'} {text}"


def _cut(text: str) -> str:
    return one_line(text, LONGEST)


@checked
def watched_evaluation(
    session: Session,
    data: Any,
    template: Any,
    *,
    display: bool | None = None,
    name: str | None = None,
    notes: Sequence[str] = (),
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    keep: Callable[[Evaluation], None] | None = None,
    **options: Any,
) -> Evaluation:
    """Run `nbchat.rows.evaluation.evaluate.evaluate`, showing a bar while rows are asked, then the result in its place.

    `display` and `keep` are those of `Watch`. `name` is the variable that the result will be bound to, `notes` are more
    facts to show. Raises as `evaluate` does.
    """
    watch = Watch(display)
    bar = watch.bar

    def tell(progress: Progress) -> None:
        watch.tell(progress.done, progress.total, rows_facts(progress), "answers")
        on_progress(progress)

    def work() -> Any:
        return evaluate(session, data, template, on_progress=tell, result_type=Evaluation, **options)

    def show(result: Evaluation, bound: str) -> None:
        if bar is not None:
            mark_shown(result)
            bar.replace(evaluation_bundle(result, name or bound, notes))
        if isinstance(bar, CellBar):
            show_plot(watch.shell, result)

    return cast("Evaluation", watch.run(work, show, EvaluationInterrupted, keep))
