"""The plot of a sweep or an evaluation as a separate output, if a plotting library is installed."""

from __future__ import annotations

import base64
import contextlib
import importlib
import io
import json
import sys
import threading
import warnings
from importlib.util import find_spec
from typing import Any

from nbchat.api.engine import POLL_SECONDS
from nbchat.display.canvas import Canvas
from nbchat.display.chrome import line
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text
from nbchat.rows.evaluation.result import Evaluation
from nbchat.tuning.plot import figures, vega_type
from nbchat.tuning.result import Sweep

__all__ = ["plot_bundle", "show_plot", "show_plot_on"]

SHARPNESS = 2
"""Pixels of the picture per CSS pixel, as on current screens."""


def show_plot(shell: Any, compared: Sweep | Evaluation) -> None:
    """Show the plot in the running cell, unless there is nothing to compare or no library to draw it."""
    data, metadata = _drawn(compared)
    if data:
        shell.display_pub.publish(data=data, metadata=metadata)


def show_plot_on(canvas: Canvas, compared: Sweep | Evaluation) -> None:
    """Show the plot on a canvas, which takes no metadata: the picture as HTML of its size, no wider than its place."""
    data, metadata = _drawn(compared)
    if picture := data.pop("image/png", None):
        size = metadata["image/png"]
        data["text/html"] = (
            f'<img alt="{html_text(data["text/plain"])}" src="data:image/png;base64,{picture}" width="{size["width"]}"'
            ' style="max-width:100%;height:auto">'
        )
    if data:
        canvas.show(data)


def _drawn(compared: Sweep | Evaluation) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plot as `plot_bundle` gives it; a note, if it could not be drawn; nothing, if there is nothing to compare."""
    if not _worth_drawing(compared):
        return {}, {}
    try:
        return plot_bundle(compared)
    except Exception as error:  # noqa: BLE001  # the runs are paid for and shown, so a missing plot is only a note
        return dict(line(f"no plot: it could not be drawn ({type(error).__name__}: {error})")), {}


def _worth_drawing(compared: Sweep | Evaluation) -> bool:
    if isinstance(compared, Evaluation):
        return sum(one.quality is not None for one in compared.standings) > 1
    drawn = figures(compared)
    priced = any(run.cost for run in compared)
    return len(drawn.means) >= 2 or (priced and len(drawn.trade) > 1)


def plot_bundle(compared: Sweep | Evaluation) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the plot by MIME type, and its metadata; both empty if no library is installed.

    A picture is preferred to a live chart, because every front end and saved file shows it.
    """
    plain = plain_text(f"[plot: {compared.grid}]")
    if find_spec("matplotlib"):
        _import_in_thread("matplotlib.figure", "matplotlib.backends.backend_agg")
        figure = compared.plot(backend="matplotlib")
        picture = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about characters that its font lacks
            figure.savefig(picture, format="png", dpi=SHARPNESS * figure.dpi)
        width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
        sizes = {"image/png": {"width": width, "height": height}}
        return {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": plain}, sizes
    if find_spec("altair"):
        _import_in_thread("altair")
        chart = json.loads(compared.plot(backend="altair").to_json())
        return {vega_type(chart): chart, "text/plain": plain}, {}
    return {}, {}


def _import_in_thread(*modules: str) -> None:
    """Import in a separate thread, which receives no interrupts.

    An interrupt during the import would leave NumPy or Matplotlib half initialized, and unusable until the kernel
    restarts.
    """

    def bring() -> None:
        with contextlib.suppress(Exception):  # it is reported where the module is used
            for module in modules:
                importlib.import_module(module)

    if all(module in sys.modules for module in modules):
        return
    thread = threading.Thread(target=bring, name="nbchat-import", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)  # in steps: some systems do not wake a waiting lock for an interrupt
