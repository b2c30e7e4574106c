"""The head of a response, and a body still to be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

__all__ = ["Response"]


class Response:
    """What a server answers: status and reason phrase, `headers` by lower-case name, and `body` in portions as they come.

    The body is read once; reading it raises TransportError.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str], body: AsyncIterator[bytes]) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
