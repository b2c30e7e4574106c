"""A sweep to look through: filter and sort its rows, and see what differs between two answers."""

from __future__ import annotations

from typing import Any

from nbchat.notebook.canvas import CellCanvas
from nbchat.notebook.chrome import NO_MATH_CLASS, widget_bundle
from nbchat.notebook.shown import running_shell
from nbchat.notebook.sweeptable import heading, run_table
from nbchat.notebook.sweepview import answer_html, diff_bundle
from nbchat.tuning.grid import setting_text
from nbchat.tuning.result import Sweep
from nbchat.tuning.run import Run

__all__ = ["Explorer"]

ALL = "all"

MOST_CHOICES = 500
"""Runs that can be chosen for comparing; `diff(i, j)` takes any."""


class Explorer:
    """Widgets over a sweep, shown at the end of a cell. `view` is the sweep as they filter and sort it."""

    def __init__(self, sweep: Sweep) -> None:
        import ipywidgets as widgets

        self._sweep = sweep
        self._widgets = widgets
        self._filters = {
            axis.name: self._choice(axis.name, [_value(axis.name, value) for value in axis.values])
            for axis in sweep.grid.axes
            if len(axis.values) > 1
        }
        self._status = self._choice("status", list(dict.fromkeys(run.status for run in sweep)))
        self._words = widgets.Text(placeholder="words in the answer", layout=_layout(widgets, "14em"))
        self._sort = widgets.Dropdown(options=sweep.columns, description="sort by", layout=_layout(widgets, "15em"))
        self._descending = widgets.Checkbox(description="descending", indent=False, layout=_layout(widgets, "8em"))
        runs = [("–", None), *((f"{run.index} · {heading(sweep, run)}"[:80], run.index) for run in sweep.runs)]
        self._pair = [
            widgets.Dropdown(options=runs[: MOST_CHOICES + 1], description=text, layout=_layout(widgets, "22em"))
            for text in ("compare", "with")
        ]
        self._difference = widgets.HTML()
        self._table = widgets.HTML()
        for control in (*self._controls(), *self._pair):
            control.observe(self._moved, "value")
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.widget = widgets.VBox(
            [
                widgets.Box(self._controls(), layout=wrap),
                widgets.Box(self._pair, layout=wrap),
                self._difference,
                self._table,
            ]
        )
        self._moved(None)

    def _controls(self) -> list[Any]:
        shown = [self._status] if len(self._status.options) > 2 else []
        return [*self._filters.values(), *shown, self._words, self._sort, self._descending]

    def _choice(self, name: str, texts: list[str]) -> Any:
        options = [ALL, *texts]
        style = {"description_width": "initial"}
        return self._widgets.Dropdown(
            options=options, description=name, style=style, layout=_layout(self._widgets, "16em")
        )

    def _ipython_display_(self) -> None:
        """IPython's protocol: show the widgets."""
        shell = running_shell()
        if shell is not None:
            CellCanvas(shell).show(widget_bundle(self.widget, f"[controls over {len(self._sweep)} runs]"))

    @property
    def view(self) -> Sweep:
        """The runs that are shown, in their order."""
        words = self._words.value.casefold()

        def fits(run: Run) -> bool:
            return (
                all(box.value in (ALL, _value(name, run.setting[name])) for name, box in self._filters.items())
                and self._status.value in (ALL, run.status)
                and words in run.text.casefold()
            )

        return self._sweep.filter(fits).sort(self._sort.value, descending=self._descending.value)

    def _moved(self, _change: Any) -> None:
        view = self.view
        shown = run_table(view, answer_html)["text/html"] if len(view) else "<i>No run fits.</i>"
        self._table.value = _styled(shown)
        first, second = (box.value for box in self._pair)
        both = first is not None and second is not None
        self._difference.value = _styled(diff_bundle(self._sweep.diff(first, second))["text/html"]) if both else ""


def _styled(html: str) -> str:
    """HTML that looks in a widget as it does in an output."""
    return f'<div class="jp-RenderedHTMLCommon {NO_MATH_CLASS}" style="line-height:1.4">{html}</div>'


def _value(name: str, value: Any) -> str:
    return setting_text({name: value}).partition("=")[2]


def _layout(widgets: Any, width: str) -> Any:
    return widgets.Layout(width=width)
