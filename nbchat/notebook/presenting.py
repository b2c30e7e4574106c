"""Which presenter an answer gets: a painter in a notebook, a printer in a terminal, none in a script."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import Any

from nbchat.notebook.canvas import Canvas, CellCanvas
from nbchat.notebook.chrome import line
from nbchat.notebook.footer import footer_facts
from nbchat.notebook.painter import Painter, answer_bundle
from nbchat.notebook.sanitiser import sanitise
from nbchat.notebook.terminal import TerminalPresenter
from nbchat.session.present import Presenter, presenters
from nbchat.values.reply import Reply

__all__ = ["install", "is_notebook", "make_presenter", "running_shell"]


def running_shell() -> Any:
    """The IPython shell that runs this code; None in a plain script."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def is_notebook(shell: Any) -> bool:
    """Whether outputs go to a front end that can change them later, rather than to a terminal."""
    return getattr(shell, "kernel", None) is not None


def make_presenter(
    wanted: bool | None,
    *,
    canvas: Canvas | None = None,
    choices: int = 1,
    images: bool = False,
    notes: Sequence[str] = (),
    waiting: str = "",
) -> Presenter | None:
    """The presenter for the place where this runs.

    None where nothing is to be shown: not wanted, or left open (`wanted` None) in a script, or in another thread than
    the main one, whose output would land in whatever cell runs then.
    """
    shell = running_shell()
    if wanted is False or (wanted is None and (shell is None or not _in_main_thread())):
        return None
    if shell is not None and is_notebook(shell):
        _register_display(shell)
        return _Remembering(canvas or CellCanvas(shell), choices=choices, images=images, notes=notes, waiting=waiting)
    return TerminalPresenter(sys.stdout, choices=choices, notes=notes)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _register_display(shell: Any) -> None:
    """A reply at the end of a cell shows its answer, once: not again below the cell that streamed it."""
    formatter = shell.display_formatter.ipython_display_formatter
    if Reply not in formatter.type_printers:
        formatter.for_type(Reply, _display_reply)


_painted_last: tuple[Reply, int] | None = None
"""The reply that was painted last, and in which execution."""


class _Remembering(Painter):
    """A painter that leaves word of what it painted."""

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        super().conclude(reply, error)
        global _painted_last  # one cell runs at a time
        shell = running_shell()
        if reply is not None and shell is not None:
            _painted_last = (reply, shell.execution_count)


def _display_reply(reply: Reply) -> None:
    shell = running_shell()
    if shell is None:
        return
    if _painted_last is not None and _painted_last[0] is reply and _painted_last[1] == shell.execution_count:
        return
    canvas = CellCanvas(shell)
    canvas.show(answer_bundle(reply))
    canvas.show(line(footer_facts(reply)))


def install() -> None:
    """Let sessions show their answers here."""
    presenters.make = make_presenter
    presenters.clean = sanitise
