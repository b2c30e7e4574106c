"""Run `%%chat` with several values of an option, or `--repeat`, as a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbchat.cells.arguments import scorer
from nbchat.cells.compose import Composed
from nbchat.cells.options import CellOptions
from nbchat.cells.presentation import server_notes
from nbchat.cells.usage_error import UsageError
from nbchat.display.canvas import CellCanvas
from nbchat.display.chrome import line
from nbchat.display.kernel import running_cell_id
from nbchat.frontend import Session
from nbchat.magics.cell import bind
from nbchat.tuning.estimate import estimate
from nbchat.values.errors import NbchatError
from nbchat.values.messages import Message
from nbchat.views.watched_sweep import watched_sweep

__all__ = ["sweep_cell"]


def sweep_cell(
    shell: Any, session: Session, variants: Sequence[Composed], options: CellOptions, settings: dict[str, Any]
) -> None:
    """Run a sweep over a cell's messages and bind its result, even if interrupted.

    Raises UsageError, NbchatError (also if no run was answered, so that Run All stops) and SweepInterrupted.
    """
    for name in ("background", "code"):
        if options.get(name):
            raise UsageError(f"--{name} works with one answer only, and this line asks for several. Leave it out.")
    given: dict[str, Any] = {**settings, **{name: list(values) for name, values in options.axes.items()}}
    given["repeat"] = options.get("repeat", 1)
    score = scorer(options.get("score"), shell.user_ns)
    cell_id = running_cell_id(shell)
    if options.get("dry_run"):
        _show_plan(shell, session, variants, {**given, "cell_id": cell_id}, score)
        return
    name = options.get("into")
    notes = dict.fromkeys(note for composed in variants for note in composed.notes)
    result = watched_sweep(
        session,
        _messages(variants),
        display=True,
        score=score,
        cell_id=cell_id,
        name=name,
        notes=[*notes, *server_notes(session, options)],
        keep=lambda result: bind(shell, result, name),
        **given,
    )
    if not any(run.reply for run in result):
        raise NbchatError(f"None of the {len(result)} runs was answered: {result.runs[0].problem}")


def _messages(variants: Sequence[Composed]) -> Message | list[Message]:
    messages = [composed.message for composed in variants]
    return messages[0] if len(messages) == 1 else messages


def _show_plan(shell: Any, session: Session, variants: Sequence[Composed], given: dict[str, Any], score: Any) -> None:
    """Show the number of requests, their estimated tokens and cost, and the first one in full."""
    from nbchat.magics.dry_run import dry_run_bundles

    canvas = CellCanvas(shell)
    composed = variants[0]
    size = estimate(session, _messages(variants), score=score, **given)
    canvas.show(line(str(size)))
    first = {"message": composed.message, **given, **size.grid.settings[0]}
    del first["repeat"]
    for bundle in dry_run_bundles(session.exchange(**first).ask, composed):
        canvas.show(bundle)
