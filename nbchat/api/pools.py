"""Pools of connections, as the environment's proxies and certificates stand."""

from __future__ import annotations

import ipaddress
import os
import ssl
import urllib.request
from pathlib import Path

import httpx

from nbchat.api.network import AsyncioBackend
from nbchat.values.errors import ConfigError

__all__ = ["Pools"]

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""OpenSSL's, requests' and curl's own; the first that is set counts."""

KEPT_CONNECTIONS = 64
KEPT_SECONDS = 30.0


class Pools:
    """One pool for each kind of server and each state of the environment; opened on first need."""

    def __init__(self) -> None:
        self._pools: dict[tuple[object, ...], httpx.AsyncClient] = {}

    def open(self, url: str) -> httpx.AsyncClient:
        """The pool for a server at this address. Raises ConfigError where the environment's settings can't be used."""
        secure = url.startswith("https:")
        proxies = {} if _is_loopback(httpx.URL(url).host) else urllib.request.getproxies()
        authorities = next((path for name in CERTIFICATE_VARIABLES if (path := os.environ.get(name))), None)
        kind = (secure, authorities, *sorted(proxies.items()))
        pool = self._pools.get(kind)
        if pool is None:
            try:
                pool = self._pools[kind] = _new_pool(authorities, secure=secure, proxied=bool(proxies.keys() - {"no"}))
            except (ImportError, OSError, ValueError) as error:
                raise ConfigError(
                    f"The proxies or certificates that the environment names can't be used: {error}."
                ) from None
        return pool

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _new_pool(authorities: str | None, *, secure: bool, proxied: bool) -> httpx.AsyncClient:
    """A pool without a limit: what may run at once is for the callers' limits to say.

    Loading the certificates takes longer than a whole local request, so a context for plain http has none: should it
    ever be asked to encrypt, it fails closed.
    """
    pool = httpx.AsyncClient(
        verify=_trust(authorities) if secure or proxied else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=proxied,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_SECONDS
        ),
        headers={"User-Agent": "nbchat"},
    )
    # httpx has no argument for httpcore's (public) network backend; where these names change, the stock one serves.
    for transport in (pool._transport, *pool._mounts.values()):  # noqa: SLF001  # as said
        inner = getattr(transport, "_pool", None)
        if inner is not None and hasattr(inner, "_network_backend"):
            inner._network_backend = AsyncioBackend()  # noqa: SLF001  # as said
    return pool


def _trust(authorities: str | None) -> ssl.SSLContext:
    """The certificate authorities in this file or directory; None = the usual ones."""
    if authorities is None:
        return httpx.create_ssl_context()
    if Path(authorities).is_dir():
        return ssl.create_default_context(capath=authorities)
    return ssl.create_default_context(cafile=authorities)
