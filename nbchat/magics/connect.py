"""`%chat connect`, `%chat key` and `%chat models`: choosing a server and giving it a key."""

from __future__ import annotations

import os
from dataclasses import replace

from IPython.core.error import UsageError

from nbchat.api.endpoints import (
    BUILTIN,
    ENDPOINTS,
    LOCAL_SERVERS,
    Endpoint,
)
from nbchat.api.keyring import store_key
from nbchat.api.keys import Key
from nbchat.cells.words import split
from nbchat.conversation import connection
from nbchat.conversation.connection import models
from nbchat.conversation.local_servers import found_servers
from nbchat.conversation.process import process
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.frontend import registry
from nbchat.values.errors import AuthenticationFailed, ConfigError, ModelNotFound, NbchatError
from nbchat.values.plural import counted

__all__ = ["connect_line", "key_line"]

CHECK_SECONDS = 5.0
"""How long connecting waits for the server to list its models; a silent one is connected all the same."""


def connect_line(rest: str) -> Bundle:
    """Do what `%chat connect …` says. Raises UsageError and ConfigError."""
    where, options = _read(rest)
    if where is None:
        return _choices()
    if where.lower() in ("off", "none"):
        process.connected = None
        return chrome.line(f"connected to what the environment says: {connection.current_endpoint().title}")
    endpoint = connection.endpoint_for(where, key_env=options.get("--key-env"), model=options.get("--model"))
    endpoint, facts = _checked(endpoint)
    process.connected = endpoint
    registry().current.set(model=None)  # another server's model means nothing here
    return chrome.line([f"connected to {endpoint.title}", *facts])


def _read(rest: str) -> tuple[str | None, dict[str, str]]:
    try:
        words = split(rest)
    except ValueError as error:
        raise UsageError(f"%chat connect can't read its line: {error}.") from None
    where: str | None = None
    options: dict[str, str] = {}
    pending = iter(words)
    for word in pending:
        flag, equals, value = word.partition("=")
        flag = {"-m": "--model"}.get(flag, flag)
        if flag in ("--model", "--key-env"):
            options[flag] = value if equals else next(pending, "")
            if not options[flag]:
                raise UsageError(f"{flag} needs a value.")
        elif word.startswith("-") or where is not None:
            raise UsageError(f"%chat connect takes a name or a URL, --model M and --key-env VAR; got {word!r}.")
        else:
            where = word
    return where, options


def _checked(endpoint: Endpoint) -> tuple[Endpoint, list[str]]:
    """The endpoint as its server answers there (perhaps below /v1), and what to say of it."""
    try:
        names = models(endpoint, CHECK_SECONDS)
    except ModelNotFound:
        return _with_version(endpoint)
    except AuthenticationFailed:
        problem = "its key is refused: %chat key" if endpoint.key else "it needs a key: %chat key"
        return endpoint, _facts(endpoint, [], problem)
    except NbchatError as error:
        return endpoint, _facts(endpoint, [], str(error))
    return _with_model(endpoint, names), _facts(_with_model(endpoint, names), names)


def _with_version(endpoint: Endpoint) -> tuple[Endpoint, list[str]]:
    """People leave out the /v1 that most servers' API stands below."""
    if endpoint.base_url.rstrip("/").endswith("/v1"):
        return endpoint, _facts(endpoint, [])
    versioned = replace(endpoint, base_url=endpoint.base_url.rstrip("/") + "/v1")
    try:
        names = models(versioned, CHECK_SECONDS)
    except NbchatError:
        return endpoint, _facts(endpoint, [])
    return _with_model(versioned, names), _facts(_with_model(versioned, names), names)


def _with_model(endpoint: Endpoint, names: list[str]) -> Endpoint:
    """A server with one model needs no choice."""
    return replace(endpoint, model=names[0]) if endpoint.model is None and len(names) == 1 else endpoint


def _facts(endpoint: Endpoint, names: list[str], problem: str = "") -> list[str]:
    model = f"model {endpoint.model}" if endpoint.model else "no model chosen: %chat set model=NAME"
    known = counted(len(names), "model") if names else ""
    odd = (
        f"which is not among them (such as {', '.join(names[:3])})"
        if names and endpoint.model and endpoint.model not in names
        else ""
    )
    key = "" if endpoint.is_builtin or endpoint.name in LOCAL_SERVERS else _key_words(endpoint)
    return [fact for fact in (known, f"{model} {odd}".strip(), key, problem) if fact]


def _key_words(endpoint: Endpoint) -> str:
    if endpoint.key is not None:
        return f"key from {endpoint.key_env or 'memory'}"
    return f"no key: set {endpoint.key_env} or use %chat key" if endpoint.key_env else "no key"


def _choices() -> Bundle:
    """What there is to connect to: what runs here, what has a key, what is known."""
    current = registry().current.endpoint
    here = found_servers()
    rows = [["*" if current.is_builtin else "", BUILTIN, "the toy model that every installation has", "no key needed"]]
    rows += [["*" if current.name == name else "", name, LOCAL_SERVERS[name], "runs on this machine"] for name in here]
    for row in ENDPOINTS.values():
        found = next((name for name in row.key_envs if os.environ.get(name, "").strip()), None)
        rows.append(
            [
                "*" if current.name == row.name else "",
                row.name,
                row.base_url,
                f"key in {found}" if found else f"wants {row.key_env}",
            ]
        )
    if not current.is_builtin and current.name not in (*ENDPOINTS, *here):
        rows.insert(0, ["*", current.title, "", "connected"])
    return chrome.table(["", "%chat connect …", "where", "key"], rows)


def key_line(rest: str) -> str:
    """Do what `%chat key …` says; what to say of it. Raises UsageError and ConfigError."""
    if rest not in ("", "--save"):
        raise UsageError("A key is never typed into a cell: run %chat key alone and type it where it asks.")
    endpoint = registry().current.endpoint
    if endpoint.is_builtin:
        raise ConfigError("The built-in model needs no key. Choose a server first: %chat connect NAME.")
    key = _asked_key(endpoint)
    process.connected = replace(endpoint, key=key, key_env=None)
    if rest == "--save":
        store_key(endpoint.base_url, key)
        return f"the key for {endpoint.title} is kept in this system's keyring"
    return f"the key for {endpoint.title} is used until the kernel ends; %chat key --save keeps one"


def _asked_key(endpoint: Endpoint) -> Key:
    import getpass

    try:
        text = getpass.getpass(f"Key for {endpoint.title}: ")
    except Exception as error:
        if type(error).__name__ not in ("StdinNotImplementedError", "EOFError"):
            raise
        variable = endpoint.key_env or "NBCHAT_API_KEY"
        raise ConfigError(f"There is nobody to type a key here. Set {variable} before the kernel starts.") from None
    key = Key.wrap(text)
    if key is None:
        raise ConfigError("No key was typed; nothing changed.")
    return key
