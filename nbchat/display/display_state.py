"""Tracks what a cell has already shown, so that it is not repeated as the cell's value."""

from __future__ import annotations

import sys
from typing import Any

from nbchat.display.canvas import CellCanvas
from nbchat.display.chrome import line
from nbchat.display.footer import footer_facts
from nbchat.markdown.terminal_text import terminal_text
from nbchat.values.answer.reply import Reply

__all__ = ["is_shown", "mark_shown", "register_display", "running_shell"]

_last: tuple[object, int] | None = None
"""The object shown last, and its execution count."""


def running_shell() -> Any:
    """The IPython shell that runs this code; None in a plain script."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def mark_shown(value: object) -> None:
    """Record that a reply or sweep was shown in the running cell."""
    global _last  # one cell runs at a time
    shell = running_shell()
    if shell is not None:
        _last = (value, shell.execution_count)


def is_shown(value: object) -> bool:
    """Whether the running cell has already shown it."""
    shell = running_shell()
    return _last is not None and shell is not None and _last[0] is value and _last[1] == shell.execution_count


def register_display(shell: Any, *, notebook: bool) -> None:
    """Make a reply at the end of a cell display its answer, unless the cell has already shown it."""
    formatters = shell.display_formatter
    formatter = formatters.ipython_display_formatter if notebook else formatters.formatters["text/plain"]
    if Reply not in formatter.type_printers:
        formatter.for_type(Reply, _display if notebook else _print)


def _display(reply: Reply) -> None:
    from nbchat.display.painter import answer_bundle

    shell = running_shell()
    if shell is not None and not is_shown(reply):
        canvas = CellCanvas(shell)
        canvas.show(answer_bundle(reply))
        canvas.show(line(footer_facts(reply)))


def _print(reply: Reply, printer: Any, _cycle: bool) -> None:  # the signature that IPython expects
    printer.text("<Reply: see above>" if is_shown(reply) else terminal_text(reply.text))
