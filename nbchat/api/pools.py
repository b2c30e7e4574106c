"""Pools of connections, as the environment's proxies and certificates stand."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import os
import ssl
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from nbchat.api.keys import Key
from nbchat.api.network import AsyncioBackend
from nbchat.values.errors import ConfigError

__all__ = ["Pools", "address", "request"]

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""OpenSSL's, requests' and curl's own; the first that is set counts."""

MOST_TRANSPORTS = 64
"""Transports of one kind. Each of httpx's walks all its connections at every request: with 64 requests in flight one
costs 7.8 ms of CPU a request, one for each 0.8 ms (measured)."""

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30.0)
"""No limit on connections in use: what may run at once is for the callers to say. Idle ones are kept for 30 s."""


class _Slot:
    """A transport, and how many requests it has in flight."""

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.busy = 0


class Pools:
    """Transports for each kind of server and each state of the environment; opened on first need, reused when idle.

    httpx's transports rather than its clients: a client's cookies, redirects and merging of defaults are of no use to
    a request that is complete, and take a third of its time.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], list[_Slot]] = {}

    @contextlib.asynccontextmanager
    async def send(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        """Send a request. The response is closed behind the block.

        Raises httpx's errors, and ConfigError for an environment that can't be used.
        """
        slot = self._idlest(request.url)
        slot.busy += 1
        try:
            response = await slot.transport.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        finally:
            slot.busy -= 1

    def _idlest(self, url: httpx.URL) -> _Slot:
        proxy = _proxy_for(url)
        authorities = next((path for name in CERTIFICATE_VARIABLES if (path := os.environ.get(name))), None)
        encrypted = url.scheme == "https" or proxy is not None
        slots = self._kinds.setdefault((encrypted, authorities, proxy), [])
        idlest = min(slots, key=lambda slot: slot.busy, default=None)  # the first of the idle ones
        if idlest is not None and (not idlest.busy or len(slots) >= MOST_TRANSPORTS):
            return idlest
        try:
            slot = _Slot(_new_transport(_trust(authorities, encrypted), proxy))
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
            await slot.transport.aclose()


def request(
    method: str,
    url: str,
    *,
    key: Key | None,
    timeout: httpx.Timeout,
    content: bytes | None = None,
    accept: str = "application/json",
    trace: Callable[[str, Mapping[str, Any]], Awaitable[None]] | None = None,
) -> httpx.Request:
    """A complete request; `content` is JSON. `trace` hears of httpcore's steps. Raises httpx.InvalidURL, ConfigError."""
    headers = {"User-Agent": "nbchat", "Accept": accept, "Accept-Encoding": "identity"}
    if content is not None:
        headers["Content-Type"] = "application/json"
    extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
    if trace is not None:
        extensions["trace"] = trace
    made = httpx.Request(method, address(url), headers=headers, content=content, extensions=extensions)
    if key is not None:  # on the request itself, so that it stands in no variable that a traceback could show
        made.headers["Authorization"] = key.authorization()
    elif made.url.userinfo:
        next(httpx.BasicAuth(made.url.username, made.url.password).auth_flow(made))
    return made


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


def _proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment, or the system's settings, name for an address; None = none."""
    if _is_loopback(url.host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(url.netloc.decode("ascii")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _new_transport(trust: ssl.SSLContext, proxy: str | None) -> httpx.AsyncHTTPTransport:
    transport = httpx.AsyncHTTPTransport(verify=trust, trust_env=False, limits=LIMITS, proxy=proxy)
    # httpx has no argument for httpcore's (public) network backend; where these names change, the stock one serves.
    pool: Any = getattr(transport, "_pool", None)
    if hasattr(pool, "_network_backend"):
        pool._network_backend = AsyncioBackend()  # noqa: SLF001  # no argument for it, see above
    return transport


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
