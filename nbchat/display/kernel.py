"""The adapter around the kernel: hides differences between ipykernel 6 and 7, Colab, xeus-python and others.

Nothing here raises; missing or unusual kernel features degrade gracefully.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "DISPLAYS",
    "choose_display",
    "is_shown",
    "mark_shown",
    "parent_of",
    "pinned_publish",
    "reaches_ended_cells",
    "running_cell_id",
    "running_shell",
    "takes_updates",
]

Publish = Callable[[Mapping[str, Any], str, bool], None]
"""Publishes a bundle under a display id, as a new output or an update."""

TEXT_ONLY = ("jupyter-console", "jupyter_console", "qtconsole", "spyder")
"""Programs that ignore output updates, by a word of their command lines."""

DISPLAYS = ("auto", "text")


class _Chosen:
    """The choice made with `%chat display` in this process; None = as NBCHAT_DISPLAY says."""

    display: str | None = None


def choose_display(name: str) -> None:
    """Show answers as plain text ("text"), or in the form that the front end supports ("auto"). Raises ValueError."""
    if name not in DISPLAYS:
        raise ValueError(f"display is {' or '.join(DISPLAYS)}; got {name!r}")
    _Chosen.display = name


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


def takes_updates(shell: Any) -> bool:
    """Whether outputs go to a front end that supports updates."""
    if _kernel_of(shell) is None:
        return False
    chosen = _Chosen.display or os.environ.get("NBCHAT_DISPLAY", "").strip().lower()
    return chosen != "text" and not _is_text_only()


def _kernel_of(shell: Any) -> Any:
    """Return the shell's kernel; None in a terminal."""
    with contextlib.suppress(Exception):
        return shell.kernel
    return None


@functools.cache
def _is_text_only() -> bool:
    """Whether the program that started this kernel is known to ignore output updates."""
    if "spyder_kernels" in sys.modules:
        return True
    try:
        import psutil  # type: ignore[import-untyped]  # which ipykernel brings

        command = " ".join(psutil.Process(os.getppid()).cmdline()[:4]).lower()
    except Exception:  # noqa: BLE001  # a system may refuse access in any way
        return False
    return any(name in command for name in TEXT_ONLY)


def parent_of(shell: Any) -> Mapping[str, Any]:
    """Return the header and metadata of the request being handled; empty if unknown."""
    kernel = _kernel_of(shell)
    ways: tuple[Callable[[], Any], ...] = (
        lambda: shell.parent_header,
        lambda: shell.get_parent(),
        lambda: kernel.get_parent("shell"),
        lambda: kernel.get_parent(),
    )
    for source in ways:
        with contextlib.suppress(Exception):
            parent = source()
            if isinstance(parent, Mapping) and "metadata" in parent:
                return parent
    return {}


def running_cell_id(shell: Any) -> str | None:
    """Return the running cell's id from the front end, by which a re-run finds its turn; None = not given.

    Colab stores it elsewhere.
    """
    metadata = parent_of(shell).get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    colab = metadata.get("colab")
    cell_id = metadata.get("cellId") or (colab.get("cell_id") if isinstance(colab, Mapping) else None)
    return cell_id if isinstance(cell_id, str) and cell_id else None


def pinned_publish(shell: Any) -> Publish:
    """Return a publisher bound to the running cell, usable after it has ended and while others run.

    A kernel routes each output to the cell whose request it is handling; in other threads this varies between versions.
    So ipykernel messages are built here with the cell's request as parent. Other publishers (xeus-python's,
    `%%capture`'s) are used as they are.
    """
    publisher = shell.display_pub
    try:
        session, socket, topic = publisher.session, publisher.pub_socket, publisher.topic
        parent = dict(publisher.parent_header)
    except (AttributeError, TypeError, ValueError):
        return functools.partial(_publish_plainly, publisher)
    addressed = {"header": parent} if "msg_id" in parent else parent

    def publish(bundle: Mapping[str, Any], output: str, update: bool) -> None:
        kind = "update_display_data" if update else "display_data"
        content = {"data": dict(bundle), "metadata": {}, "transient": {"display_id": output}}
        session.send(socket, session.msg(kind, content, parent=addressed), ident=topic)

    return publish


def reaches_ended_cells(shell: Any) -> bool:
    """Whether what `pinned_publish` publishes from a thread gets to its cell, also when that has ended.

    Not in xeus-python, which gives such outputs no cell at all. A capturing publisher (`%%capture`) keeps them.
    """
    publisher = shell.display_pub
    return all(hasattr(publisher, name) for name in ("session", "pub_socket")) or hasattr(publisher, "outputs")


def _publish_plainly(publisher: Any, bundle: Mapping[str, Any], output: str, update: bool) -> None:
    publisher.publish(data=dict(bundle), metadata={}, transient={"display_id": output}, update=update)
