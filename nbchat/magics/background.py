"""Background cells: the kernel stays free while the cell's output is updated."""

from __future__ import annotations

import threading
from typing import Any, Protocol

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

__all__ = ["BackgroundReply", "enter", "leave", "pinned_canvas", "running", "start", "stop"]


class Stoppable(Protocol):
    """A cell that is still answering."""

    def stop(self) -> None:
        """Stop it."""


_running: list[Stoppable] = []


class BackgroundReply:
    """An answer in progress in the background, with the fields of the reply so far.

    At the end the `Reply` replaces it under the cell's name.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._done = threading.Event()

    @property
    def done(self) -> bool:
        """Whether the answer has ended, successfully or not."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, for at most `timeout` seconds (None = no limit); return whether it was reached."""
        return self._done.wait(timeout)

    def stop(self) -> None:
        """Stop the answer; the partial answer is kept."""
        self._exchange.stop()

    def _end(self) -> None:
        self._done.set()
        leave(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        draft = self._exchange.draft
        so_far = self._exchange.reply if draft is None else draft.reply()
        return getattr(so_far or Reply(status="interrupted"), name)

    def __repr__(self) -> str:
        return f"<BackgroundReply: {'over' if self.done else 'still coming'}, {len(self.text):,} characters>"


def enter(cell: Stoppable) -> None:
    """Note that a cell answers in the background."""
    _running.append(cell)


def leave(cell: Stoppable) -> None:
    """Note that it has ended."""
    _running.remove(cell)


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
    shell: Any, session: Session, composed: Composed, options: CellOptions, asked: dict[str, Any], source: str = ""
) -> None:
    """Ask in a separate thread and paint the answer into the cell that is running now.

    With a `source` (`--code`), the next cell gets the line that fetches the code once it has arrived. Raises what is wrong
    with the request, and ConfigError outside a notebook.
    """
    canvas = pinned_canvas(shell)
    shown = presentation(session, options, composed.notes, continue_with=asked["continue_with"])
    presenter = make_presenter(True, canvas=canvas, **shown)
    exchange = session.exchange(composed.message, cell_id=running_cell_id(shell), **asked)
    if source:
        asked_again(source)
        shell.set_next_input(f"%chat code {source}")
    coming, name = BackgroundReply(exchange), options.get("into")
    if name:
        shell.user_ns[name] = coming

    def work() -> None:
        reply: Reply | None = None
        try:
            reply = session.answer(exchange, display=presenter)
        except (NbchatError, Interrupted) as failure:
            reply = failure.reply  # bind a partial answer as well
            _show_failure(canvas, failure)
        else:
            _show_results(shell, canvas, reply, source)
        finally:
            if name and reply is not None and shell.user_ns.get(name) is coming:
                shell.user_ns[name] = reply
            coming._end()  # noqa: SLF001  # this module's own

    enter(coming)
    try:
        start_daemon(work, name="nbchat-background")
    except ConfigError:
        coming._end()  # noqa: SLF001  # as above
        raise


def _show_results(shell: Any, canvas: Canvas, reply: Reply, source: str) -> None:
    """Show the answer's data as a table, and the notes on its code."""
    if reply.data is not None:
        show_data(canvas, reply.data)
    if source:
        from nbchat.magics.code_output import announce

        canvas.show(chrome.line(announce(shell, reply.text, source)))


def _show_failure(canvas: Canvas, failure: NbchatError | Interrupted) -> None:
    canvas.show(chrome.line(f"{type(failure).__name__}: {failure}"))
