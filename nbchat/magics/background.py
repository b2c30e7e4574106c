"""Cells that answer in the background: the kernel is free, the cell goes on being painted."""

from __future__ import annotations

import threading
from typing import Any

from nbchat.cells.arguments import show_data
from nbchat.cells.compose import Composed
from nbchat.cells.options import CellOptions
from nbchat.cells.presentation import presentation
from nbchat.display import chrome
from nbchat.display.canvas import Canvas, PinnedCanvas
from nbchat.display.kernel import running_cell_id
from nbchat.display.presenting import is_notebook, make_presenter
from nbchat.frontend import Session, registry
from nbchat.magics.filled_cells import asked_again
from nbchat.values.errors import ConfigError, Interrupted, NbchatError
from nbchat.values.reply import Reply

__all__ = ["running", "start"]

_threads: list[threading.Thread] = []


def running() -> int:
    """How many cells are still answering."""
    _threads[:] = [thread for thread in _threads if thread.is_alive()]
    return len(_threads)


def start(
    shell: Any, session: Session, composed: Composed, options: CellOptions, asked: dict[str, Any], source: str = ""
) -> None:
    """Ask in a thread of its own; the answer is painted into the cell that is running now. Raises ConfigError.

    With a `source` (`--code`), the next cell gets the line that fetches the code once it has come.
    """
    if not is_notebook(shell):
        raise ConfigError("--background needs a notebook: a terminal can't go on painting a line above.")
    canvas = PinnedCanvas(shell)
    shown = presentation(session, options, composed.notes, resumable=session is registry().current)
    presenter = make_presenter(True, canvas=canvas, **shown)
    cell_id = running_cell_id(shell)
    session.request(composed.message, **asked)  # what is wrong with it, the cell itself should say
    if source:
        asked_again(source)
        shell.set_next_input(f"%chat code {source}")

    def work() -> None:
        reply: Reply | None
        try:
            reply = session.ask(composed.message, display=presenter, cell_id=cell_id, **asked)
        except (NbchatError, Interrupted) as failure:
            reply = failure.reply  # a part is worth a name too
            _show_failure(canvas, failure)
        else:
            _show_results(shell, canvas, reply, source)
        if reply is not None and (name := options.get("into")):
            shell.user_ns[name] = reply

    thread = threading.Thread(target=work, name="nbchat-background", daemon=True)
    _threads.append(thread)
    thread.start()


def _show_results(shell: Any, canvas: Canvas, reply: Reply, source: str) -> None:
    """The answer's data as a table, and what its code is worth."""
    if reply.data is not None:
        show_data(canvas, reply.data)
    if source:
        from nbchat.magics.code_output import announce

        canvas.show(chrome.line(announce(shell, reply.text, source)))


def _show_failure(canvas: Canvas, failure: NbchatError | Interrupted) -> None:
    canvas.show(chrome.line(f"{type(failure).__name__}: {failure}"))
