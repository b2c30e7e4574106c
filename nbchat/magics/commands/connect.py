"""`%chat connect`, `key` and `models`: choose a server, set its key, and list its models."""

from __future__ import annotations

import os
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from nbchat.api.endpoints import (
    BUILTIN,
    ENDPOINTS,
    LOCAL_SERVERS,
    Endpoint,
)
from nbchat.api.http.addresses import public_url
from nbchat.api.http.headers import named_headers
from nbchat.api.keys import Key, store_key
from nbchat.builtin.local_model import HOW_TO_INSTALL, is_installed
from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import split
from nbchat.conversation.process import process
from nbchat.conversation.servers import connection
from nbchat.conversation.servers.connection import models
from nbchat.conversation.servers.local_servers import found_servers
from nbchat.conversation.servers.probe import probed
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.frontend import registry
from nbchat.magics.commands.command import command, say, show
from nbchat.values.errors import AuthenticationFailed, ConfigError, NbchatError
from nbchat.values.key_shapes import without_keys
from nbchat.values.modelname import SMOLLM2
from nbchat.values.wording import pluralize

__all__: list[str] = []

CHECK_SECONDS = 5.0
"""Seconds to wait for the server to list its models."""

FEW_MODELS = 8
"""Longest list of models that is shown in full."""

LONGEST_LIST = 200
"""Longest list of models, in characters."""


@command("connect", "[NAME|URL] [--model M] [--key-env VAR] [--header 'NAME=$VAR']")
def _connect(shell: Any, rest: str) -> None:
    """Choose a server; alone, list the choices; off returns to the environment's choice."""
    show(shell, _connected(_read(rest)))


def _connected(line: _Line) -> Bundle:
    """Connect as the line says, and return what to show. Raises NbchatError; the previous connection then stays."""
    if line.where is None:
        return _choices()
    if line.where.lower() in ("off", "none"):
        process.connected = None
        return chrome.line(f"connected to the environment's choice: {connection.current_endpoint().title}")
    endpoint = connection.endpoint_for(line.where, key_env=line.key_env, model=line.model)
    if line.headers:
        endpoint = replace(endpoint, headers=named_headers(line.headers))
    try:
        endpoint, names = probed(endpoint, lambda there: models(there, CHECK_SECONDS))
    except NbchatError as error:
        asks = isinstance(error, AuthenticationFailed)
        hint = f" %chat key {endpoint.name or public_url(endpoint.base_url)} asks for its key." if asks else ""
        error.args = (f"{error} Nothing changed: {connection.current_endpoint().title} is still in use.{hint}",)
        raise
    process.connected = endpoint
    registry().current.set(model=None)  # another server's model means nothing here
    return chrome.line([f"connected to {endpoint.title}", *_facts(endpoint, names)])


class _Line(Struct):
    """A parsed `%chat connect` line."""

    where: str | None = None
    model: str | None = None
    key_env: str | None = None
    headers: list[str] = field(default_factory=list)


def _read(rest: str) -> _Line:
    line = _Line()
    pending = iter(split(rest))
    for word in pending:
        flag, equals, value = word.partition("=")
        flag = {"-m": "--model"}.get(flag, flag)
        if flag in ("--model", "--key-env", "--header"):
            if not (value := value if equals else next(pending, "")):
                raise UsageError(f"{flag} needs a value.")
            if flag == "--header":
                line.headers.append(value)
            else:
                setattr(line, flag.strip("-").replace("-", "_"), value)
        elif word.startswith("-") or line.where is not None:
            options = "--model M, --key-env VAR and --header 'NAME=$VAR'"
            raise UsageError(f"%chat connect takes a name or a URL, {options}; got {without_keys(word)!r}.")
        else:
            line.where = word
    return line


def _facts(endpoint: Endpoint, names: list[str]) -> list[str]:
    """Return the facts to show about a server that answered."""
    listed = ", ".join(names)
    few = 0 < len(names) <= FEW_MODELS and len(listed) <= LONGEST_LIST
    known = f"models: {listed}" if few else pluralize(len(names), "model") if names else ""
    if endpoint.model is None:
        such = "" if few or not names else f" (such as {', '.join(names[:3])[:LONGEST_LIST]})"
        model = f"no model chosen: %chat set model=NAME{such}"
    elif names and endpoint.model not in names:
        model = f"model {endpoint.model} (not in the list)"
    else:
        model = f"model {endpoint.model}"
    key = "" if endpoint.is_own or endpoint.name in LOCAL_SERVERS else _key_words(endpoint)
    unlisted = "" if names or endpoint.is_own else "it lists no models; the first message will show whether it answers"
    return [fact for fact in (known, model, key, unlisted) if fact]


def _key_words(endpoint: Endpoint) -> str:
    if endpoint.key is None and endpoint.headers:
        return pluralize(len(endpoint.headers), "header")
    return "no key" if endpoint.key is None else f"key from {endpoint.key_env or 'memory'}"


def _choices() -> Bundle:
    """Show what to connect to: local servers, servers with a key, known servers."""
    current = registry().current.endpoint
    here = found_servers()
    rows = [
        ["*" if current.is_builtin else "", BUILTIN, "the toy model included in every installation", "no key needed"]
    ]
    installed = "a real model of 135 million parameters, run on this machine"
    where = installed if is_installed() else f"{installed}: {HOW_TO_INSTALL}"
    rows.append(["*" if current.name == SMOLLM2 else "", SMOLLM2, where, "no key needed"])
    rows += [
        ["*" if current.name == name else "", name, LOCAL_SERVERS[name], "running on this machine"] for name in here
    ]
    for row in ENDPOINTS.values():
        found = next((name for name in row.key_envs if os.environ.get(name, "").strip()), None)
        rows.append(
            [
                "*" if current.name == row.name else "",
                row.name,
                row.base_url,
                f"key in {found}" if found else f"needs {row.key_env}",
            ]
        )
    if not current.is_builtin and current.name not in (*ENDPOINTS, *here, SMOLLM2):
        rows.insert(0, ["*", current.title, "", "connected"])
    return chrome.table(["", "%chat connect …", "where", "key"], rows)


@command("key", "[NAME|URL] [--save]")
def _key(shell: Any, rest: str) -> None:
    """Prompt for the server's key without echoing it; --save stores it in the system keyring."""
    words = rest.split()
    where = [word for word in words if word != "--save"]
    if len(where) > 1 or (
        where and where[0].lower() not in (*ENDPOINTS, *LOCAL_SERVERS, SMOLLM2) and "://" not in where[0]
    ):
        raise UsageError(
            "Never type a key into a cell: run %chat key, or %chat key NAME for another server, and enter the key at"
            " the prompt."
        )
    endpoint = connection.endpoint_for(where[0]) if where else registry().current.endpoint
    if endpoint.is_own:
        raise ConfigError(f"{endpoint.title} needs no key. Name the server that the key is for: %chat key NAME.")
    endpoint = replace(endpoint, key=_asked_key(endpoint), key_env=None)
    _check_key(endpoint)
    process.connected = endpoint
    if where:
        registry().current.set(model=None)
    if "--save" in words and endpoint.key is not None:
        store_key(endpoint.base_url, endpoint.key)
        say(shell, f"the key for {endpoint.title} is saved in the system keyring")
        return
    how = "%chat key --save saves one in the system keyring"
    say(shell, f"the key for {endpoint.title} is used until the kernel stops; {how}")


def _check_key(endpoint: Endpoint) -> None:
    """Raise AuthenticationFailed if the server rejects the key; other failures will show later."""
    try:
        probed(endpoint, lambda there: models(there, CHECK_SECONDS))
    except AuthenticationFailed as error:
        error.args = (f"{error} Nothing changed.",)
        raise
    except NbchatError:
        return


def _asked_key(endpoint: Endpoint) -> Key:
    import getpass

    try:
        text = getpass.getpass(f"Key for {endpoint.title}: ")
    except Exception as error:
        if type(error).__name__ not in ("StdinNotImplementedError", "EOFError"):
            raise
        variable = endpoint.key_env or "NBCHAT_API_KEY"
        raise ConfigError(f"This front end takes no input. Set {variable} before the kernel starts.") from None
    key = Key.wrap(text)
    if key is None:
        raise ConfigError("No key was entered; nothing changed.")
    return key


@command("models", "[TEXT]")
def _models(shell: Any, rest: str) -> None:
    """List the server's models; with TEXT, those whose names contain it."""
    session = registry().current
    names = [name for name in models(session.endpoint) if rest.lower() in name.lower()]
    if not names:
        say(
            shell,
            f"{session.endpoint.title} lists no models"
            + (f" with {without_keys(rest)!r} in its name." if rest else "."),
        )
        return
    current = session.model
    show(shell, chrome.text_block("\n".join(f"{'*' if name == current else ' '} {name}" for name in names)))
