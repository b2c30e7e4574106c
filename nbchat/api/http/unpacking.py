"""Decompress response bodies in small portions, since a megabyte may expand to a gigabyte."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

from nbchat.values.errors import ProtocolError
from nbchat.values.limits import Limit

__all__ = ["TooMuch", "read_whole", "unpacked"]

PORTION = 65_536
"""Bytes that are unpacked at a time."""

_AUTOMATIC = zlib.MAX_WBITS | 32
"""zlib's mark for "gzip or zlib, as its head says"."""


class TooMuch(Exception):  # internal: converted where the server's name is known
    """A body exceeds a limit."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(str(limit))
        self.limit = limit


def unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in portions. gzip and deflate are read, though nbchat asks for neither: some servers pack even so.

    Raises ProtocolError for any other packing; iterating raises httpx's errors.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    packings = [packing for word in named if (packing := word.strip()) not in ("", "identity")]
    if not packings:
        return response.aiter_raw()
    if packings not in (["gzip"], ["x-gzip"], ["deflate"]):
        raise ProtocolError(
            f"The answer is compressed as {', '.join(packings)[:60]!r}, which was not asked for;"
            " nbchat reads gzip and deflate. Is a proxy in between?"
        )
    return _inflated(response.aiter_raw())


async def _inflated(portions: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = _Inflater()
    async for packed in portions:
        for piece in inflater.pieces(packed):
            yield piece


class _Inflater:
    """gzip of one or several members, zlib, or (as some send "deflate") bare deflate, unpacked as it comes."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_AUTOMATIC)
        self._place = "beginning"  # → "within" a member ⇄ "between" two

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """What these bytes hold, in pieces of at most `PORTION`. Raises httpx.DecodingError."""
        more = bool(packed)
        while more:
            try:
                piece = self._inflater.decompress(packed, PORTION)
            except zlib.error as error:
                if self._place == "between":
                    return  # padding behind the last member
                if self._place == "within":
                    raise httpx.DecodingError(f"its answer can't be decompressed: {error}") from error
                self._inflater, self._place = zlib.decompressobj(-zlib.MAX_WBITS), "within"
                continue
            self._place, packed = "within", self._inflater.unconsumed_tail
            if self._inflater.eof:
                packed = self._inflater.unused_data
                self._inflater, self._place = zlib.decompressobj(_AUTOMATIC), "between"
            more = bool(packed) or len(piece) == PORTION
            if piece:
                yield piece


async def read_whole(response: httpx.Response, limit: Limit) -> bytes:
    """The whole body. Raises TooMuch, ProtocolError and httpx's errors."""
    body = bytearray()
    async for portion in unpacked(response):
        body += portion
        if len(body) > limit.most:
            raise TooMuch(limit)
    return bytes(body)
