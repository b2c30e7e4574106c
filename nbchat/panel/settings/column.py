"""The settings column: the main parameters and those that are set; the rest behind a button."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from ipywidgets import HTML, ToggleButton, VBox

from nbchat.display.widget_factory import WidgetFactory
from nbchat.markdown.inline import html_text
from nbchat.panel.settings.controls import Control

__all__ = ["Settings"]


class Settings:
    """Parameter rows, created when needed, because each widget costs messages when a panel opens.

    `make` creates the row of a parameter; `names` are all parameters in order, `first` those always visible. `beside` are
    widgets below these, `folded` widgets before the remaining parameters. `classed` adds or removes a CSS class of the
    panel.
    """

    def __init__(
        self,
        factory: WidgetFactory,
        make: Callable[[str], Control],
        names: Sequence[str],
        first: Sequence[str],
        beside: Sequence[Any],
        folded: Sequence[Any],
        classed: Callable[[str, bool], None],
    ) -> None:
        self.controls: dict[str, Control] = {}
        self._make = make
        self._names = names
        self._beside = tuple(beside)
        self._folded = tuple(folded)
        self._classed = classed
        self._first = factory.make(VBox, classes="nbchat-first")
        self._more = factory.make(VBox, list(folded), classes="nbchat-more")
        narrow = self._button(factory, "Settings", "nbchat-fold nbchat-narrow", "nbchat-unfolded")
        self._all = self._button(factory, "All settings", "nbchat-fold", "nbchat-all")
        self._all.observe(lambda _change: self._make_rest(), "value")
        self._summary = factory.make(HTML, classes="nbchat-narrow nbchat-summary")
        self.widget = factory.make(
            VBox, [narrow, self._summary, self._first, self._all, self._more], classes="nbchat-settings"
        )
        self.reveal(first)

    def reveal(self, names: Collection[str]) -> list[Control]:
        """Show these parameters among the first ones; return newly created rows."""
        new = [name for name in self._names if name in names and name not in self.controls]
        if new:
            self.controls |= {name: self._make(name) for name in new}
            rest = {id(row) for row in self._more.children}
            shown = [control.row for control in self.controls.values() if id(control.row) not in rest]
            self._first.children = (*shown, *self._beside)
        return [self.controls[name] for name in new]

    def summarize(self, text: str) -> None:
        """Say what is set, for narrow pages, where the rows are folded; empty = nothing."""
        self._summary.value = html_text(text)

    def unfold(self) -> None:
        """Show all parameters."""
        self._all.value = True

    def _make_rest(self) -> None:
        rest = [name for name in self._names if name not in self.controls]
        if rest:
            self.controls |= {name: self._make(name) for name in rest}
            self._more.children = (*self._folded, *(self.controls[name].row for name in rest))

    def _button(self, factory: WidgetFactory, title: str, classes: str, opened: str) -> Any:
        """Create a button that toggles the panel's CSS class `opened`."""
        button = factory.make(ToggleButton, description=f"▸ {title}", value=False, classes=classes)

        def turn(change: Any) -> None:
            button.description = f"{'▾' if change['new'] else '▸'} {title}"
            self._classed(opened, change["new"])

        button.observe(turn, "value")
        return button
