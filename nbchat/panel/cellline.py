"""The panel's settings as a `%%chat` line, and back."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from IPython.core.error import UsageError

from nbchat.api.addresses import public_url
from nbchat.api.endpoints import Endpoint, choose
from nbchat.cells.options import escaped, option_line, parse
from nbchat.cells.words import quoted
from nbchat.conversation.connection import endpoint_for
from nbchat.values.errors import ConfigError
from nbchat.values.params import Params

__all__ = ["Loaded", "cell_line", "load_cell", "unsaid"]

HELD = frozenset({"system", "base_url", "key_env"})
"""Those of nbchat's own options that a session holds; the others belong to one cell."""


def cell_line(params: Params, system: str | None, endpoint: Endpoint) -> str:
    """The line with which a cell in a fresh kernel sends what these would, the history aside.

    Raises ConfigError for what no line can say. What an address holds that must not stand in a notebook is left out of
    the line, and told by `unsaid`.
    """
    words = ["%%chat", option_line(dict(params.items()))]
    if system:
        words.append("--system=" + quoted(escaped(system)))
    words += _server_words(endpoint)
    line = " ".join(filter(None, words))
    _check(line, params, system)
    return line


def unsaid(endpoint: Endpoint) -> str:
    """What a line leaves out of the server's address and headers, in a sentence; empty = nothing."""
    if endpoint.headers:
        return "The server's headers are left out: give them with %chat connect --header."
    if not endpoint.base_url or public_url(endpoint.base_url) == endpoint.base_url.rstrip("/"):
        return ""
    return "The password or query of the server's address is left out; NBCHAT_BASE_URL can hold it."


def _server_words(endpoint: Endpoint) -> list[str]:
    """What names the server, where a fresh kernel would take another one."""
    usual = choose(os.environ)
    if usual.is_builtin and endpoint.is_builtin:
        return []
    if (usual.name, usual.base_url, usual.key_env) == (endpoint.name, endpoint.base_url, endpoint.key_env):
        return []
    where = endpoint.name or public_url(endpoint.base_url)
    by_itself = endpoint_for(where).key_env
    key = ["--key-env", endpoint.key_env] if endpoint.key_env and endpoint.key_env != by_itself else []
    return ["--base-url", quoted(where), *key]


def _check(line: str, params: Params, system: str | None) -> None:
    """A line that would not be read as it is meant is worse than none."""
    try:
        options = parse(line.removeprefix("%%chat"))
        same = not options.axes and Params(**options.params) == params and options.get("system") == (system or None)
    except (UsageError, ValueError, TypeError):
        same = False
    if not same or len(line.splitlines()) != 1:
        raise ConfigError("These settings can't be written as one %%chat line.")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a cell asks for. `system` and `where` (its server) None = it does not say; `body` is its message."""

    params: Params
    system: str | None = None
    where: str | None = None
    key_env: str | None = None
    body: str = ""
    left_out: tuple[str, ...] = ()
    """Options of the cell that no panel holds."""


def load_cell(text: str) -> Loaded:
    """The settings of a cell, or of its line alone. Raises UsageError."""
    line, _, body = text.lstrip().partition("\n")
    match = re.match(r"%%?chat(?:\s+|$)", line)
    if match is None and not line.startswith("-"):
        raise UsageError("To load a cell, begin with %%chat and its options.")
    options = parse(line[match.end() :] if match else line)
    if options.axes:
        raise UsageError(f"{', '.join(options.axes)}: several values make a sweep, which only a cell runs; give one.")
    return Loaded(
        Params(**options.params),
        options.get("system"),
        options.get("base_url"),
        options.get("key_env"),
        body.strip("\n"),
        tuple(name.replace("_", "-") for name in options.own if name not in HELD),
    )
