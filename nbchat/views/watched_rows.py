"""Runs over rows that show their progress, then the result in the same place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nbchat.conversation.session import Session
from nbchat.display import chrome
from nbchat.display.canvas import Bundle, Canvas, CellCanvas
from nbchat.display.footer import cost_text, seconds_text
from nbchat.display.kernel import running_shell
from nbchat.display.presenting import in_main_thread, is_notebook
from nbchat.display.progress import CellBar, TerminalBar
from nbchat.rows.mapping import MapInterrupted, map_rows
from nbchat.rows.progress import Progress
from nbchat.rows.results.details import Details, Mapped
from nbchat.rows.results.sink import MappedFile
from nbchat.rows.source import Source, source_of
from nbchat.rows.template import Template
from nbchat.values.errors import Interrupted, NbchatError
from nbchat.views.pilot import pilot_bundle
from nbchat.views.rows import rows_bundle

__all__ = ["progress_facts", "watched_rows"]

LAZY = "nothing was asked yet: the answers are lazy, and compute() asks the rows where it runs"
"""What is shown for the answers to a lazy frame."""


def watched_rows(
    session: Session,
    data: Any,
    template: str,
    *,
    display: bool | None = None,
    canvas: Canvas | None = None,
    name: str | None = None,
    notes: Sequence[str] = (),
    names: Mapping[str, object] | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    keep: Callable[[Any], None] | None = None,
    **options: Any,
) -> Any:
    """Run `nbchat.rows.mapping.map_rows`, showing a bar, then the result in its place.

    `display`: True shows it, False does not, None shows it in a notebook or IPython, and not in a script. `canvas` is where
    (None = the running cell). `name` is the variable that the result will be bound to, `notes` are more facts to show.
    `keep` is called with the result, complete or not, before it is shown; without it, an incomplete one is bound to `_`.
    Raises as `map_rows` does.
    """
    watch = _Watch(data, template, names or {}, name or "", notes, on_progress)

    def first() -> Any:
        return map_rows(session, data, template, names=names, on_progress=watch.tell, **options)

    return watch.run(first, display, canvas, keep)


class _Watch:
    """Shows a run, and those that `retry` starts, each in its own cell."""

    def __init__(
        self,
        data: Any,
        template: str,
        names: Mapping[str, object],
        name: str,
        notes: Sequence[str],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._data = data
        self._template = template
        self._names = names
        self._name = name
        self._notes = notes
        self._on_progress = on_progress
        self._bar: CellBar | TerminalBar | None = None

    def tell(self, progress: Progress) -> None:
        """Show the progress of the run under way."""
        if self._bar is not None:
            self._bar.show(progress.done, progress.total, progress_facts(progress), "rows")
        self._on_progress(progress)

    def run(
        self,
        work: Callable[[], Any],
        display: bool | None,
        canvas: Canvas | None = None,
        keep: Callable[[Any], None] | None = None,
    ) -> Any:
        """Run the work and show its result. Raises what the work raises, after its result so far is shown."""
        shell = running_shell()
        self._bar = None
        if display or (display is None and shell is not None and in_main_thread()):
            in_cell = canvas is not None or is_notebook(shell)
            self._bar = CellBar(canvas or CellCanvas(shell)) if in_cell else TerminalBar(sys.stdout)
        ended: NbchatError | Interrupted | None = None
        try:
            result = work()
        except (NbchatError, Interrupted) as failure:
            ended, result = failure, getattr(failure, "result", None)
        except BaseException:
            self._clear()
            raise
        if not isinstance(result, Mapped):  # there is none yet: a Dask frame's rows are asked when it is computed
            self._clear()
        else:
            if isinstance(details := getattr(result, "details", None), Details):
                details.watch(self._again)
            try:
                self._show(shell, result, keep, incomplete=ended is not None)
            except KeyboardInterrupt:
                ended = ended or MapInterrupted("Stopped while the result was shown; all answers are kept.", result)
        if ended is not None:
            raise ended
        return result

    def _show(self, shell: Any, result: Any, keep: Callable[[Any], None] | None, *, incomplete: bool) -> None:
        """Store the result with `keep`, then show it in place of the bar."""
        if keep is not None:
            keep(result)
        elif incomplete and shell is not None:
            shell.displayhook.update_user_ns(result)
        if self._bar is None:
            return
        name = self._name or ("_" if incomplete else "")
        if isinstance(details := getattr(result, "details", None), Details):
            notes = [*_written(result), *self._notes]
            self._bar.replace(_bundle(details, self._data, self._template, self._names, name, notes))
        else:
            self._bar.replace(chrome.line([LAZY, *self._notes]))

    def _again(self, again: Callable[..., Any]) -> Callable[..., Any]:
        """Return `again` with its run shown, unless `display=False` is among its options."""

        def shown(display: bool | None = None, **changed: Any) -> Any:
            return self.run(lambda: again(**changed), display)

        return shown

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()


def _written(result: Any) -> list[str]:
    """Say which file has the answers, if the run was to write one."""
    if not isinstance(result, MappedFile):
        return []
    if result.path is None:
        return ["no file was written, because the run ended early: run it again to go on"]
    return [f"the rows with their answers are in {getattr(result.path, 'name', result.path)}"]


def _bundle(
    details: Details,
    data: Any,
    template: str,
    names: Mapping[str, object],
    name: str,
    notes: Sequence[str],
) -> Bundle:
    inputs = _inputs(data, template, names)
    if details.pilot is not None:
        return pilot_bundle(details, details.pilot, inputs, notes)
    return rows_bundle(details, inputs, name, notes)


def _inputs(data: Any, template: str, names: Mapping[str, object]) -> Callable[[int], str]:
    """Return a function that reads the values that the template uses from a row."""
    if isinstance(data, Iterator):
        return lambda _position: ""
    source: Source = source_of(data)
    parsed = Template.of(template, source.columns, single=source.single, names=names)

    fields = [field for field in source.columns if field in parsed.fields]

    def read(position: int) -> str:
        row = source.at(position, parsed.fields, whole=parsed.whole) or {}
        return " | ".join(str(row[str(field)]) for field in fields if str(field) in row)

    return read


def progress_facts(progress: Progress) -> list[str]:
    """Return the facts to show while rows are asked."""
    left = progress.cost_left
    facts = [
        f"{progress.stored:,} reused" if progress.stored else "",
        f"{progress.failed:,} failed" if progress.failed else "",
        f"{progress.skipped:,} skipped" if progress.skipped else "",
        f"{progress.at_once:,} at once" if progress.at_once and progress.under_way else "",
        f"{progress.rows_per_second:.3g} rows/s" if progress.rows_per_second else "",
        "" if progress.cost is None else f"{cost_text(progress.cost)} so far",
        f"about {cost_text(left)} to come" if left else "",
        f"about {seconds_text(progress.seconds_left)} left" if progress.seconds_left else "",
        f"waiting {seconds_text(progress.waits)} for the server's rate limit" if progress.waits > 1 else "",
    ]
    return [fact for fact in facts if fact]
