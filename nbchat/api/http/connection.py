"""HTTP/1.1 on one socket, one request after the other. h11 judges what comes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import h11

from nbchat.api.http.responses import Response
from nbchat.api.http.socket import Socket
from nbchat.api.http.transport_errors import ProtocolViolated, WriteFailed

__all__ = ["Connection"]

LONGEST_HEAD = 100 * 1024
"""Bytes of a response's head; one that is longer is refused."""

READ_SIZE = 65_536
"""Bytes of one read."""


class Connection:
    """A socket that speaks HTTP/1.1. `has_served`: whether it has answered before."""

    def __init__(self, socket: Socket, *, proxy_login: str | None = None, absolute: bool = False) -> None:
        self.has_served = False
        self.absolute = absolute
        """Whether a proxy forwards the requests, which then name the server in full."""
        self._proxy_login = proxy_login
        self._socket = socket
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._read_timeout = 0.0

    async def send(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        content: bytes,
        *,
        read: float,
        write: float,
    ) -> Response:
        """Send a request and return the response's head, its body unread. `read` and `write` are the longest silences.

        Raises TransportError.
        """
        self._read_timeout = read
        login = () if self._proxy_login is None else (("Proxy-Authorization", self._proxy_login),)
        try:
            data = self._protocol.send(h11.Request(method=method, target=target, headers=[*headers, *login]))
            body = self._protocol.send(h11.Data(data=content)) if content else b""
            end = self._protocol.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise ProtocolViolated(str(error)) from None
        with contextlib.suppress(WriteFailed):  # a server may refuse a request that it has not read to its end
            await self._socket.write(b"".join(filter(None, (data, body, end))), write)
        while not isinstance(event := await self._event(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise ProtocolViolated("the server closed the connection without an answer")
        return Response(event.status_code, _text(event.reason), _headers(event.headers.raw_items()), self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)
        if isinstance(event, h11.EndOfMessage) and self._protocol.our_state is h11.DONE is self._protocol.their_state:
            self._protocol.start_next_cycle()
            self.has_served = True

    async def _event(self) -> Any:
        """The next event of the response."""
        while True:
            try:
                event = self._protocol.next_event()
                if event is not h11.NEED_DATA:
                    return event
                data = await self._socket.read(READ_SIZE, self._read_timeout)
                if not data and self._protocol.their_state is h11.SEND_RESPONSE:
                    raise ProtocolViolated("the server closed the connection without an answer")
                self._protocol.receive_data(data)
            except h11.RemoteProtocolError as error:
                raise ProtocolViolated(str(error)) from None

    @property
    def is_ready(self) -> bool:
        """Whether another request can be sent: the last response was read to its end, and nothing has come since."""
        return self._protocol.our_state is h11.IDLE and not self._socket.is_readable

    def close(self) -> None:
        """Close at once: nothing more is read, and the server sees it."""
        self._socket.close()


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; the values of one that comes several times are joined as HTTP says."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), _text(value)
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
