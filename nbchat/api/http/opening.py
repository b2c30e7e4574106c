"""Open a connection: to the server itself, or through a proxy."""

from __future__ import annotations

import ssl

from nbchat.api.http.address import Address
from nbchat.api.http.connection import Connection
from nbchat.api.http.proxies import Proxy
from nbchat.api.http.requests import basic_login
from nbchat.api.http.socket import Socket
from nbchat.api.http.transport_errors import ProxyRefused

__all__ = ["open_connection"]


async def open_connection(
    address: Address, proxy: Proxy | None, trust: ssl.SSLContext | None, timeout: float
) -> Connection:
    """A connection to an address; each step takes at most `timeout` seconds.

    `trust` is needed for https, on either way; None = it is never asked to encrypt. Raises TransportError.
    """
    first = address if proxy is None else proxy.address
    socket = await Socket.connected(first.host, first.port, timeout)
    try:
        if first.scheme == "https":
            socket = await socket.encrypted(trust, first.host, timeout)
        if proxy is not None and proxy.address.scheme.startswith("socks5"):
            await _through_socks(socket, address, first.login, timeout)
        elif proxy is not None:
            login = None if first.login is None else basic_login(first.login)
            if address.scheme == "http":
                return Connection(socket, proxy_login=login, absolute=True)
            await _through_tunnel(socket, address, login, timeout)
        if proxy is not None and address.scheme == "https":
            socket = await socket.encrypted(trust, address.host, timeout)
        return Connection(socket)
    except BaseException:
        socket.close()
        raise


async def _through_tunnel(socket: Socket, address: Address, login: str | None, timeout: float) -> None:
    """Have the proxy open a tunnel to the server."""
    server = f"{address.host_in_brackets}:{address.port}"
    asking = Connection(socket, proxy_login=login)
    headers = [("Host", server), ("User-Agent", "nbchat")]
    response = await asking.send("CONNECT", server, headers, b"", read=timeout, write=timeout)
    if not 200 <= response.status < 300:
        raise ProxyRefused(f"{response.status} {response.reason}".strip())


async def _through_socks(socket: Socket, address: Address, login: tuple[str, str] | None, timeout: float) -> None:
    """Have a SOCKS5 proxy connect to the server (RFC 1928, and RFC 1929 for the login). It looks up the name too."""
    await socket.write(b"\x05\x02\x00\x02" if login else b"\x05\x01\x00", timeout)
    chosen = (await _exactly(socket, 2, timeout))[1]
    if chosen == 2 and login is not None:
        user, password = (text.encode("utf-8")[:255] for text in login)
        await socket.write(b"\x01%c%b%c%b" % (len(user), user, len(password), password), timeout)
        if (await _exactly(socket, 2, timeout))[1]:
            raise ProxyRefused("it refused the user or the password")
    elif chosen:
        raise ProxyRefused("it wants a login" if login is None else "it takes no user and password")
    host = address.host.encode("ascii")
    await socket.write(b"\x05\x01\x00\x03%c%b" % (len(host), host) + address.port.to_bytes(2, "big"), timeout)
    _, status, _, kind = await _exactly(socket, 4, timeout)
    if status:
        raise ProxyRefused(SOCKS_REASONS.get(status, f"its error {status}"))
    length = {1: 4, 4: 16}.get(kind) or (await _exactly(socket, 1, timeout))[0]
    await _exactly(socket, length + 2, timeout)


SOCKS_REASONS = {
    1: "it failed",
    2: "its rules forbid it",
    3: "it finds no network",
    4: "it can't reach the host",
    5: "the server refused it the connection",
    6: "it got no answer in time",
    7: "it can't connect to servers",
    8: "it can't connect to this kind of address",
}


async def _exactly(socket: Socket, size: int, timeout: float) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := await socket.read(size - len(data), timeout)):
            raise ProxyRefused("it closed the connection")
        data += more
    return data
