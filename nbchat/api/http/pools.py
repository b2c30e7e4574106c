"""Open connections for the environment's current proxies and certificates, kept while they are idle."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec import Struct

from nbchat.api.http.connection import Connection
from nbchat.api.http.opening import open_connection
from nbchat.api.http.proxies import Proxy, proxy_for
from nbchat.api.http.requests import Request, redirected
from nbchat.api.http.responses import Response
from nbchat.api.http.transport_errors import TransportError
from nbchat.values.errors import ConfigError

__all__ = ["Pools"]

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""OpenSSL's, requests' and curl's own; the first that is set counts."""

MOST_REDIRECTS = 3
"""Times that a server may say where to ask instead."""

IDLE_SECONDS = 30.0
"""How long an idle connection is kept."""

MOST_IDLE = 64
"""Idle connections that are kept to one server. How many are in use at once is for the callers to say."""


class _Way(Struct, frozen=True):
    """Where a connection leads, and how: what two requests must have in common to share one."""

    origin: str
    authorities: str | None
    proxy: Proxy | None


class Pools:
    """Connections for each server and each state of the environment; opened on first need, reused when idle."""

    def __init__(self) -> None:
        self._idle: dict[_Way, list[tuple[float, Connection]]] = {}

    @contextlib.asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Response]:
        """Send a request, also to where the same server redirects it. Behind the block the response can't be read.

        Raises TransportError, and ConfigError for an environment that can't be used.
        """
        for _ in range(MOST_REDIRECTS):
            async with self._send(request) as response:
                onward = redirected(request, response)
                if onward is None:
                    yield response
                    return
            request = onward
        async with self._send(request) as response:
            yield response

    @contextlib.asynccontextmanager
    async def _send(self, request: Request) -> AsyncIterator[Response]:
        address, timeouts = request.address, request.timeouts
        way = _Way(address.origin, _authorities(), proxy_for(address))
        connection = self._kept(way) or await self._open(request, way)
        try:
            length = [("Content-Length", str(len(request.content)))] if request.content else []
            try:
                response = await connection.send(
                    request.method,
                    address.origin + address.target if connection.absolute else address.target,
                    [("Host", address.authority), *request.headers, *length],
                    request.content,
                    read=timeouts.read,
                    write=timeouts.write,
                )
            except TransportError as error:
                error.reused = connection.has_served
                raise
            yield response
        finally:
            if connection.is_ready:
                self._keep(way, connection)
            else:
                connection.close()

    async def _open(self, request: Request, way: _Way) -> Connection:
        problem: str
        try:
            schemes = {request.address.scheme, "" if way.proxy is None else way.proxy.address.scheme}
            trust = _trust(way.authorities) if "https" in schemes else None
        except (ImportError, OSError, ValueError) as error:
            problem = str(error) if way.proxy is None else way.proxy.redact(str(error))
        else:
            return await open_connection(request.address, way.proxy, trust, request.timeouts.connect)
        # Behind the block: what was raised there holds frames that know the proxy's password.
        raise ConfigError(f"The proxies or certificates that the environment names can't be used: {problem}.")

    def _kept(self, way: _Way) -> Connection | None:
        """An idle connection that can still be used; None = there is none."""
        self._close_expired()
        idle = self._idle.get(way, [])
        while idle:
            _, connection = idle.pop()
            if connection.is_ready:
                return connection
            connection.close()
        return None

    def _keep(self, way: _Way, connection: Connection) -> None:
        idle = self._idle.setdefault(way, [])
        idle.append((asyncio.get_running_loop().time() + IDLE_SECONDS, connection))
        if len(idle) > MOST_IDLE:
            idle.pop(0)[1].close()

    def _close_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        for idle in self._idle.values():
            while idle and idle[0][0] < now:
                idle.pop(0)[1].close()

    def close(self) -> None:
        """Close every idle connection."""
        kept, self._idle = self._idle, {}
        for idle in kept.values():
            for _, connection in idle:
                connection.close()


def _authorities() -> str | None:
    """The file or directory of certificate authorities that the environment names; None = the usual ones."""
    return next((path for name in CERTIFICATE_VARIABLES if (path := os.environ.get(name))), None)


@functools.cache
def _trust(authorities: str | None) -> ssl.SSLContext:
    """What is trusted: the certificate authorities in this file or directory; None = the usual ones."""
    if authorities is None:
        import certifi

        context = ssl.create_default_context(cafile=certifi.where())
    elif Path(authorities).is_dir():
        context = ssl.create_default_context(capath=authorities)
    else:
        context = ssl.create_default_context(cafile=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context
