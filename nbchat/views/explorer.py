"""Explore a sweep: filter, sort and rate its rows, compare two answers, apply one."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from msgspec.structs import replace

from nbchat.display.canvas import CellCanvas
from nbchat.display.chrome import NO_MATH_CLASS, widget_bundle
from nbchat.display.kernel import running_shell
from nbchat.display.widget_style import KEYS, STYLE, WIDGETS_CLASS, script_outputs, style_sheet
from nbchat.markdown.inline import html_text
from nbchat.tuning import result
from nbchat.tuning.grid import value_text
from nbchat.tuning.run import Run
from nbchat.values.answer.rating import Rating, score_of
from nbchat.values.errors import NbchatError
from nbchat.values.wording import pluralize
from nbchat.views import explorer_script
from nbchat.views.sweep import answer_html, diff_bundle, share_of, sweep_bundle
from nbchat.views.sweep_table import Handles, heading, run_table

__all__ = ["Explorer", "Sweep"]

ALL = "all"

NONE = -1
"""The row number that means "no run"."""

MOST_CHOICES = 500
"""Most runs in the list for comparisons; `diff(i, j)` takes any."""

HINT = "headers sort · in a row: + and − rate, s scores, n notes, ↑ ↓ move, Enter opens"


class Sweep(result.Sweep):
    """A sweep that can be explored in a notebook."""

    __doc__ = result.Sweep.__doc__

    def explore(self) -> Explorer:
        """Return widgets that filter, sort and rate the runs, compare answers, and apply one."""
        return Explorer(self)

    def _mime_(self) -> tuple[str, str]:
        """The protocol of marimo: what a cell shows."""
        return "text/html", str(sweep_bundle(self)["text/html"])


class Explorer:
    """Widgets over a sweep, shown at the end of a cell.

    `view` is the sweep as filtered and sorted. `blind` hides the settings of each answer and shuffles the rows; ratings
    are stored in the sweep (`Sweep.rate`).
    """

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
        self.blind = widgets.Checkbox(description="blind", indent=False)
        runs = [("–", NONE), *((f"{run.index} · {heading(sweep, run)}"[:80], run.index) for run in sweep.runs)]
        self._pair = [
            self._labelled(widgets.Dropdown, text, "34em", options=runs[: MOST_CHOICES + 1], value=NONE)
            for text in ("compare", "with")
        ]
        self._difference = widgets.HTML()
        self._message = widgets.HTML()
        self._table = widgets.HTML(_dom_classes=("nbchat-table",))
        self._act = widgets.Text(_dom_classes=("nbchat-act",))
        self._act.observe(lambda change: self._acted(change["new"]), "value")
        self._done: dict[str, int] = {}
        """The count of the last action that was done for each page that shows this."""
        for control in (*self._controls(), self.blind, *self._pair):
            control.observe(self._moved, "value")
        self._line = widgets.Box(_dom_classes=("nbchat-line",))
        self._compared = widgets.Box(self._pair, _dom_classes=("nbchat-line",))
        look = widgets.HTML(style_sheet(STYLE + explorer_script.STYLE), layout={"display": "none"})
        keys = script_outputs(KEYS + explorer_script.SCRIPT)
        script = widgets.Output(outputs=keys, layout={"height": "0", "margin": "0", "overflow": "hidden"})
        parts = [look, script, self._line, self._compared, self._difference, self._message, self._table, self._act]
        self.widget = widgets.VBox(parts, _dom_classes=(WIDGETS_CLASS, "nbchat-explorer"))
        self._say("")
        self._moved(None)

    def _controls(self) -> list[Any]:
        shown = [self._status] if len(self._status.options) > 2 else []
        return [*self._filters.values(), *shown, self._words, self._sort, self._descending]

    def _choice(self, name: str, texts: list[str]) -> Any:
        return self._labelled(self._widgets.Dropdown, name, "16em", options=[ALL, *texts])

    def _labelled(self, kind: Any, name: str, width: str, **traits: Any) -> Any:
        """Return a widget whose label is as wide as its text."""
        layout = self._widgets.Layout(max_width=width)
        return kind(description=name, style={"description_width": "initial"}, layout=layout, **traits)

    def _ipython_display_(self) -> None:
        """IPython's protocol: show the widgets, with a text table of the runs for viewers without a kernel."""
        shell = running_shell()
        if shell is not None:
            note = f"[controls over {pluralize(len(self._sweep), 'run')}: run the cell again to use them]"
            plain = run_table(self._sweep, self._answer)["text/plain"]
            CellCanvas(shell).show(widget_bundle(self.widget, f"{note}\n\n{plain}"))

    @property
    def view(self) -> result.Sweep:
        """The runs that are shown, in order."""
        words = self._words.value.casefold()
        blind = self.blind.value

        def fits(run: Run) -> bool:
            return words in run.text.casefold() and (
                blind
                or (
                    all(box.value in (ALL, value_text(run.setting, name)) for name, box in self._filters.items())
                    and self._status.value in (ALL, run.status)
                )
            )

        found = self._sweep.filter(fits)
        if blind:
            return found.shuffled(Random(len(self._sweep)))
        return found.sort(self._sort.value, descending=self._descending.value)

    def _moved(self, _change: Any) -> None:
        blind = self.blind.value
        self._line.children = [self._words, self.blind] if blind else [*self._controls(), self.blind]
        self._compared.children = [] if blind else self._pair
        view = self.view
        handles = Handles(self._sort.value, self._descending.value, self._judge, blind)
        shown = run_table(view, self._answer, handles)["text/html"] if len(view) else "<i>No run matches.</i>"
        self._table.value = _styled(shown)
        first, second = (box.value for box in self._pair)
        both = NONE not in (first, second) and not blind
        self._difference.value = _styled(diff_bundle(self._sweep.diff(first, second))["text/html"]) if both else ""

    def _answer(self, run: Run) -> str:
        """Return an answer's HTML, cached because most answers stay when a filter changes."""
        if run.index not in self._answers:
            self._answers[run.index] = answer_html(run, self._share)
        return self._answers[run.index]

    def _judge(self, run: Run) -> str:
        """Return the HTML in which a run is rated and applied; empty if it has no answer."""
        if run.turn is None:
            return ""
        rating = self._sweep.rating(run.index) or Rating()
        thumbs = "".join(
            f'<button type="button" data-nbchat-thumb="{name}" aria-pressed="{str(rating.thumb is up).lower()}" '
            f'aria-label="{meaning}" title="{meaning}">{sign}</button>'
            for name, up, sign, meaning in (("up", True, "👍", "good (+)"), ("down", False, "👎", "bad (−)"))
        )
        score = "" if rating.score is None else f"{rating.score:g}"
        fields = "".join(
            f'<input name="{name}" aria-label="{name}" placeholder="{name}" value="{html_text(value)}" />'
            for name, value in (("score", score), ("note", rating.note))
        )
        meaning = "apply it to the session: its settings, message and answer"
        apply = f'<button type="button" data-nbchat-apply="yes" title="{meaning}">apply</button>'
        return f'<div class="nbchat-judge">{thumbs}{fields}{"" if self.blind.value else apply}</div>'

    # Events from the page

    def _acted(self, text: str) -> None:
        for action in json.loads(text):
            page, count = action["page"], action["count"]
            if count > self._done.get(page, 0):
                self._done[page] = count
                self._try(action)
        self._act.placeholder = f"{page} {count}"

    def _try(self, action: dict[str, Any]) -> None:
        try:
            self._do(action["act"], action.get("run", NONE), action.get("value"))
        except NbchatError as error:
            self._say(str(error))
        except (ValueError, KeyError, TypeError, IndexError):
            self._say("This input was not understood; nothing was changed.")

    def _do(self, act: str, index: int, value: Any) -> None:
        if act == "sort":
            again = value == self._sort.value
            self._descending.value = not self._descending.value if again else False
            self._sort.value = value
            return
        if act == "apply":
            run = self._sweep.apply(index)
            self._say(f"run {run.index} is now applied to the session: {heading(self._sweep, run)}")
            return
        given = {act: score_of(value) if act == "score" else value}
        self._sweep.set_rating(index, replace(self._sweep.rating(index) or Rating(), **given))
        self._say("" if self.blind.value else str(self._sweep.verdict()) if self._sweep.rated else "")

    def _say(self, text: str) -> None:
        quiet = "font-size:0.9em;color:var(--nbchat-quiet)"
        message = f"<div>{html_text(text)}</div>" if text else ""
        self._message.value = _styled(f'{message}<div style="{quiet}">{html_text(HINT)}</div>')


def _styled(html: str) -> str:
    """Return HTML that looks the same in a widget as in an output."""
    return f'<div class="jp-RenderedHTMLCommon {NO_MATH_CLASS}" style="line-height:1.4;padding:0.4em 0 0">{html}</div>'
