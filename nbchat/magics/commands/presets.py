"""`%chat presets`, `%chat preset` and `%chat save-preset`: presets without widgets."""

from __future__ import annotations

from typing import Any

from nbchat.cells.options import option_line
from nbchat.cells.usage_error import UsageError
from nbchat.conversation.presets import find_preset, import_presets, presets, presets_file, save_preset, unusable
from nbchat.display import chrome
from nbchat.frontend import registry
from nbchat.magics.commands.command import command, say, show

__all__: list[str] = []


@command("presets", "[FILE]")
def _presets(shell: Any, rest: str) -> None:
    """List the presets; with FILE (.json or .toml), import those in it."""
    if rest:
        names = ", ".join(preset.name for preset in import_presets(rest.strip("'\"")))
        say(shell, f"imported {names} into {presets_file()}")
        return
    rows = [
        [
            preset.name,
            option_line({k: v for k, v in preset.params.items() if v is not None and k != "extra"}),
            preset.meaning,
        ]
        for preset in presets().values()
    ]
    show(shell, chrome.table(["%chat preset …", "", ""], [*rows, *(["", "", problem] for problem in unusable())]))


@command("preset", "NAME")
def _preset(shell: Any, rest: str) -> None:
    """Apply a preset."""
    if not rest:
        raise UsageError("%chat preset needs a name; %chat presets lists them.")
    session = registry().current
    session.params = find_preset(rest.strip("'\"")).apply(session.params)
    say(shell, option_line(dict(session.params.items())) or "nothing is set: the server decides")


@command("save-preset", "NAME")
def _save_preset(shell: Any, rest: str) -> None:
    """Save the current parameters, except the model, as a preset."""
    if not rest:
        raise UsageError("%chat save-preset needs a name.")
    preset = save_preset(rest.strip("'\""), registry().current.params)
    say(shell, f"saved as {preset.name} in {presets_file()}")
