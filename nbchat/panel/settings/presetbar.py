"""The panel's presets: apply one, or save the current settings under a name."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import Button, Dropdown, HBox, Text

from nbchat.conversation.presets import (
    SHIPPED,
    Preset,
    delete_preset,
    find_preset,
    presets,
    presets_version,
    save_preset,
    unusable,
)
from nbchat.display.widget_factory import WidgetFactory
from nbchat.panel.redraw import Redraw
from nbchat.values.errors import ConfigError
from nbchat.values.params import Params

__all__ = ["PresetBar"]


class PresetBar:
    """`choice` is the list, `keeping` the name field and the save button.

    `chosen` is called with the selected preset; `params` returns the parameters to save.
    """

    def __init__(self, factory: WidgetFactory, chosen: Callable[[Preset], None], params: Callable[[], Params]) -> None:
        self._chosen = chosen
        self._params = params
        self._redrawing = Redraw()
        self._list = factory.make(Dropdown, description="Preset", options=[("none", "")], value="")
        self._list.observe(lambda change: self._choose(change["new"]), "value")
        self._name = factory.make(Text, placeholder="save as preset …", continuous_update=False, classes="nbchat-name")
        self._save = factory.make(
            Button, description="Save", tooltip="Save all parameters except the model under this name"
        )
        self._save.on_click(lambda _button: self._keep())
        self._delete = factory.make(Button, description="Delete", tooltip="Delete the selected preset", disabled=True)
        self._delete.on_click(lambda _button: self._forget())
        self.choice = factory.make(HBox, [self._list], classes="nbchat-control nbchat-choice")
        line = factory.make(HBox, [self._name, self._save, self._delete], classes="nbchat-side")
        self.keeping = (line,)
        self._note = factory.note(self.choice)
        self._load()

    def _load(self) -> None:
        self._version = presets_version()
        try:
            self._known = presets()
            self._note.say(" ".join(unusable()), wrong=True)
        except ConfigError as error:
            self._known = dict(SHIPPED)
            self._note.say(str(error), wrong=True)
        chosen = self._list.value
        with self._redrawing:
            self._list.options = [("none", ""), *((name, name) for name in self._known)]
        self._draw(chosen if chosen in self._known else "")

    def show(self, params: Params) -> None:
        """Select the preset that matches these parameters, if any."""
        if presets_version() != self._version:  # saved or deleted elsewhere
            self._load()
        name = self._list.value
        if name and (name not in self._known or self._known[name].apply(params) != params):
            self._draw("")
            self._note.say("")

    def _draw(self, name: str) -> None:
        with self._redrawing:
            self._list.value = name
        self._delete.disabled = not name or self._known[name] is SHIPPED.get(name)

    def _choose(self, name: str) -> None:
        if self._redrawing.active or not name:
            return
        try:
            preset = find_preset(name)
        except ConfigError as error:
            self._note.say(str(error), wrong=True)
            return
        self._note.say(preset.meaning)
        self._draw(name)
        self._chosen(preset)

    def _forget(self) -> None:
        name = self._list.value
        try:
            delete_preset(name)
        except ConfigError as error:
            self._note.say(str(error), wrong=True)
            return
        self._load()
        self._note.say(f"deleted {name}")

    def _keep(self) -> None:
        try:
            preset = save_preset(self._name.value, self._params())
        except ConfigError as error:
            self._note.say(str(error), wrong=True)
            return
        self._name.value = ""
        self._load()
        self._draw(preset.name)
        self._note.say(f"saved as {preset.name}")
