"""Server selection: a session's own, the one connected for all, the environment's, or the built-in model."""

from __future__ import annotations

import asyncio
import os
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.endpoints import (
    Endpoint,
    choose,
    endpoint_at,
    located,
    named_key,
    owner_of,
)
from nbchat.api.http.addresses import is_same_server, public_url
from nbchat.api.http.headers import GivenHeaders, Headers, header_pairs
from nbchat.api.keys import Key
from nbchat.conversation.process import process
from nbchat.values.errors import ConfigError

__all__ = ["Destination", "check_chosen", "current_endpoint", "endpoint_for", "model_of", "models", "ready", "warm_up"]


def current_endpoint() -> Endpoint:
    """Return the server used by sessions without one of their own."""
    return process.connected or choose()


def endpoint_for(
    where: str, *, api_key: str | Key | None = None, key_env: str | None = None, model: str | None = None
) -> Endpoint:
    """Return the endpoint of a name (such as "built-in") or URL. Raises ConfigError."""
    endpoint = endpoint_at(where, api_key=api_key, key_env=key_env)
    if endpoint.is_own:
        return replace(endpoint, model=model or endpoint.model)
    return replace(endpoint, model=model or os.environ.get("NBCHAT_MODEL", "").strip() or endpoint.model)


class Destination(Struct, frozen=True):
    """A session's server, with its own key and headers, which go to that server only."""

    where: str | None = None
    """A URL or a name; None = the server connected for all sessions."""
    key: Key | None = None
    key_env: str | None = None
    """The variable that holds the key, if none was given directly."""
    key_server: str = ""
    """The address that the key and headers are for; empty = no key or headers, or no server for them."""
    headers: Headers = ()

    @classmethod
    def of(
        cls,
        where: str | None,
        api_key: Key | None = None,
        key_env: str | None = None,
        headers: GivenHeaders | None = None,
    ) -> Self:
        """Make a destination. Key and headers are for the server named here, or for the current one if none is named.

        Raises ConfigError for an unusable server, key or header.
        """
        pairs = header_pairs(headers)
        if api_key is None and key_env is None and not pairs:
            destination = cls(where)
        else:
            address = current_endpoint().base_url if where is None else _address(where)
            destination = cls(where, api_key, None if api_key else key_env, address, pairs)
        if where is not None or key_env is not None:
            destination.endpoint()  # raise errors early
        return destination

    def moved(self, where: str | None, key_env: str | None = None, headers: GivenHeaders | None = None) -> Self:
        """Return a destination with another server. Key and headers stay with their server unless replaced.

        Raises ConfigError like `of`.
        """
        if key_env is not None or headers:
            return self.of(where, key_env=key_env, headers=headers)
        destination = replace(self, where=where)
        if where is not None:
            destination.endpoint()
        return destination

    def endpoint(self, base_url: str | None = None, key_env: str | None = None) -> Endpoint:
        """Return the endpoint of a request with these options, with the matching key. Raises ConfigError."""
        where = self.where if base_url is None else base_url
        if where is not None:
            key, key_env = self._key_for(_address(where), key_env)
            return self._with_headers(endpoint_for(where, api_key=key, key_env=key_env))
        endpoint = self._with_headers(current_endpoint())
        key, key_env = self._key_for(endpoint.base_url, key_env)
        if key is None:
            if key_env is None:
                return endpoint
            key = named_key(key_env)
            if endpoint.is_builtin:
                return endpoint
        return replace(endpoint, key=key, key_env=key_env)

    def _with_headers(self, endpoint: Endpoint) -> Endpoint:
        is_theirs = bool(self.headers and self.key_server and endpoint.base_url)
        is_theirs = is_theirs and is_same_server(endpoint.base_url, self.key_server)
        return replace(endpoint, headers=self.headers) if is_theirs else endpoint

    def address(self) -> str | None:
        """The address of the next request; None = unknown."""
        try:
            return public_url(self.endpoint().chat_url)
        except ConfigError:
            return None

    def _key_for(self, address: str, key_env: str | None) -> tuple[Key | None, str | None]:
        """Return the key for this address, or its variable: the request's own, else the session's."""
        if key_env is None and self.key_server and address and is_same_server(address, self.key_server):
            return self.key, self.key_env
        return None, key_env


def _address(where: str) -> str:
    """Return the address of a name or URL; empty = the built-in model. Raises ConfigError."""
    return located(where).base_url


async def warm_up(endpoint: Endpoint) -> None:
    """Do slow first-request work in a thread, to keep the user's loop free: imports, engine, built-in server."""
    if not process.is_running:
        await asyncio.to_thread(lambda: (process.engine(), ready(endpoint)))


def ready(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with an address; starts the server of a model that nbchat runs itself."""
    if not (endpoint.is_file or endpoint.is_builtin):
        return endpoint
    if endpoint.is_file:
        running = _running_file(endpoint)
    else:
        from nbchat.builtin.http.server import builtin

        running = replace(endpoint, base_url=builtin().base_url)
    process.end_before_servers()
    return running


def _running_file(endpoint: Endpoint) -> Endpoint:
    from nbchat.builtin.local_model import local_model

    model = local_model(endpoint.name)
    return replace(endpoint, base_url=model.base_url, key=Key(model.key))


def model_of(endpoint: Endpoint, requested: str | None) -> str:
    """Return the model to ask. Raises ConfigError if none was chosen."""
    model = requested or endpoint.model or os.environ.get("NBCHAT_MODEL", "").strip()
    if not model:
        raise ConfigError(
            f"No model is chosen for {endpoint.title}. Give one with -m NAME, or %chat set model=NAME;"
            " %chat models lists them."
        )
    return model


def models(endpoint: Endpoint, timeout: float = 10.0) -> list[str]:
    """Return a server's models, within `timeout` seconds. Raises NbchatError."""
    engine = process.engine()
    return engine.run(engine.client.models(ready(endpoint), timeout=timeout))


def check_chosen(endpoint: Endpoint, model: str | None) -> None:
    """Raise ConfigError if a model needs a real server and none was chosen."""
    if not endpoint.is_builtin:
        return
    from nbchat.builtin.model.models import MODELS

    if model in MODELS:
        return
    if not (chosen := choose()).is_builtin:
        raise ConfigError(
            f"The built-in model is connected, not {model!r}: %chat connect off returns to {chosen.title}."
        )
    row = owner_of(model or "")
    wanted, name = (row.key_env, row.name) if row is not None else ("its server's variable", "NAME")
    if os.environ.get("NBCHAT_API_KEY", "").strip():
        wanted = "NBCHAT_BASE_URL to the server that NBCHAT_API_KEY is for"
    raise ConfigError(
        f"{model!r} needs a server, and no key is set for one: set {wanted} before the kernel starts,"
        f" or run %chat key {name}. %chat connect lists the servers, local ones included."
    )
