"""Background cells: the kernel stays free while the cell's output is updated."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from nbchat.cells.arguments import show_data
from nbchat.cells.compose import Composed
from nbchat.cells.options import CellOptions
from nbchat.cells.presentation import presentation
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.display import chrome
from nbchat.display.canvas import Canvas, PinnedCanvas
from nbchat.display.kernel import reaches_ended_cells, running_cell_id
from nbchat.display.presenting import is_notebook, make_presenter
from nbchat.frontend import Session
from nbchat.magics.filled_cells import asked_again
from nbchat.values.answer.reply import Reply
from nbchat.values.errors import ConfigError, Interrupted, NbchatError
from nbchat.values.threads import start_daemon

__all__ = [
    "BackgroundCell",
    "BackgroundReply",
    "BackgroundRows",
    "pinned_canvas",
    "running",
    "start",
    "start_rows",
    "stop",
]


class BackgroundCell:
    """A cell that is still answering. At the end its result replaces it under the cell's name (None = it has none).

    `stop_work` stops the work.
    """

    def __init__(self, shell: Any, name: str | None, stop_work: Callable[[], None]) -> None:
        self._namespace: dict[str, Any] = shell.user_ns
        self._name = name
        self._stop_work = stop_work
        self._done = threading.Event()
        if name:
            self._namespace[name] = self

    @property
    def done(self) -> bool:
        """Whether it has ended, successfully or not."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, for at most `timeout` seconds (None = no limit); return whether it was reached."""
        return self._done.wait(timeout)

    def stop(self) -> None:
        """Stop it; the answers so far are kept."""
        self._stop_work()

    def run(self, work: Callable[[], None], canvas: Canvas) -> None:
        """Work in a separate thread; show a failure on the canvas. Raises ConfigError where there are no threads."""

        def watched() -> None:
            try:
                work()
            except (NbchatError, Interrupted) as failure:
                canvas.show(chrome.line(f"{type(failure).__name__}: {failure}"))
            finally:
                self._end()

        _running.append(self)
        try:
            start_daemon(watched, name="nbchat-background")
        except ConfigError:
            self._end()
            raise

    def replace(self, result: Any) -> None:
        """Put the result in its place, unless its name has another value by now."""
        if self._name and self._namespace.get(self._name) is self:
            self._namespace[self._name] = result

    def _end(self) -> None:
        self._done.set()
        _running.remove(self)


_running: list[BackgroundCell] = []


class BackgroundReply(BackgroundCell):
    """An answer in progress in the background, with the fields of the reply so far."""

    def __init__(self, shell: Any, name: str | None, exchange: Exchange) -> None:
        super().__init__(shell, name, exchange.stop)
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        draft = self._exchange.draft
        so_far = self._exchange.reply if draft is None else draft.reply()
        return getattr(so_far or Reply(status="interrupted"), name)

    def __repr__(self) -> str:
        return f"<BackgroundReply: {'over' if self.done else 'still answering'}, {len(self.text):,} characters>"


def running() -> int:
    """Return the number of cells that are still answering."""
    return len(_running)


def stop() -> int:
    """Stop all cells that are still answering; return their number."""
    replies = list(_running)
    for reply in replies:
        reply.stop()
    return len(replies)


def pinned_canvas(shell: Any) -> PinnedCanvas:
    """Return the running cell's outputs, which can be updated after it has ended. Raises ConfigError where they can't be."""
    if not is_notebook(shell):
        raise ConfigError("--background needs a notebook: a terminal can't update output above the prompt.")
    if not reaches_ended_cells(shell):
        raise ConfigError("--background needs a kernel that can write into a cell that has ended; this one can't.")
    return PinnedCanvas(shell)


def start(
    shell: Any, session: Session, composed: Composed, options: CellOptions, settings: dict[str, Any], source: str = ""
) -> None:
    """Ask in a separate thread and paint the answer into the cell that is running now.

    With a `source` (`--code`), the next cell gets the line that fetches the code once it has arrived. Raises what is wrong
    with the request, and ConfigError outside a notebook.
    """
    canvas = pinned_canvas(shell)
    shown = presentation(session, options, composed.notes, continue_with=settings["continue_with"])
    presenter = make_presenter(True, canvas=canvas, **shown)
    exchange = session.exchange(composed.message, cell_id=running_cell_id(shell), **settings)
    if source:
        asked_again(source)
        shell.set_next_input(f"%chat code {source}")
    cell = BackgroundReply(shell, options.get("into"), exchange)

    def work() -> None:
        try:
            reply = session.answer(exchange, display=presenter)
        except (NbchatError, Interrupted) as failure:
            if failure.reply is not None:  # bind a partial answer as well
                cell.replace(failure.reply)
            raise
        cell.replace(reply)
        _show_results(shell, canvas, reply, source)

    cell.run(work, canvas)


def _show_results(shell: Any, canvas: Canvas, reply: Reply, source: str) -> None:
    """Show the answer's data as a table, and the notes on its code."""
    if reply.data is not None:
        show_data(canvas, reply.data)
    if source:
        from nbchat.magics.code_output import announce

        canvas.show(chrome.line(announce(shell, reply.text, source)))


class BackgroundRows(BackgroundCell):
    """Rows that are being asked in the background."""

    _progress = "not started"
    result: Any = None
    """The result, once there is one; None = not yet."""

    def __repr__(self) -> str:
        return f"<BackgroundRows: {'over' if self.done else self._progress}>"

    def keep(self, result: Any) -> None:
        """Keep the result, complete or not."""
        self.result = result
        self.replace(result)

    def note(self, progress: Any) -> None:
        """Keep how far it is."""
        of = "" if progress.total is None else f" of {progress.total:,}"
        self._progress = f"{progress.done:,}{of} rows"


def start_rows(shell: Any, session: Session, data: Any, template: str, options: Mapping[str, Any]) -> None:
    """Ask in a separate thread and show progress and result in the cell that is running now.

    Raises ConfigError where that is impossible: see `pinned_canvas`. Later failures are shown in the cell.
    """
    from nbchat.views.watched_rows import watched_rows

    canvas = pinned_canvas(shell)
    rows = BackgroundRows(shell, options.get("name"), session.stop)
    given = {"display": True, "canvas": canvas, "keep": rows.keep, "on_progress": rows.note, **options}
    rows.run(lambda: watched_rows(session, data, template, **given), canvas)
