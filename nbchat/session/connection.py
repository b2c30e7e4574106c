"""Which server a session asks: its own, the one connected for all, the environment's, or the built-in model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from nbchat.api.endpoints import BUILTIN, BUILTIN_MODEL, Endpoint, choose, endpoint_at
from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError

__all__ = ["connect", "connected", "current_endpoint", "endpoint_for", "ready"]

_connected: Endpoint | None = None


def connect(endpoint: Endpoint | None) -> None:
    """Make this the server of every session that has none of its own; None = the environment's choice again."""
    global _connected  # one choice for the process is what `%chat connect` means
    _connected = endpoint


def connected() -> Endpoint | None:
    """The server that `connect` chose; None = none yet."""
    return _connected


def current_endpoint(env: Mapping[str, str] = os.environ) -> Endpoint:
    """The server of a session that has none of its own."""
    return _connected or choose(env)


def endpoint_for(
    where: str, *, api_key: str | Key | None = None, key_env: str | None = None, model: str | None = None
) -> Endpoint:
    """The server of a name or a URL; "built-in" is one of the names. Raises ConfigError."""
    if where.lower() in (BUILTIN, "builtin", "demo"):
        return Endpoint("", None, BUILTIN, model or BUILTIN_MODEL)
    endpoint = endpoint_at(where, api_key=api_key, key_env=key_env)
    return replace(endpoint, model=model or os.environ.get("NBCHAT_MODEL", "").strip() or endpoint.model)


def ready(endpoint: Endpoint) -> Endpoint:
    """The endpoint with an address to send to: starts the built-in model's server where that is meant."""
    if not endpoint.is_builtin:
        return endpoint
    from nbchat.demo.server import builtin

    return replace(endpoint, base_url=builtin().base_url)


def model_of(endpoint: Endpoint, asked: str | None) -> str:
    """The model to ask. Raises ConfigError where nobody named one."""
    model = asked or endpoint.model or os.environ.get("NBCHAT_MODEL", "").strip()
    if not model:
        raise ConfigError(
            f"No model is chosen for {endpoint.title}. Give one with -m NAME, or %chat set model=NAME;"
            " %chat models lists them."
        )
    return model
