"""The rows of the panel: one for each parameter of the table, unset until touched and unsettable again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ipywidgets import Button, Dropdown, FloatSlider, HBox, IntSlider, Text

from nbchat.cells.options import axis_values, escaped, unescaped
from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.panel.redraw import Redraw
from nbchat.values.errors import ParameterError
from nbchat.values.parameter import Parameter

__all__ = ["WIDE", "Changed", "Control", "TextControl", "control", "tooltip"]

Changed = Callable[[str, Any], None]
"""Called with a parameter's name and its new value; None = unset."""

NOT_SENT = "not sent"
REFUSED = "refused"
WIDE = ("texts", "biases", "json")
"""Kinds whose values need a separate line."""

MOST_SLIDER_STEPS = 2000
"""Most steps of a slider; larger ranges get a text box."""


def control(factory: WidgetFactory, parameter: Parameter, changed: Changed) -> Control:
    """Return the row that suits a parameter's kind."""
    match parameter.kind:
        case "number" | "integer" if _slidable(parameter):
            return SliderControl(factory, parameter, changed)
        case "flag" | "choice":
            return ChoiceControl(factory, parameter, changed)
        case "texts":
            return TextsControl(factory, parameter, changed)
        case _:
            return TextControl(factory, parameter, changed)


def _slidable(parameter: Parameter) -> bool:
    low, high, step = parameter.low, parameter.high, parameter.step
    return low is not None and high is not None and bool(step) and (high - low) / (step or 1) <= MOST_SLIDER_STEPS


def tooltip(parameter: Parameter) -> str:
    """Return the tooltip of a parameter: meaning, valid values, and the effect of leaving it unset."""
    takes = parameter.expected if parameter.kind != "flag" else "true or false"
    unit = f" {parameter.unit}" if parameter.unit else ""
    step = f", in steps of {parameter.step:g}{unit}" if parameter.step else ""
    return f"{parameter.name}: {parameter.meaning} ({takes}{step}). Unset = not sent: the server decides."


class Control:
    """One row: a label, an input, a button that unsets the value, and a note below.

    A subclass builds the widgets, shows a value in them, and reports the user's changes with `_report` or `_read`.
    Widget events come from any thread, and showing a value causes events that are not the user's.
    """

    placeholder = NOT_SENT
    """The placeholder of an empty box."""

    def __init__(self, factory: WidgetFactory, parameter: Parameter, changed: Changed) -> None:
        self.parameter = parameter
        self.problem = ""
        """The error in the typed text; empty = none."""
        self.waiting = ""
        """Why the typed text does not count yet; empty = it does."""
        self._factory = factory
        self._changed = changed
        self._value: Any = None
        self.tried: tuple[Any, ...] = ()
        """The values to try in a sweep; empty = one value, or none."""
        self._refusal = ""
        self._redrawing = Redraw()
        self.widgets: list[Any] = self._build()
        unset = f"unset {parameter.name}: not sent, the server decides"
        self._unset = factory.make(Button, description="×", tooltip=unset, classes="nbchat-unset-button")
        self._unset.on_click(lambda _button: self._report(None))
        classes = "nbchat-control nbchat-unset" + (" nbchat-wide" if parameter.kind in WIDE else "")
        self.row = factory.make(HBox, [*self.widgets, self._unset], classes=classes)
        self._note = factory.note(self.row)

    def show(self, value: Any) -> None:
        """Show a value set elsewhere; None = unset. If it is unchanged, text being typed is kept."""
        with self._redrawing:
            if value != self._value or type(value) is not type(self._value):
                self._value = value
                self.tried = self.tried if value is None else ()
                self._redraw()

    def try_values(self, values: tuple[Any, ...]) -> None:
        """Show several values to try instead of the set one; the session then has none. Empty = none."""
        if values != self.tried:
            self.tried = values
            self._changed(self.parameter.name, None)
            with self._redrawing:
                self._value = None
                self._redraw()

    def refuse(self, words: str) -> None:
        """Grey out the row, because the server refuses the parameter for this model with these words. Empty = it does not."""
        if words == self._refusal:
            return
        self._refusal = words
        tip = f"{self.parameter.name}: refused for this model: {words}" if words else tooltip(self.parameter)
        for widget in self.widgets:
            widget.disabled = bool(words)
            if hasattr(widget, "placeholder"):
                widget.placeholder = REFUSED if words else self.placeholder
            name = "tooltip" if widget.has_trait("tooltip") else "description_tooltip"
            setattr(widget, name, tip)
        mark(self.row, "nbchat-refused", bool(words))

    def _build(self) -> list[Any]:
        """Return the widgets, the first one with the label."""
        raise NotImplementedError

    def _draw(self, value: Any) -> None:
        raise NotImplementedError

    def _redraw(self) -> None:
        self.problem = ""
        with self._redrawing:
            self._draw(self._value)
            if self.tried:
                self._draw_tried(", ".join(self.parameter.written(value)[0] for value in self.tried))
        mark(self.row, "nbchat-unset", self._value is None and not self.tried)
        mark(self.row, "nbchat-several", bool(self.tried))
        mark(self.row, "nbchat-bad", False)
        self._note.say("")

    def _draw_tried(self, text: str) -> None:
        """Show several values; rows without a box to type into never have any."""

    def _report(self, value: Any) -> None:
        """Handle a value set by the user."""
        self.tried = ()
        try:
            self._changed(self.parameter.name, value)
        except ParameterError as error:
            self._reject(str(error))
            return
        with self._redrawing:
            self._value = value
            self._redraw()

    def _read(self, text: str) -> None:
        """Handle typed text: a value, or several separated by commas."""
        if self._redrawing.active:
            return
        try:
            parts = axis_values(self.parameter, text)
            values = [self.parameter.parse(part) for part in (parts if len(parts) > 1 else [text]) if part.strip()]
        except ParameterError as error:
            self._reject(str(error))
            return
        if len(values) > 1:
            self.try_values(tuple(dict.fromkeys(values)))
        else:
            self._report(values[0] if values else None)

    def _reject(self, problem: str) -> None:
        self.problem = problem
        mark(self.row, "nbchat-unset", False)  # so that one click can discard the typed text
        mark(self.row, "nbchat-bad", True)
        self._note.say(problem, wrong=True)


class SliderControl(Control):
    """A slider and a separate text box, because the slider's own box would clamp typed values."""

    def _build(self) -> list[Any]:
        row = self.parameter
        kind, slider = (int, IntSlider) if row.kind == "integer" else (float, FloatSlider)
        low, high = kind(row.low or 0), kind(row.high or 0)
        self._middle = kind((low + high) / 2)
        bounds: dict[str, Any] = {
            "value": self._middle,
            "min": low,
            "max": high,
            "step": kind(row.step or 1),
            "readout": False,
        }
        self._slider = self._factory.make(slider, description=row.name, tooltip=tooltip(row), **bounds)
        self._snapped: float | None = None
        self._box = self._factory.make(Text, placeholder=NOT_SENT, continuous_update=False, classes="nbchat-number")
        self._slider.observe(lambda change: self._slid(change["new"]), "value")
        self._box.observe(lambda change: self._read(change["new"]), "value")
        return [self._slider, self._box]

    def _slid(self, value: float) -> None:
        exact = self.parameter.check(round(value, 9))  # avoid values such as 0.1 * 3 = 0.30000000000000004
        if not self._redrawing.active and exact != self._snapped:
            self._report(exact)

    def _draw(self, value: Any) -> None:
        self._snapped = None if value is None else self._on_grid(value)
        self._slider.value = self._middle if value is None else value
        self._box.value = "" if value is None else self.parameter.written(value)[0]

    def _draw_tried(self, text: str) -> None:
        self._box.value = text

    def _on_grid(self, value: float) -> float | None:
        """Return the step to which the front end's slider rounds a value, and which it reports; None = it is a step.

        The order of operations is the slider's own (noUiSlider's), so that both round alike.
        """
        low, span, step = self._slider.min, self._slider.max - self._slider.min, self._slider.step
        steps = math.floor((value - low) * 100 / span / (step * 100 / span) + 0.5)
        place = round(low + steps * step, 9)
        return None if place == value else place


class TextControl(Control):
    """A text box: numbers without bounds, texts, JSON, token ids with their biases."""

    def _build(self) -> list[Any]:
        self._box = self._factory.make(
            Text,
            description=self.parameter.name,
            tooltip=tooltip(self.parameter),
            placeholder=self.placeholder,
            continuous_update=False,
        )
        self._box.observe(lambda change: self._read(change["new"]), "value")
        return [self._box]

    def _draw(self, value: Any) -> None:
        self._box.value = "" if value is None else ", ".join(self.parameter.written(value))

    def _draw_tried(self, text: str) -> None:
        self._box.value = text


class ChoiceControl(Control):
    """A list of a few possible values."""

    def _build(self) -> list[Any]:
        values = ("true", "false") if self.parameter.kind == "flag" else self.parameter.choices
        options = [(NOT_SENT, ""), *((value, value) for value in values)]
        self._list = self._factory.make(
            Dropdown, description=self.parameter.name, tooltip=tooltip(self.parameter), options=options, value=""
        )
        self._list.observe(lambda change: self._chosen(change["new"]), "value")
        return [self._list]

    def _chosen(self, text: str) -> None:
        if (
            not self._redrawing.active
        ):  # "none" is a value of some parameters, so it is not parsed as the word for unset
            flag = self.parameter.kind == "flag"
            self._report(None if text == "" else text == "true" if flag else text)

    def _draw(self, value: Any) -> None:
        self._list.value = "" if value is None else self.parameter.written(value)[0]


class TextsControl(Control):
    r"""A box for each of a few texts, in which white space is visible as escapes such as `\n`."""

    def _build(self) -> list[Any]:
        label = {"description": self.parameter.name, "placeholder": NOT_SENT, "tooltip": tooltip(self.parameter)}
        count = int(self.parameter.high or 1)
        self._boxes = [
            self._factory.make(Text, continuous_update=False, classes="nbchat-text", **(label if first else {}))
            for first in (True, *[False] * (count - 1))
        ]
        for box in self._boxes:
            box.observe(lambda _change: self._typed(), "value")
        return self._boxes

    def _typed(self) -> None:
        texts = tuple(unescaped(box.value) for box in self._boxes if box.value)
        if not self._redrawing.active:
            self._report(texts or None)

    def _draw(self, value: Any) -> None:
        texts = [escaped(text) for text in value or ()]
        for box, text in zip(self._boxes, [*texts, *[""] * len(self._boxes)], strict=False):
            box.value = text
