"""The panel's settings as a `%%chat` line, and back."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from nbchat.api.endpoints import Endpoint, choose
from nbchat.api.http.addresses import public_url
from nbchat.cells.options import escaped, option_line, parse
from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import quoted
from nbchat.conversation.servers.connection import endpoint_for
from nbchat.values.errors import ConfigError
from nbchat.values.params import PARAMETERS, Params

__all__ = ["ONE", "Loaded", "Tried", "cell_line", "load_cell", "omitted"]

TRIES = ("repeat", "score", "variants")
"""The options of nbchat's own that belong to a sweep, and that a panel keeps for its sweeps."""

HELD = frozenset({"system", "base_url", "key_env", *TRIES})
"""The options of nbchat's own that a session or its panel keeps; the others belong to one cell."""


class Tried(Struct, frozen=True):
    """What makes Send a sweep. `axes` are parameters, or "system", with their values; `own` are options of `TRIES`."""

    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to try."""
        return bool(self.axes) or "repeat" in self.own or "variants" in self.own


ONE = Tried()
"""Nothing to try: one answer."""


def cell_line(params: Params, system: str | None, endpoint: Endpoint, tried: Tried = ONE) -> str:
    """Return the line that sends the same request from a fresh kernel, apart from the history.

    Raises ConfigError for settings that a line can't express. Secret parts of an address are left out of the line; see
    `omitted`.
    """
    words = ["%%chat", option_line({name: value for name, value in params.items() if name not in tried.axes})]
    words += _tried_words(tried)
    if system and "system" not in tried.axes:
        words.append("--system=" + quoted(escaped(system)))
    words += _server_words(endpoint)
    line = " ".join(filter(None, words))
    _check(line, params, system, tried)
    return line


def _tried_words(tried: Tried) -> list[str]:
    words = []
    for name, values in tried.axes.items():
        if name == "system":
            words += ["--system=" + quoted(escaped(text or "")) for text in values]
            continue
        parameter = PARAMETERS[name]
        word = quoted(",".join(parameter.written(value)[0] for value in values))
        short = parameter.short and not word.startswith("-")
        words.append(f"-{parameter.short} {word}" if short else f"{parameter.flag}={word}")
    for name, value in tried.own.items():
        words.append(f"--{name}" if value is True else f"--{name} {quoted(str(value))}")
    return words


def omitted(endpoint: Endpoint) -> str:
    """Describe what the line leaves out of the server's address and headers; empty = nothing."""
    if endpoint.headers:
        return "The server's headers are left out: give them with %chat connect --header."
    if not endpoint.base_url or public_url(endpoint.base_url) == endpoint.base_url.rstrip("/"):
        return ""
    return "The password or query of the server's address is left out; NBCHAT_BASE_URL can hold it."


def _server_words(endpoint: Endpoint) -> list[str]:
    """Return the words that name the server, if a fresh kernel would choose another one."""
    usual = choose(os.environ)
    if usual.is_builtin and endpoint.is_builtin:
        return []
    if (usual.name, usual.base_url, usual.key_env) == (endpoint.name, endpoint.base_url, endpoint.key_env):
        return []
    where = endpoint.name or public_url(endpoint.base_url)
    by_itself = endpoint_for(where).key_env
    key = ["--key-env", endpoint.key_env] if endpoint.key_env and endpoint.key_env != by_itself else []
    return ["--base-url", quoted(where), *key]


def _check(line: str, params: Params, system: str | None, tried: Tried) -> None:
    """Raise ConfigError if parsing the line does not give these settings back."""
    try:
        options = parse(line.removeprefix("%%chat"))
        axes = dict(tried.axes)
        one = params.replace(**{name: None for name in axes if name != "system"})
        text = None if "system" in axes else system or None
        own = {name: options.own[name] for name in TRIES if name in options.own}
        same = (dict(options.axes), Params(**options.params), options.get("system"), own) == (
            axes,
            one,
            text,
            dict(tried.own),
        )
    except (UsageError, ValueError, TypeError):
        same = False
    if not same or len(line.splitlines()) != 1:
        raise ConfigError("These settings can't be written as one %%chat line.")


class Loaded(Struct, frozen=True):
    """The settings of a cell. `system` and `where` (the server) are None if not given; `body` is its message."""

    params: Params
    system: str | None = None
    where: str | None = None
    key_env: str | None = None
    body: str = ""
    left_out: tuple[str, ...] = ()
    """Options of the cell that the panel does not have."""
    tried: Tried = ONE


def load_cell(text: str) -> Loaded:
    """Parse a cell, or only its line. Raises UsageError."""
    line, _, body = text.lstrip().partition("\n")
    match = re.match(r"%%?chat(?:\s+|$)", line)
    if match is None and not line.startswith("-"):
        raise UsageError("To load a cell, begin with %%chat and its options.")
    options = parse(line[match.end() :] if match else line)
    return Loaded(
        Params(**options.params),
        options.get("system"),
        options.get("base_url"),
        options.get("key_env"),
        body.strip("\n"),
        tuple(name.replace("_", "-") for name in options.own if name not in HELD),
        Tried(options.axes, {name: options.own[name] for name in TRIES if name in options.own}),
    )
