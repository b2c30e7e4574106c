"""Sweeps that show their answers while they arrive, then the result in the same place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from nbchat.conversation.session import Session
from nbchat.display.canvas import Bundle, CellCanvas
from nbchat.display.footer import cost_text, seconds_text
from nbchat.display.kernel import is_shown, mark_shown, running_shell
from nbchat.display.presenting import in_main_thread, is_notebook
from nbchat.display.progress import TerminalBar
from nbchat.markdown.terminal_text import terminal_text
from nbchat.tuning import result as tuning
from nbchat.tuning.diff import Diff
from nbchat.tuning.runner import Progress
from nbchat.tuning.sweep import SweepInterrupted, sweep
from nbchat.views.explorer import Sweep
from nbchat.views.growing_sweep import GrowingSweep
from nbchat.views.sweep import diff_bundle, sweep_bundle
from nbchat.views.sweep_plot import show_plot

__all__ = ["progress_facts", "show_sweep", "watched_sweep"]


def watched_sweep(
    session: Session,
    message: Any,
    *,
    display: bool | None = None,
    name: str | None = None,
    notes: Sequence[str] = (),
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    keep: Callable[[Sweep], None] | None = None,
    **options: Any,
) -> Sweep:
    """Run `nbchat.tuning.sweep.sweep`, showing the answers side by side while they arrive (in a terminal, a bar), then the result.

    `display`: True shows it, False does not, None shows it in a notebook or IPython, and not in a script. `name` is the
    variable that the result will be bound to, `notes` are more facts to show below it. `keep` is called with the
    result, complete or interrupted, before it is shown, so that a failure of the display can't lose it; without `keep`,
    an interrupted result is bound to `_`. Raises as `sweep` does, and SweepInterrupted also while the result is shown.
    """
    shell = running_shell()
    if display is False or (display is None and (shell is None or not in_main_thread())):
        return cast("Sweep", sweep(session, message, result_type=Sweep, on_progress=on_progress, **options))
    growing = GrowingSweep(CellCanvas(shell)) if is_notebook(shell) else None
    bar = growing or TerminalBar(sys.stdout)
    if shell is not None:
        register_display(shell)

    def tell(progress: Progress) -> None:
        noun = "answers scored" if progress.stage == "scores" else "answers"
        bar.show(progress.done, progress.total, progress_facts(progress), noun)
        on_progress(progress)

    stopped: SweepInterrupted | None = None
    try:
        on_run = None if growing is None else growing.put
        found = sweep(session, message, result_type=Sweep, on_progress=tell, on_run=on_run, **options)
    except SweepInterrupted as interrupted:
        stopped, found = interrupted, interrupted.sweep
    except BaseException:
        bar.clear()
        raise
    result = cast("Sweep", found)
    try:
        if keep is not None:
            keep(result)
        elif stopped is not None:
            _bind_to_underscore(shell, result)
        _conclude(shell, bar, result, notes, name or ("_" if stopped is not None else None))
    except KeyboardInterrupt:
        if keep is None:
            _bind_to_underscore(shell, result)
        stopped = stopped or SweepInterrupted(
            "Stopped while the result was shown; all runs are complete and kept.", result
        )
    if stopped is not None:
        raise stopped
    return result


def _bind_to_underscore(shell: Any, result: Sweep) -> None:
    """Bind the result of an interrupted call, which can't be assigned, to the shell's `_`."""
    if shell is not None:
        shell.displayhook.update_user_ns(result)


def progress_facts(progress: Progress) -> list[str]:
    """Return the facts to show while a sweep runs."""
    facts = [
        f"{progress.failed} failed" if progress.failed else "",
        "" if progress.cost is None else f"{cost_text(progress.cost)} so far",
        f"about {seconds_text(progress.seconds_left)} left" if progress.seconds_left else "",
        f"waiting {seconds_text(progress.waits)} for the server's rate limit" if progress.waits > 1 else "",
    ]
    return [fact for fact in facts if fact]


def _conclude(
    shell: Any, bar: GrowingSweep | TerminalBar, result: Sweep, notes: Sequence[str], name: str | None
) -> None:
    mark_shown(result)
    bar.replace(sweep_bundle(result, notes, name or ""))
    if is_notebook(shell):
        show_plot(shell, result)


def show_sweep(shell: Any, result: tuning.Sweep) -> None:
    """Show a result, or a view of one, in the running cell."""
    CellCanvas(shell).show(sweep_bundle(result))
    show_plot(shell, result)


def register_display(shell: Any) -> None:
    """Make a sweep or diff at the end of a cell display itself, unless the cell has already shown it."""
    formatters = shell.display_formatter
    if is_notebook(shell):
        formatters.ipython_display_formatter.for_type(tuning.Sweep, _display_sweep)
        formatters.ipython_display_formatter.for_type(Diff, _display_diff)
        return
    plain = formatters.formatters["text/plain"]
    plain.for_type(tuning.Sweep, _print_sweep)
    plain.for_type(Diff, lambda diff, printer, _cycle: printer.text(_plain(diff_bundle(diff))))


def _display_sweep(result: tuning.Sweep) -> None:
    shell = running_shell()
    if shell is not None and not is_shown(result):
        show_sweep(shell, result)


def _display_diff(diff: Diff) -> None:
    shell = running_shell()
    if shell is not None:
        CellCanvas(shell).show(diff_bundle(diff))


def _print_sweep(result: tuning.Sweep, printer: Any, _cycle: bool) -> None:  # the signature that IPython expects
    printer.text("<Sweep: see above>" if is_shown(result) else _plain(sweep_bundle(result)))


def _plain(bundle: Bundle) -> str:
    return terminal_text(str(bundle["text/plain"]))
