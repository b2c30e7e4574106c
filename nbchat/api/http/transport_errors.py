"""How a request can fail below HTTP, or at it: the reasons that `connection_failure` puts into words."""

from __future__ import annotations

__all__ = [
    "ConnectFailed",
    "ConnectTimedOut",
    "InvalidAddress",
    "ProtocolViolated",
    "ProxyRefused",
    "ReadFailed",
    "ReadTimedOut",
    "TransportError",
    "WriteFailed",
]


class TransportError(Exception):  # internal: never shown to users
    """A request failed on its way. `reused`: on a connection that had served before, and before its answer began."""

    reused = False


class InvalidAddress(TransportError, ValueError):
    """The address is not one of HTTP."""


class ConnectFailed(TransportError):
    """No connection came about, or no encryption on it."""


class ConnectTimedOut(TransportError):
    """No connection came about in time."""


class ProxyRefused(TransportError):
    """The proxy did not open a way to the server."""


class ReadFailed(TransportError):
    """The connection broke while the answer was read."""


class ReadTimedOut(TransportError):
    """Nothing came for too long."""


class WriteFailed(TransportError):
    """The connection broke, or took nothing for too long, while the request was written."""


class ProtocolViolated(TransportError):
    """What came is not HTTP, or ended where HTTP does not."""
