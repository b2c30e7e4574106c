"""The one place that looks into the kernel: what differs between ipykernel 6 and 7, Colab, xeus-python and others.

Nothing here raises: a kernel that lacks something, or has it under another form, gives what it has.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["DISPLAYS", "choose_display", "parent_of", "pinned_publish", "running_cell_id", "takes_updates"]

Publish = Callable[[Mapping[str, Any], str, bool], None]
"""Publishes a bundle under a display id, as a new output or as an update of one."""

TEXT_ONLY = ("jupyter-console", "jupyter_console", "qtconsole", "spyder")
"""Programs that show each output once and ignore its updates, by a word of their command lines."""

DISPLAYS = ("auto", "text")


class _Chosen:
    """What `%chat display` chose in this process; None = what NBCHAT_DISPLAY says."""

    display: str | None = None


def choose_display(name: str) -> None:
    """Show answers as plain text as they come ("text"), or as the front end takes them ("auto"). Raises ValueError."""
    if name not in DISPLAYS:
        raise ValueError(f"display is {' or '.join(DISPLAYS)}; got {name!r}")
    _Chosen.display = name


def takes_updates(shell: Any) -> bool:
    """Whether outputs go to a front end that can change them later."""
    if _kernel_of(shell) is None:
        return False
    chosen = _Chosen.display or os.environ.get("NBCHAT_DISPLAY", "").strip().lower()
    if chosen in DISPLAYS:
        return chosen != "text" and not (chosen == "auto" and _is_text_only())
    return not _is_text_only()


def _kernel_of(shell: Any) -> Any:
    """The shell's kernel; None = it has none: a terminal's."""
    with contextlib.suppress(Exception):
        return shell.kernel
    return None


@functools.cache
def _is_text_only() -> bool:
    """Whether the program that started this kernel is known to ignore updates."""
    if "spyder_kernels" in sys.modules:
        return True
    try:
        import psutil  # type: ignore[import-untyped]  # which ipykernel brings

        command = " ".join(psutil.Process(os.getppid()).cmdline()[:4]).lower()
    except Exception:  # noqa: BLE001  # whatever a system refuses to tell
        return False
    return any(name in command for name in TEXT_ONLY)


def parent_of(shell: Any) -> Mapping[str, Any]:
    """The request that the kernel handles, header and metadata; empty where it does not say."""
    kernel = _kernel_of(shell)
    ways: tuple[Callable[[], Any], ...] = (
        lambda: shell.parent_header,
        lambda: shell.get_parent(),
        lambda: kernel.get_parent("shell"),
        lambda: kernel.get_parent(),
    )
    for way in ways:
        with contextlib.suppress(Exception):
            parent = way()
            if isinstance(parent, Mapping) and "metadata" in parent:
                return parent
    return {}


def running_cell_id(shell: Any) -> str | None:
    """The id that the front end gives the running cell, by which a re-run finds its own turn. None = it gives none.

    Colab has a place of its own for it.
    """
    metadata = parent_of(shell).get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    colab = metadata.get("colab")
    cell_id = metadata.get("cellId") or (colab.get("cell_id") if isinstance(colab, Mapping) else None)
    return cell_id if isinstance(cell_id, str) and cell_id else None


def pinned_publish(shell: Any) -> Publish:
    """Publishes outputs of the cell that runs now, also after it has ended and while others run.

    A kernel addresses each output to the cell whose request it is handling at that time; which that is in another
    thread differs between versions. So ipykernel's messages are made here, with the cell's own request as their
    parent. Other publishers (xeus-python's, `%%capture`'s) are asked to publish as they do.
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


def _publish_plainly(publisher: Any, bundle: Mapping[str, Any], output: str, update: bool) -> None:
    publisher.publish(data=dict(bundle), metadata={}, transient={"display_id": output}, update=update)
