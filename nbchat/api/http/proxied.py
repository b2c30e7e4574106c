"""Requests through a proxy: httpx's own transport, on the same sockets as direct requests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpcore
import httpx

from nbchat.api.http.connections import IDLE_SECONDS, MOST_IDLE
from nbchat.api.http.proxies import Proxy
from nbchat.api.http.sockets import Socket, connect

__all__ = ["ProxiedTransport"]

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=MOST_IDLE, keepalive_expiry=IDLE_SECONDS)


class ProxiedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport through a proxy. Raises ValueError or ImportError for a proxy that can't be used."""

    def __init__(self, trust: ssl.SSLContext, proxy: Proxy) -> None:
        super().__init__(verify=trust, trust_env=False, limits=LIMITS, proxy=proxy.for_httpx())
        # httpx has no argument for httpcore's (public) network backend; if these names change, the default is used.
        if hasattr(self._pool, "_network_backend"):
            self._pool._network_backend = _Backend()  # noqa: SLF001  # httpx has no argument for it

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Its extension "reused" says whether its connection had served another one before."""

        async def trace(event: str, _info: Mapping[str, Any]) -> None:
            if event.endswith("connect_tcp.started"):
                request.extensions["reused"] = False

        request.extensions |= {"reused": True, "trace": trace}
        return await super().handle_async_request(request)


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore."""

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_options: Any, **_more: Any
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await connect(host, port, timeout))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A socket for httpcore."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._socket.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._socket.write(buffer, timeout)
        except httpx.WriteError as error:  # httpcore then reads the answer, which may have come already
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._socket.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._socket.encrypted(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._socket.is_readable if info == "is_readable" else self._socket.transport.get_extra_info(info)
