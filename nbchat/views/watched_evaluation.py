"""Evaluations that show a bar while rows are asked, then the result in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from nbchat.conversation.session import Session
from nbchat.display.canvas import CellCanvas
from nbchat.display.kernel import mark_shown, running_shell
from nbchat.display.presenting import in_main_thread, is_notebook
from nbchat.display.progress import CellBar, TerminalBar
from nbchat.rows.evaluation.evaluate import evaluate
from nbchat.rows.evaluation.run import EvaluationInterrupted
from nbchat.rows.progress import Progress
from nbchat.values.errors import Interrupted, NbchatError
from nbchat.views.evaluation import Evaluation, evaluation_bundle
from nbchat.views.sweep_plot import show_plot
from nbchat.views.watched_rows import progress_facts

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

    `display`: True shows it, False does not, None shows it in a notebook or IPython, and not in a script. `name` is the
    variable that the result will be bound to, `notes` are more facts to show. `keep` is given the result, complete or
    not, before it is shown; without it, an incomplete one is `_`. Raises as `evaluate` does.
    """
    shell = running_shell()
    if display is False or (display is None and (shell is None or not in_main_thread())):
        quiet = evaluate(session, data, template, on_progress=on_progress, result_type=Evaluation, **options)
        return cast("Evaluation", quiet)
    bar = CellBar(CellCanvas(shell)) if is_notebook(shell) else TerminalBar(sys.stdout)

    def tell(progress: Progress) -> None:
        bar.show(progress.done, progress.total, progress_facts(progress), "answers")
        on_progress(progress)

    ended: NbchatError | Interrupted | None = None
    try:
        result: Any = evaluate(session, data, template, on_progress=tell, result_type=Evaluation, **options)
    except (NbchatError, Interrupted) as failure:
        ended, result = failure, getattr(failure, "result", None)
        if result is None:
            bar.clear()
            raise
    except BaseException:
        bar.clear()
        raise
    found = cast("Evaluation", result)
    try:
        if keep is not None:
            keep(found)
        elif ended is not None and shell is not None:
            shell.displayhook.update_user_ns(found)
        mark_shown(found)
        bar.replace(evaluation_bundle(found, name or ("_" if ended is not None else ""), notes))
        if is_notebook(shell):
            show_plot(shell, found)
    except KeyboardInterrupt:
        ended = ended or EvaluationInterrupted("Stopped while the result was shown; all answers are kept.", found)
    if ended is not None:
        raise ended
    return found
