"""Choose the presenter: a painter in a notebook, a printer in a terminal, none in a script."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from nbchat.display.canvas import Canvas, CellCanvas
from nbchat.display.chrome import line
from nbchat.display.footer import footer_facts
from nbchat.display.kernel import is_shown, running_shell, takes_updates
from nbchat.display.painter import Painter
from nbchat.markdown.terminal_text import terminal_text
from nbchat.values.answer.reply import Reply
from nbchat.values.presenter import Presenter

__all__ = ["in_main_thread", "is_dashboard", "is_notebook", "make_presenter", "register_display"]


def is_notebook(shell: Any) -> bool:
    """Whether outputs go to a front end that can change them later, rather than to a terminal."""
    return takes_updates(shell)


def is_dashboard() -> bool:
    """Whether Voila shows this kernel's outputs: only widgets stay live after the cells have run."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def make_presenter(
    wanted: bool | None,
    *,
    canvas: Canvas | None = None,
    choices: int = 1,
    images: bool = False,
    notes: Sequence[str] = (),
    waiting: str = "",
    continue_with: str = "",
) -> Presenter | None:
    """Return the presenter for the current environment.

    None = show nothing: not wanted, or unspecified (`wanted` None) in a script or outside the main thread, whose output
    would land in whichever cell is running.
    """
    shell = running_shell()
    in_cell = shell is not None and (canvas is not None or is_notebook(shell))
    if shell is not None:
        register_display(shell, notebook=in_cell)  # also for an answer that is not shown: it may be a cell's value
    if wanted is False or (wanted is None and (shell is None or not in_main_thread())):
        return None
    if in_cell:
        where = canvas or CellCanvas(shell)
        return Painter(where, choices=choices, images=images, notes=notes, waiting=waiting, continue_with=continue_with)
    from nbchat.display.terminal import TerminalPresenter

    return TerminalPresenter(sys.stdout, choices=choices, notes=notes, continue_with=continue_with)


def in_main_thread() -> bool:
    """Whether output from this thread lands in the cell that asked for it."""
    return threading.current_thread() is threading.main_thread()


def register_display(shell: Any, *, notebook: bool) -> None:
    """Make a reply at the end of a cell display its answer, unless the cell has already shown it."""
    formatters = shell.display_formatter
    formatter = formatters.ipython_display_formatter if notebook else formatters.formatters["text/plain"]
    if Reply not in formatter.type_printers:
        formatter.for_type(Reply, _display if notebook else _print)


def _display(reply: Reply) -> None:
    from nbchat.display.answer import answer_bundle

    shell = running_shell()
    if shell is not None and not is_shown(reply):
        canvas = CellCanvas(shell)
        canvas.show(answer_bundle(reply))
        canvas.show(line(footer_facts(reply)))


def _print(reply: Reply, printer: Any, _cycle: bool) -> None:  # the signature that IPython expects
    printer.text("<Reply: see above>" if is_shown(reply) else terminal_text(reply.text))
