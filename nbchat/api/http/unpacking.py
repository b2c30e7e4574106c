"""Decompress response bodies in small portions, since a megabyte may expand to a gigabyte."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

from nbchat.values.errors import ProtocolError
from nbchat.values.limits import Limit

__all__ = ["TooMuch", "read_whole", "unpacked"]

PORTION = 65_536
"""Most bytes that are decompressed at a time."""

KNOWN = frozenset({"br", "bzip2", "compress", "deflate", "gzip", "x-gzip", "xz", "zstd"})
"""Encodings that are named in a message; any other text in that header may be an echo of the key."""

_AUTOMATIC = zlib.MAX_WBITS | 32
"""zlib's value for "detect gzip or zlib from the header"."""


class TooMuch(Exception):  # internal: converted by callers that know the server's name
    """A body exceeds a limit."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(str(limit))
        self.limit = limit


def unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body in portions. gzip and deflate are decoded, because some servers use them without being asked.

    Raises ProtocolError for any other encoding; iterating raises httpx's errors.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    packings = [packing for word in named if (packing := word.strip()) not in ("", "identity")]
    if not packings:
        return response.aiter_raw()
    if packings not in (["gzip"], ["x-gzip"], ["deflate"]):
        told = ", ".join(word if word in KNOWN else "something else" for word in packings)[:60]
        raise ProtocolError(
            f"The answer is compressed as {told!r}, which was not asked for;"
            " nbchat reads gzip and deflate. Is a proxy in between?"
        )
    return _inflated(response.aiter_raw())


async def _inflated(portions: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = _Inflater()
    async for packed in portions:
        for piece in inflater.pieces(packed):
            yield piece


class _Inflater:
    """Decompresses gzip with any number of members, zlib, or bare deflate (which some servers call "deflate")."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_AUTOMATIC)
        self._place = "beginning"  # → "within" a member ⇄ "between" two
        self._first = b""  # the first byte, which alone doesn't tell bare deflate

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """Yield the content of these bytes in pieces of at most `PORTION`. Raises httpx.DecodingError."""
        if self._place == "beginning":
            packed = self._first + packed
            if len(packed) < 2:
                self._first = packed
                return
        more = bool(packed)
        while more:
            try:
                piece = self._inflater.decompress(packed, PORTION)
            except zlib.error as error:
                if self._place == "between":
                    return  # padding after the last member
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
    """Return the whole body. Raises TooMuch, ProtocolError and httpx's errors."""
    body = bytearray()
    async for portion in unpacked(response):
        body += portion
        if len(body) > limit.most:
            raise TooMuch(limit)
    return bytes(body)
