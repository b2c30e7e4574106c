"""Sweeps that show their answers while they arrive, then the result in the same place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from nbchat.conversation.session import Session
from nbchat.display.canvas import Bundle, CellCanvas
from nbchat.display.kernel import is_shown, mark_shown, running_shell
from nbchat.display.presenting import is_notebook
from nbchat.markdown.terminal_text import terminal_text
from nbchat.tuning import result as tuning
from nbchat.tuning.diff import Diff
from nbchat.tuning.runner import Progress
from nbchat.tuning.sweep import SweepInterrupted, sweep
from nbchat.values.arguments import checked
from nbchat.views.explorer import Sweep
from nbchat.views.growing_sweep import GrowingSweep
from nbchat.views.sweep import diff_bundle, sweep_bundle
from nbchat.views.sweep_plot import show_plot
from nbchat.views.watch import Watch, progress_facts

__all__ = ["show_sweep", "watched_sweep"]


@checked
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

    `display` and `keep` are those of `Watch`. `name` is the variable that the result will be bound to, `notes` are more
    facts to show below it. Raises as `sweep` does, and SweepInterrupted also while the result is shown.
    """
    watch = Watch(display, make_bar=GrowingSweep)
    bar = watch.bar
    if watch.shell is not None:
        register_display(watch.shell)  # also for a sweep that is not shown: it, or a diff of it, may be a cell's value

    def tell(progress: Progress) -> None:
        noun = "answers scored" if progress.stage == "scores" else "answers"
        watch.tell(progress.done, progress.total, progress_facts(progress), noun)
        on_progress(progress)

    def work() -> Any:
        on_run = bar.put if isinstance(bar, GrowingSweep) else None
        return sweep(session, message, result_type=Sweep, on_progress=tell, on_run=on_run, **options)

    def show(result: Sweep, bound: str) -> None:
        if bar is not None:
            mark_shown(result)
            bar.replace(sweep_bundle(result, notes, name or bound))
        if isinstance(bar, GrowingSweep):
            show_plot(watch.shell, result)

    return cast("Sweep", watch.run(work, show, SweepInterrupted, keep))


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
