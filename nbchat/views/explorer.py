"""A sweep to look through: filter and sort its rows, and see what differs between two answers."""

from __future__ import annotations

from typing import Any

from nbchat.display.canvas import CellCanvas
from nbchat.display.chrome import NO_MATH_CLASS, widget_bundle
from nbchat.display.display_state import running_shell
from nbchat.display.widget_style import WIDGETS_CLASS, style_widgets
from nbchat.tuning import result
from nbchat.tuning.grid import value_text
from nbchat.tuning.run import Run
from nbchat.values.plural import pluralize
from nbchat.views.sweep import answer_html, diff_bundle, share_of
from nbchat.views.sweep_table import heading, run_table

__all__ = ["Explorer", "Sweep"]

ALL = "all"

NONE = -1
"""The number of no run."""

MOST_CHOICES = 500
"""Runs that can be chosen for comparing; `diff(i, j)` takes any."""


class Sweep(result.Sweep):
    """A sweep that can be explored in a notebook."""

    __doc__ = result.Sweep.__doc__

    def explore(self) -> Explorer:
        """Widgets that filter and sort the runs and compare answers."""
        return Explorer(self)


class Explorer:
    """Widgets over a sweep, shown at the end of a cell. `view` is the sweep as they filter and sort it."""

    def __init__(self, sweep: result.Sweep) -> None:
        import ipywidgets as widgets

        self._sweep = sweep
        self._widgets = widgets
        self._share = share_of(sweep)
        self._answers: dict[int, str] = {}
        self._filters = {
            axis.name: self._choice(axis.name, list(axis.texts)) for axis in sweep.grid.axes if len(axis.values) > 1
        }
        self._status = self._choice("status", list(dict.fromkeys(run.status for run in sweep)))
        self._words = self._labelled(widgets.Text, "words", "15em", placeholder="in the answer")
        self._sort = self._labelled(widgets.Dropdown, "sort by", "14em", options=sweep.columns)
        self._descending = widgets.Checkbox(description="descending", indent=False)
        runs = [("–", NONE), *((f"{run.index} · {heading(sweep, run)}"[:80], run.index) for run in sweep.runs)]
        self._pair = [
            self._labelled(widgets.Dropdown, text, "34em", options=runs[: MOST_CHOICES + 1], value=NONE)
            for text in ("compare", "with")
        ]
        self._difference = widgets.HTMLMath()
        self._table = widgets.HTMLMath()
        for control in (*self._controls(), *self._pair):
            control.observe(self._moved, "value")
        lines = [widgets.Box(line, _dom_classes=("nbchat-line",)) for line in (self._controls(), self._pair)]
        self.widget = widgets.VBox(
            [*style_widgets(), *lines, self._difference, self._table],
            _dom_classes=(WIDGETS_CLASS, "nbchat-explorer"),
        )
        self._moved(None)

    def _controls(self) -> list[Any]:
        shown = [self._status] if len(self._status.options) > 2 else []
        return [*self._filters.values(), *shown, self._words, self._sort, self._descending]

    def _choice(self, name: str, texts: list[str]) -> Any:
        return self._labelled(self._widgets.Dropdown, name, "16em", options=[ALL, *texts])

    def _labelled(self, kind: Any, name: str, width: str, **traits: Any) -> Any:
        """A widget whose label is as wide as its text."""
        layout = self._widgets.Layout(max_width=width)
        return kind(description=name, style={"description_width": "initial"}, layout=layout, **traits)

    def _ipython_display_(self) -> None:
        """IPython's protocol: show the widgets; where there is no kernel, the runs stand as a table of text."""
        shell = running_shell()
        if shell is not None:
            told = f"[controls over {pluralize(len(self._sweep), 'run')}: run the cell again to use them]"
            plain = run_table(self._sweep, self._answer)["text/plain"]
            CellCanvas(shell).show(widget_bundle(self.widget, f"{told}\n\n{plain}"))

    @property
    def view(self) -> result.Sweep:
        """The runs that are shown, in their order."""
        words = self._words.value.casefold()

        def fits(run: Run) -> bool:
            return (
                all(box.value in (ALL, value_text(run.setting, name)) for name, box in self._filters.items())
                and self._status.value in (ALL, run.status)
                and words in run.text.casefold()
            )

        return self._sweep.filter(fits).sort(self._sort.value, descending=self._descending.value)

    def _moved(self, _change: Any) -> None:
        view = self.view
        shown = run_table(view, self._answer)["text/html"] if len(view) else "<i>No run fits.</i>"
        self._table.value = _styled(shown)
        first, second = (box.value for box in self._pair)
        both = NONE not in (first, second)
        self._difference.value = _styled(diff_bundle(self._sweep.diff(first, second))["text/html"]) if both else ""

    def _answer(self, run: Run) -> str:
        """An answer's HTML, made once: most of them stay when a filter changes."""
        if run.index not in self._answers:
            self._answers[run.index] = answer_html(run, self._share)
        return self._answers[run.index]


def _styled(html: str) -> str:
    """HTML that looks in a widget as it does in an output."""
    return f'<div class="jp-RenderedHTMLCommon {NO_MATH_CLASS}" style="line-height:1.4;padding:0.4em 0 0">{html}</div>'
