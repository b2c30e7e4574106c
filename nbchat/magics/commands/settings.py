"""`%chat set`, `system`, `display`, `panel`, and presets without widgets."""

from __future__ import annotations

import re
from typing import Any

from nbchat.cells.options import option_line, parse, read, unescaped
from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import split
from nbchat.conversation.presets import find_preset, import_presets, presets, presets_file, save_preset, unusable
from nbchat.display import chrome
from nbchat.display.kernel import DISPLAYS, choose_display, takes_updates
from nbchat.frontend import make_panel, registry
from nbchat.magics.commands.command import command, say, show
from nbchat.values.key_shapes import without_keys
from nbchat.values.params import PARAMETERS, Params
from nbchat.values.wording import nearest

__all__: list[str] = []

SET_TAKES = "%chat set takes NAME=VALUE, such as temperature=0.2 or top_p=none"


@command("set", "NAME=VALUE …")
def _set(shell: Any, rest: str) -> None:
    """Set parameters for later messages; NAME=none unsets one."""
    session = registry().current
    if rest.startswith("display="):
        _display(shell, rest.removeprefix("display="))
        return
    if not rest:
        raise UsageError(SET_TAKES + ".")
    session.params = session.params.replace(**_settings(rest))
    _say_params(shell, session.params)


def _settings(rest: str) -> dict[str, Any]:
    """Parse `name=value` words or cell options into parameters."""
    if rest.startswith("-"):
        options = parse(rest)
        if options.own or options.axes:
            raise UsageError("%chat set takes parameters, one value each: temperature=0.2 top_p=none.")
        return dict(options.params)
    changes: dict[str, Any] = {}
    for word in split(rest):
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if name == "system":
            raise UsageError("Set the system text with %chat system TEXT.")
        if not equals:
            raise UsageError(f"{SET_TAKES}; got {without_keys(word)!r}.")
        if name not in PARAMETERS:
            raise UsageError(f"There is no parameter {name}.{nearest(name, PARAMETERS)}")
        if name in changes:
            raise UsageError(f"{name} is given twice.")
        changes[name] = read(PARAMETERS[name], value)
    return changes


def _say_params(shell: Any, params: Params) -> None:
    say(shell, option_line(dict(params.items())) or "nothing is set: the server decides")


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
    _say_params(shell, session.params)


@command("save-preset", "NAME")
def _save_preset(shell: Any, rest: str) -> None:
    """Save the current parameters, except the model, as a preset."""
    if not rest:
        raise UsageError("%chat save-preset needs a name.")
    preset = save_preset(rest.strip("'\""), registry().current.params)
    say(shell, f"saved as {preset.name} in {presets_file()}")


@command("system", "[TEXT]")
def _system(shell: Any, rest: str) -> None:
    """Set this session's system text; none removes it; alone, show it."""
    session = registry().current
    if rest:
        quoted = re.fullmatch(r"(['\"])(.*)\1", rest, re.DOTALL)
        session.system = None if rest.lower() == "none" else unescaped(quoted[2] if quoted else rest)
    say(shell, f"system: {session.system}" if session.system else "no system text")


@command("display", "[auto|text]")
def _display(shell: Any, rest: str) -> None:
    """Show answers as plain text, for front ends that ignore output updates, or choose automatically; alone, show the choice."""
    if rest:
        _choose_display(rest)
    say(shell, "answers are rendered as they stream" if takes_updates(shell) else "answers are printed as plain text")


def _choose_display(name: str) -> None:
    try:
        choose_display(name)
    except ValueError:
        raise UsageError(f"%chat display takes {' or '.join(DISPLAYS)}; got {name!r}.") from None


@command("panel")
def _panel(shell: Any, _rest: str) -> None:
    """Show widgets for the model, its parameters and the conversation."""
    make_panel().display(shell)
