"""Run something long in a cell: a bar while it runs, then its result in the same place, complete or not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from nbchat.display.canvas import Canvas, CellCanvas
from nbchat.display.footer import cost_text, seconds_text
from nbchat.display.kernel import running_shell
from nbchat.display.presenting import in_main_thread, is_notebook
from nbchat.display.progress import CellBar, TerminalBar
from nbchat.rows import progress as rows
from nbchat.tuning import runner as tuning
from nbchat.values.errors import Interrupted, NbchatError

__all__ = ["Watch", "progress_facts"]


class Watch:
    """Where a run is shown. `shell` is IPython's, None = a script; `bar` shows the progress, None = nothing is shown.

    `display`: True shows it, False does not, None shows it in a notebook or IPython, and not in a script or a thread of
    the user's. `canvas` is where (None = the running cell), `make_bar` makes the bar of a notebook.
    """

    def __init__(
        self, display: bool | None, canvas: Canvas | None = None, make_bar: Callable[[Canvas], CellBar] = CellBar
    ) -> None:
        self.shell = shell = running_shell()
        self.bar: CellBar | TerminalBar | None = None
        if display or (display is None and shell is not None and in_main_thread()):
            in_cell = canvas is not None or is_notebook(shell)
            self.bar = make_bar(canvas or CellCanvas(shell)) if in_cell else TerminalBar(sys.stdout)

    def tell(self, done: int, total: int | None, facts: Sequence[str], noun: str) -> None:
        """Show progress."""
        if self.bar is not None:
            self.bar.show(done, total, facts, noun)

    def run(
        self,
        work: Callable[[], Any],
        show: Callable[[Any, str], None],
        stopped: Callable[[str, Any], Interrupted],
        keep: Callable[[Any], None] | None,
    ) -> Any:
        """Run `work`, keep its result and show it; then return it, or raise the failure that ended it early.

        `keep` is called with the result, complete or not, before it is shown, so that nothing can lose it, and again
        after an interrupt; without `keep`, a result that is not returned is bound to `_`. `show` gets the result, and
        "_" if it was bound so, else "". `stopped` makes the exception for an interrupt during that.
        """
        ended: NbchatError | Interrupted | None = None
        try:
            result = work()
        except (NbchatError, Interrupted) as failure:
            ended, result = failure, getattr(failure, "result", None)
        except BaseException:
            self._clear()
            raise
        if result is None:
            self._clear()
        else:
            bind = keep or self._bind
            try:
                if keep is not None or ended is not None:
                    bind(result)
                show(result, "_" if ended is not None else "")
            except KeyboardInterrupt:
                bind(result)  # again: the first binding may have been interrupted
                ended = ended or stopped("Stopped while the result was shown; all answers are kept.", result)
        if ended is not None:
            raise ended
        return result

    def _bind(self, result: Any) -> None:
        """Bind a result that can't be assigned, because its call raises, to the shell's `_`."""
        if self.shell is not None:
            self.shell.displayhook.update_user_ns(result)

    def _clear(self) -> None:
        if self.bar is not None:
            self.bar.clear()


def progress_facts(progress: tuning.Progress | rows.Progress) -> list[str]:
    """Return the facts to show of any run while it lasts."""
    facts = [
        f"{progress.failed:,} failed" if progress.failed else "",
        "" if progress.cost is None else f"{cost_text(progress.cost)} so far",
        f"about {seconds_text(progress.seconds_left)} left" if progress.seconds_left else "",
        f"waiting {seconds_text(progress.waits)} for the server's rate limit" if progress.waits > 1 else "",
    ]
    return [fact for fact in facts if fact]
