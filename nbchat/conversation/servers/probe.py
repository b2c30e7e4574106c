"""Probe a server: whether it answers at an address or below /v1, and which models it lists."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from nbchat.api.endpoints import Endpoint
from nbchat.values.errors import AuthenticationFailed, ModelNotFound, NbchatError

__all__ = ["probed"]


def probed(endpoint: Endpoint, models: Callable[[Endpoint], list[str]]) -> tuple[Endpoint, list[str]]:
    """Return the endpoint at the address that answers, and its models; empty = the server has no list.

    `models` queries one address. An endpoint without a model gets the server's only one; a bare host without a list is
    assumed to have its API below /v1. Raises the failure if the server can't be reached, refuses, or is not an API.
    """
    try:
        return _with_model(endpoint, models(endpoint))
    except ModelNotFound as error:
        missing = error
    except AuthenticationFailed as error:
        if not _lacks_scope(error):
            raise
        return endpoint, []
    bare = not urllib.parse.urlsplit(endpoint.base_url).path.strip("/")
    for below in _elsewhere(endpoint):
        try:
            return _with_model(below, models(below))
        except ModelNotFound:
            continue
        except NbchatError:
            if bare:  # it exists, but refuses
                raise
    if missing.status == 200:
        raise missing
    return (next(_elsewhere(endpoint)) if bare else endpoint), []


def _elsewhere(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Return alternative addresses of the API, since users often omit /v1 or give another path."""
    parts = urllib.parse.urlsplit(endpoint.base_url)
    if re.search(r"/v\d\w*/?$", parts.path):
        return
    for path in dict.fromkeys((parts.path.rstrip("/") + "/v1", "/v1")):
        yield replace(endpoint, base_url=urllib.parse.urlunsplit(parts._replace(path=path)))


def _with_model(endpoint: Endpoint, names: list[str]) -> tuple[Endpoint, list[str]]:
    """A server with one model needs no choice."""
    return replace(endpoint, model=names[0]) if endpoint.model is None and len(names) == 1 else endpoint, names


def _lacks_scope(error: AuthenticationFailed) -> bool:
    """Whether a key is valid but may not list models (OpenAI's restricted keys)."""
    return error.status == 403 and "scope" in str(error).lower()
