"""Run `%%chat --each`: one prompt for each row of live data."""

from __future__ import annotations

from typing import Any

from nbchat.cells.compose import SHELL_NAMES
from nbchat.cells.options import OWN, CellOptions
from nbchat.cells.presentation import server_notes
from nbchat.cells.row_source import named_rows
from nbchat.cells.usage_error import UsageError
from nbchat.display.canvas import CellCanvas
from nbchat.frontend import Session
from nbchat.magics.cell import bind
from nbchat.views.watched_rows import watched_rows

__all__ = ["live_names", "rows_cell"]

ONE_ANSWER = ("code", "image", "raw", "remote_images", "tools", "variants")
"""Options that make no sense with rows."""

PASSED_ON = ("pilot", "concurrency", "budget", "out", "repeat")
"""Options that `map` takes under the same name."""


def live_names(shell: Any) -> dict[str, Any]:
    """The live variables that a template may use beside the columns."""
    return {name: value for name, value in shell.user_ns.items() if name not in SHELL_NAMES}


def rows_cell(shell: Any, session: Session, template: str, options: CellOptions, settings: dict[str, Any]) -> None:
    """Ask a cell's message for each row, and bind the answers, even if interrupted.

    Raises UsageError, and what `map` raises.
    """
    if "truth" in options.own or "score" in options.own:
        from nbchat.magics.evaluation import evaluation_cell

        evaluation_cell(shell, session, template, options, settings)
        return
    for name in ONE_ANSWER:
        if name in options.own:
            raise UsageError(f"{OWN[name].flag} can't be used with --each. Leave it out.")
    for name in options.axes:
        raise UsageError(f"--each asks every row once: give {name} one value, or compare several with --truth COLUMN.")
    data = named_rows(options.own["each"], shell.user_ns)
    names = live_names(shell)
    given = {name: value for name, value in settings.items() if name != "once"}
    given |= {name: options.own[name] for name in PASSED_ON if name in options.own}
    if options.get("dry_run"):
        from nbchat.magics.rows_plan import plan_bundles

        canvas = CellCanvas(shell)
        for bundle in plan_bundles(session, data, template, {**given, "names": names}):
            canvas.show(bundle)
        return
    name = options.get("into")
    shown: dict[str, Any] = {"name": name, "notes": server_notes(session, options), "names": names}
    if options.get("background"):
        from nbchat.magics.background import start_rows

        start_rows(shell, session, data, template, {**given, **shown})
        return
    watched_rows(session, data, template, display=True, keep=lambda found: bind(shell, found, name), **shown, **given)
