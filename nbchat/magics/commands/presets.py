"""`%chat presets`, `%chat preset` and `%chat save-preset`: presets without widgets."""

from __future__ import annotations

from nbchat.cells.options import option_line
from nbchat.cells.usage_error import UsageError
from nbchat.conversation.presets import find_preset, import_presets, presets, presets_file, save_preset, unusable
from nbchat.conversation.session import Session
from nbchat.display import chrome
from nbchat.display.canvas import Bundle

__all__ = ["apply_line", "list_line", "save_line"]


def list_line(rest: str) -> Bundle:
    """Run `%chat presets [FILE]` and return the outputs to show. Raises ConfigError."""
    if rest:
        names = ", ".join(preset.name for preset in import_presets(rest.strip("'\"")))
        return chrome.line(f"imported {names} into {presets_file()}")
    rows = [
        [
            preset.name,
            option_line({k: v for k, v in preset.params.items() if v is not None and k != "extra"}),
            preset.meaning,
        ]
        for preset in presets().values()
    ]
    return chrome.table(["%chat preset …", "", ""], [*rows, *(["", "", problem] for problem in unusable())])


def apply_line(session: Session, rest: str) -> str:
    """Run `%chat preset NAME` and return the message to show. Raises UsageError and ConfigError."""
    if not rest:
        raise UsageError("%chat preset needs a name; %chat presets lists them.")
    session.params = find_preset(rest.strip("'\"")).apply(session.params)
    return option_line(dict(session.params.items())) or "nothing is set: the server decides"


def save_line(session: Session, rest: str) -> str:
    """Run `%chat save-preset NAME` and return the message to show. Raises UsageError and ConfigError."""
    if not rest:
        raise UsageError("%chat save-preset needs a name.")
    preset = save_preset(rest.strip("'\""), session.params)
    return f"saved as {preset.name} in {presets_file()}"
