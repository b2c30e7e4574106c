"""Connection pools for the environment's current proxies and certificates."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from nbchat.api.http.connections import DirectTransport
from nbchat.api.http.proxies import Proxy, proxy_for
from nbchat.api.http.requests import redirected
from nbchat.values.errors import ConfigError

__all__ = ["Pools"]

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The variables of OpenSSL, requests and curl; the first that is set counts."""

MOST_TRANSPORTS = 64
"""Transports of one kind. httpx's transport walks all its connections at every request: with 64 in flight, a shared one
costs 7.8 ms of CPU per request, 64 separate ones 0.8 ms (measured)."""

MOST_REDIRECTS = 3
"""Most redirects to follow."""


class _Slot:
    """A transport, and how many requests it has in flight."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self.transport = transport
        self.busy = 0


class Pools:
    """Transports for each kind of server and each state of the environment; opened on first need, reused when idle.

    Uses httpx's transports rather than its clients: cookies, redirects and merging of defaults are useless for a
    complete request, and take a third of its time.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], list[_Slot]] = {}

    @contextlib.asynccontextmanager
    async def send(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        """Send a request, also to where the same server redirects it. The response is closed at the end of the block.

        Raises httpx's errors, and ConfigError for an environment that can't be used.
        """
        for redirects in range(MOST_REDIRECTS + 1):
            slot = self._idlest(request.url)
            slot.busy += 1
            try:
                response = await slot.transport.handle_async_request(request)
                try:
                    onward = redirected(request, response) if redirects < MOST_REDIRECTS else None
                    if onward is None:
                        yield response
                        return
                finally:
                    await response.aclose()
            finally:
                slot.busy -= 1
            request = onward

    def _idlest(self, url: httpx.URL) -> _Slot:
        proxy = proxy_for(url)
        authorities = next((path for name in CERTIFICATE_VARIABLES if (path := os.environ.get(name))), None)
        encrypted = url.scheme == "https" or proxy is not None
        slots = self._kinds.setdefault((encrypted, authorities, proxy), [])
        idlest = min(slots, key=lambda slot: slot.busy, default=None)  # the first idle one
        if idlest is not None and (not idlest.busy or len(slots) >= MOST_TRANSPORTS):
            return idlest
        problem: str
        try:
            slot = _Slot(_transport(_trust(authorities) if encrypted else None, proxy))
            slots.append(slot)
            return slot
        except (ImportError, OSError, ValueError) as error:
            problem = str(error) if proxy is None else proxy.redact(str(error))
        # Raised outside the block: that exception's frames hold the proxy's password.
        raise ConfigError(f"The proxies or certificates that the environment names can't be used: {problem}.")

    async def aclose(self) -> None:
        """Close every connection."""
        kinds, self._kinds = self._kinds, {}
        for slot in itertools.chain.from_iterable(kinds.values()):
            await slot.transport.aclose()


def _transport(trust: ssl.SSLContext | None, proxy: Proxy | None) -> httpx.AsyncBaseTransport:
    """Return a transport. `trust` None = for plain http without a proxy: loading it takes longer than a local request."""
    if proxy is None or trust is None:
        return DirectTransport(trust)
    from nbchat.api.http.proxied import ProxiedTransport  # few requests go through a proxy

    return ProxiedTransport(trust, proxy)


@functools.cache
def _trust(authorities: str | None) -> ssl.SSLContext:
    """Return a TLS context with the certificate authorities in this file or directory; None = the system's."""
    if authorities is None:
        context = httpx.create_ssl_context()
    elif Path(authorities).is_dir():
        context = ssl.create_default_context(capath=authorities)
    else:
        context = ssl.create_default_context(cafile=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context
