"""The panel's presets: choose one, or keep what is set under a name."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import HTML, Button, Dropdown, HBox, Text, VBox

from nbchat.notebook.inline import html_text
from nbchat.notebook.panel.presets import Preset, find_preset, presets, save_preset
from nbchat.values.errors import ConfigError
from nbchat.values.params import Params

__all__ = ["PresetBar"]


class PresetBar:
    """`chosen` is told the preset that the user chooses, `params` asked for what is to be kept."""

    def __init__(self, chosen: Callable[[Preset], None], params: Callable[[], Params]) -> None:
        self._chosen = chosen
        self._params = params
        self._drawing = False
        self._list = Dropdown(description="Preset", options=[("none", "")], value="")
        self._list.observe(lambda change: self._choose(change["new"]), "value")
        self._name = Text(placeholder="save as …", continuous_update=False)
        self._save = Button(description="Save", tooltip="Keep all parameters but the model under this name")
        self._save.on_click(lambda _button: self._keep())
        line = HBox([self._list, self._name, self._save])
        line.add_class("nbchat-side")
        self._note = HTML(layout={"display": "none"})
        self._note.add_class("nbchat-note")
        self.widget = VBox([line, self._note])
        self._load()

    def _load(self) -> None:
        try:
            self._known = presets()
        except ConfigError as error:
            self._known = {}
            self._say(str(error), wrong=True)
        self._drawing = True
        try:
            self._list.options = [("none", ""), *((name, name) for name in self._known)]
        finally:
            self._drawing = False

    def show(self, params: Params) -> None:
        """Name the preset that these parameters are, if they are one."""
        name = self._list.value
        if name and (name not in self._known or self._known[name].apply(params) != params):
            self._draw("")
            self._say("")

    def _draw(self, name: str) -> None:
        self._drawing = True
        try:
            self._list.value = name
        finally:
            self._drawing = False

    def _choose(self, name: str) -> None:
        if self._drawing or not name:
            return
        try:
            preset = find_preset(name)
        except ConfigError as error:
            self._say(str(error), wrong=True)
            return
        self._say(preset.meaning)
        self._chosen(preset)

    def _keep(self) -> None:
        try:
            preset = save_preset(self._name.value, self._params())
        except ConfigError as error:
            self._say(str(error), wrong=True)
            return
        self._name.value = ""
        self._load()
        self._draw(preset.name)
        self._say(f"kept as {preset.name}")

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self._note.value = html_text(text)
        self._note.layout.display = None if text else "none"
        (self._note.add_class if wrong else self._note.remove_class)("nbchat-wrong")
