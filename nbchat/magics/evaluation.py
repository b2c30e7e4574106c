"""Run `%%chat --each --truth`: compare settings over rows whose answers are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nbchat.cells.arguments import scorer
from nbchat.cells.compose import variants_of
from nbchat.cells.options import OWN, CellOptions
from nbchat.cells.presentation import server_notes
from nbchat.cells.row_source import named_rows
from nbchat.cells.usage_error import UsageError
from nbchat.display.canvas import CellCanvas
from nbchat.display.chrome import line
from nbchat.frontend import Session
from nbchat.magics.cell import bind
from nbchat.magics.rows import live_names
from nbchat.rows.evaluation.file import FORMATS
from nbchat.rows.evaluation.result import Evaluation
from nbchat.rows.source import source_of
from nbchat.tuning.grid import Grid
from nbchat.views.evaluation import watched_evaluation

__all__ = ["evaluation_cell", "named_truth"]

NOT_COMPARED = ("code", "image", "raw", "remote_images", "tools", "repeat", "background")
"""Options that make no sense with settings to compare over rows."""

PASSED_ON = ("concurrency", "budget", "pilot")
"""Options that `evaluate` takes under the same name."""


def evaluation_cell(shell: Any, session: Session, body: str, options: CellOptions, settings: dict[str, Any]) -> None:
    """Compare the settings of a cell over its rows, and bind and save the result, even if interrupted.

    Raises UsageError, and what `evaluate` raises.
    """
    used = "--truth" if "truth" in options.own else "--score"
    for name in NOT_COMPARED:
        if name in options.own:
            raise UsageError(f"{OWN[name].flag} can't be used with --each and {used}. Leave it out.")
    data = named_rows(options.own["each"], shell.user_ns)
    given = {name: value for name, value in settings.items() if name != "once"}
    given |= {name: list(values) for name, values in options.axes.items()}
    given |= {name: options.own[name] for name in PASSED_ON if name in options.own}
    template = variants_of(body) if options.get("variants") else body
    if options.get("dry_run"):
        _show_plan(shell, session, data, template, given)
        return
    name, out = options.get("into"), options.get("out")
    if out is not None and Path(out).suffix.lower() not in FORMATS:
        raise UsageError(f"--out takes the name of a .jsonl or .parquet file; got {out!r}.")

    def keep(found: Evaluation) -> None:
        bind(shell, found, name)
        if out is not None:
            found.save(out)

    watched_evaluation(
        session,
        data,
        template,
        display=True,
        name=name,
        notes=server_notes(session, options),
        keep=keep,
        truth=named_truth(options.get("truth"), data, shell.user_ns),
        score=scorer(options.get("score"), shell.user_ns),
        names=live_names(shell),
        **given,
    )


def named_truth(text: str | None, data: Any, namespace: dict[str, Any]) -> Any:
    """What `--truth` names: a column, two columns (`a,b`), or the values of a live expression such as `df.label`.

    A name that is none of them is taken for a column, whose absence `evaluate` explains. Raises UsageError, and PromptError
    for data that have no rows.
    """
    if text is None:
        return None
    columns = _columns(data)
    parts = [part.strip() for part in text.split(",")]
    if text not in columns and len(parts) == 2 and all(part in columns for part in parts):
        return parts
    if text in columns or text.partition(".")[0].partition("[")[0] not in namespace:
        return text
    return named_rows(text, namespace, "--truth")


def _columns(data: Any) -> Sequence[Any]:
    """The columns of the rows; none of values, and of an iterator, which would be begun."""
    if isinstance(data, Iterator):
        return ()
    source = source_of(data)
    return () if source.single else source.columns


def _show_plan(shell: Any, session: Session, data: Any, template: str | list[str], given: dict[str, Any]) -> None:
    """Show how many requests it is, and the plan of the first setting's."""
    from nbchat.magics.rows_plan import plan_bundles

    axes = given if isinstance(template, str) else {**given, "message": template}
    grid, fixed = Grid.split(axes)
    first = {**fixed, **grid.settings[0]}
    text = str(first.pop("message", template))
    canvas = CellCanvas(shell)
    if len(grid) > 1:
        canvas.show(line(f"{len(grid)} settings ({grid}), each asked for every row; the first one:"))
    for bundle in plan_bundles(session, data, text, {**first, "names": live_names(shell)}):
        canvas.show(bundle)
