"""Evaluations that show a bar while rows are asked, then the result in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from nbchat.conversation.session import Session
from nbchat.display.kernel import mark_shown
from nbchat.display.progress import CellBar
from nbchat.rows.evaluation.evaluate import evaluate
from nbchat.rows.evaluation.run import EvaluationInterrupted
from nbchat.rows.progress import Progress
from nbchat.views.evaluation import Evaluation, evaluation_bundle
from nbchat.views.sweep_plot import show_plot
from nbchat.views.watch import Watch
from nbchat.views.watched_rows import rows_facts

__all__ = ["watched_evaluation"]


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
