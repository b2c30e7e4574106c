"""Detect an image's media type and size from its first bytes, without a library."""

from __future__ import annotations

import struct
from collections.abc import Callable

__all__ = ["measure"]

Size = tuple[int, int]


def measure(data: bytes) -> tuple[str, int, int] | None:
    """Return media type, width and height in pixels; None for anything but PNG, JPEG, GIF and WebP."""
    for media_type, begins, read in READERS:
        if begins(data):
            try:
                size = read(data)
            except (struct.error, IndexError):
                return None
            return (media_type, *size) if size and min(size) > 0 else None
    return None


def _png(data: bytes) -> Size:
    """The IHDR chunk, which is always the first (PNG specification, 5.6)."""
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _gif(data: bytes) -> Size:
    """The logical screen descriptor (GIF89a, 18)."""
    width, height = struct.unpack("<HH", data[6:10])
    return width, height


def _jpeg(data: bytes) -> Size | None:
    """The first start-of-frame segment (ITU T.81, B.2.2); the segments before it are skipped by their lengths."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + int(struct.unpack(">H", data[place + 2 : place + 4])[0]) if marker != 0xFF else 1
    return None


def _webp(data: bytes) -> Size | None:
    """The three kinds of first chunk (RFC 9649, 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


READERS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], Size | None]], ...] = (
    ("image/png", lambda data: data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR", _png),
    ("image/jpeg", lambda data: data[:3] == b"\xff\xd8\xff", _jpeg),
    ("image/gif", lambda data: data[:6] in (b"GIF87a", b"GIF89a"), _gif),
    ("image/webp", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
)
