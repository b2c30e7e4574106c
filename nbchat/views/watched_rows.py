"""Runs over rows that show their progress, then the result in the same place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nbchat.conversation.session import Session
from nbchat.display import chrome
from nbchat.display.canvas import Bundle, Canvas
from nbchat.display.footer import cost_text
from nbchat.rows.mapping import MapInterrupted, map_rows
from nbchat.rows.progress import Progress
from nbchat.rows.results.details import Details
from nbchat.rows.results.sink import MappedFile
from nbchat.rows.source import Source, source_of
from nbchat.rows.template import Template
from nbchat.values.arguments import checked
from nbchat.values.wording import figure
from nbchat.views.rows import pilot_bundle, rows_bundle
from nbchat.views.watch import Watch, progress_facts

__all__ = ["rows_facts", "watched_rows"]

LAZY = "nothing has been asked yet: the answers are lazy, and compute() asks the rows"
"""What is shown for the answers to a lazy frame."""


@checked
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

    `display`, `canvas` and `keep` are those of `Watch`. `name` is the variable that the result will be bound to, `notes`
    are more facts to show. Raises as `map_rows` does.
    """
    runs = _Runs(data, template, names or {}, name or "", notes)

    def tell(progress: Progress) -> None:
        runs.watch.tell(progress.done, progress.total, rows_facts(progress), "rows")
        on_progress(progress)

    def first() -> Any:
        return map_rows(session, data, template, names=names, on_progress=tell, **options)

    return runs.run(first, Watch(display, canvas), keep)


class _Runs:
    """Shows a run, and those that `retry` starts, each in its own cell: `watch` is that of the last."""

    watch: Watch

    def __init__(self, data: Any, template: str, names: Mapping[str, object], name: str, notes: Sequence[str]) -> None:
        self._data = data
        self._template = template
        self._names = names
        self._name = name
        self._notes = notes

    def run(self, work: Callable[[], Any], watch: Watch, keep: Callable[[Any], None] | None = None) -> Any:
        """Run the work and show its result. Raises what the work raises, after its result so far is shown."""
        self.watch = watch
        return watch.run(work, self._show, MapInterrupted, keep)

    def _show(self, result: Any, bound: str) -> None:
        details, bar = getattr(result, "details", None), self.watch.bar
        if isinstance(details, Details):
            details.watch(self._again)
            if bar is not None:
                bar.replace(self._bundle(details, [*_written(result), *self._notes], self._name or bound))
        elif bar is not None:  # the answers to a lazy frame, whose rows are asked when it is computed
            bar.replace(chrome.line([LAZY, *self._notes]))

    def _bundle(self, details: Details, notes: Sequence[str], name: str) -> Bundle:
        inputs = _inputs(self._data, self._template, self._names)
        if details.pilot is not None:
            return pilot_bundle(details, details.pilot, inputs, notes)
        return rows_bundle(details, inputs, name, notes)

    def _again(self, again: Callable[..., Any]) -> Callable[..., Any]:
        """Return `again` with its run shown, unless `display=False` is among its options."""

        def shown(display: bool | None = None, **changed: Any) -> Any:
            return self.run(lambda: again(**changed), Watch(display))

        return shown


def _written(result: Any) -> list[str]:
    """Say which file has the answers, if the run was to write one."""
    if not isinstance(result, MappedFile):
        return []
    if result.path is None:
        return ["no file was written, because the run ended early: run it again to continue"]
    return [f"the rows with their answers are in {getattr(result.path, 'name', result.path)}"]


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


def rows_facts(progress: Progress) -> list[str]:
    """Return the facts to show while rows are asked."""
    left = progress.cost_left
    facts = [
        f"{progress.stored:,} reused" if progress.stored else "",
        f"{progress.skipped:,} skipped" if progress.skipped else "",
        f"{progress.at_once:,} at once" if progress.at_once and progress.under_way else "",
        f"{figure(progress.rows_per_second, 3)} rows/s" if progress.rows_per_second else "",
        *progress_facts(progress),
        f"about {cost_text(left)} to come" if left else "",
    ]
    return [fact for fact in facts if fact]
