"""Pools of connections, as the environment's proxies and certificates stand."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import os
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx

from nbchat.api.network import AsyncioBackend
from nbchat.values.errors import ConfigError

__all__ = ["USER_AGENT", "Pools", "address"]

USER_AGENT = "nbchat"

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""OpenSSL's, requests' and curl's own; the first that is set counts."""

MOST_CLIENTS = 64
"""Clients of one kind. Each of httpx's walks all its connections at every request: with 64 requests in flight one
client costs 7.8 ms of CPU a request, a client for each 0.8 ms (measured)."""

KEPT_CONNECTIONS = 8
KEPT_SECONDS = 30.0


class _Slot:
    """A client, and how many requests it has in flight."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.busy = 0


class Pools:
    """Clients for each kind of server and each state of the environment; opened on first need, reused when idle."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], list[_Slot]] = {}

    @contextlib.contextmanager
    def lease(self, url: str) -> Iterator[httpx.AsyncClient]:
        """The idlest client for a server at this address. Raises ConfigError for an environment that can't be used."""
        slot = self._idlest(url)
        slot.busy += 1
        try:
            yield slot.client
        finally:
            slot.busy -= 1

    def _idlest(self, url: str) -> _Slot:
        secure = url.startswith("https:")
        proxies = {} if _is_loopback(address(url).host) else urllib.request.getproxies()
        authorities = next((path for name in CERTIFICATE_VARIABLES if (path := os.environ.get(name))), None)
        kind = (secure, authorities, *sorted(proxies.items()))
        proxied = bool(proxies.keys() - {"no"})
        slots = self._kinds.setdefault(kind, [])
        idlest = min(slots, key=lambda slot: slot.busy, default=None)  # the first of the idle ones
        if idlest is not None and (not idlest.busy or len(slots) >= MOST_CLIENTS):
            return idlest
        try:
            slot = _Slot(_new_client(_trust(authorities, secure or proxied), proxied=proxied))
        except (ImportError, OSError, ValueError) as error:
            raise ConfigError(
                f"The proxies or certificates that the environment names can't be used: {error}."
            ) from None
        slots.append(slot)
        return slot

    async def aclose(self) -> None:
        """Close every connection."""
        kinds, self._kinds = self._kinds, {}
        for slot in itertools.chain.from_iterable(kinds.values()):
            await slot.client.aclose()


@functools.lru_cache(maxsize=64)
def address(url: str) -> httpx.URL:
    """The parsed address; parsing takes longer than writing the request. Raises httpx.InvalidURL."""
    return httpx.URL(url)


@functools.lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _new_client(trust: ssl.SSLContext, *, proxied: bool) -> httpx.AsyncClient:
    """A client without a limit: what may run at once is for the callers' limits to say."""
    client = httpx.AsyncClient(
        verify=trust,
        trust_env=proxied,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_SECONDS
        ),
        headers={"User-Agent": USER_AGENT},
    )
    # httpx has no argument for httpcore's (public) network backend; where these names change, the stock one serves.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001  # as said
        inner = getattr(transport, "_pool", None)
        if inner is not None and hasattr(inner, "_network_backend"):
            inner._network_backend = AsyncioBackend()  # noqa: SLF001  # as said
    return client


@functools.cache
def _trust(authorities: str | None, encrypted: bool) -> ssl.SSLContext:  # a key of the cache
    """The certificate authorities in this file or directory; None = the usual ones.

    Loading them takes longer than a whole local request, so a context for plain http has none: should it ever be asked
    to encrypt, it fails closed.
    """
    if not encrypted:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        return httpx.create_ssl_context()
    if Path(authorities).is_dir():
        return ssl.create_default_context(capath=authorities)
    return ssl.create_default_context(cafile=authorities)
