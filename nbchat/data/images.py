"""Encode figures and images for a message: PNG or JPEG within limits, as `data:` URLs.

A PNG, JPEG, GIF or WebP file within the limits is sent unchanged, without any library. Anything else needs Pillow, or is
drawn by the figure's matplotlib. Nothing is ever fetched.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from nbchat.values.errors import PromptError
from nbchat.values.regular_file import regular

__all__ = ["LARGEST", "LONGEST_SIDE", "Image", "image_of", "load_image", "measure"]

LONGEST_SIDE = 1568
"""Longest side in pixels. Servers scale larger images down to about this, so more only costs time."""

LARGEST = 3_750_000
"""Most bytes of the encoded file: base64 adds a third, which stays below the strictest server's 5 MB."""

MOST_PIXELS = 100_000_000
"""Images with more pixels are refused before decoding, which would take 400 MB."""

LARGEST_FILE = 200_000_000
"""Most bytes of a file to read."""


class Image(Struct, frozen=True):
    """An image ready to send. `width` and `height` are in pixels; `size` is in bytes before base64."""

    name: str
    url: str
    width: int
    height: int
    size: int

    def __str__(self) -> str:
        return f"{self.name}: {self.label}, {self.size / 1000:,.1f} kB"

    @property
    def label(self) -> str:
        """What it is, without its name and size."""
        return f"image of {self.width:,} × {self.height:,} pixels"


def load_image(source: str, namespace: Mapping[str, object]) -> Image:
    """Load the image that `--image` names: a live variable, a file path, or a `data:` URL.

    Raises PromptError if it is none of these, not an image, or too large. Other URLs are refused: nothing is fetched.
    """
    if source in namespace:
        image = image_of(namespace[source], source)
        if image is None and isinstance(namespace[source], (str, Path)):
            return _from_file(Path(str(namespace[source])).expanduser(), source)
        if image is None:
            raise PromptError(f"{source} is a {type(namespace[source]).__name__}, not a figure or an image.")
        return image
    if source.startswith("data:"):
        return _fit(_from_data(source), "image")
    if "://" in source:
        raise PromptError(f"Images are not fetched: download {source!r} and name the file.")
    return _from_file(Path(source).expanduser(), source)


def image_of(value: object, name: str = "image") -> Image | None:
    """Convert a value to an image (matplotlib, Pillow, IPython's Image, the bytes of a file); None if it is not one."""
    if isinstance(value, (bytes, bytearray)):
        return _fit(bytes(value), name) if measure(bytes(value[:64])) is not None or _is_picture(value) else None
    figure = _figure(value)
    if figure is not None:
        return _fit(_drawn(figure), name)
    module = type(value).__module__
    if _is_a(value, "PIL.Image", "Image"):
        return _encode(value, name)
    data = getattr(value, "data", None) if module == "IPython.core.display" else None
    return _fit(data, name) if isinstance(data, bytes) else None


def _is_picture(data: bytes | bytearray) -> bool:
    return measure(bytes(data)) is not None


def _is_a(value: object, module: str, name: str) -> bool:
    """Check for a class without importing its module."""
    return module in sys.modules and isinstance(value, getattr(sys.modules[module], name))


def _figure(value: object) -> Any:
    """The matplotlib figure that a value is or belongs to (axes, a seaborn grid); None if there is none."""
    if "matplotlib.figure" not in sys.modules:
        return None
    candidates = [value]
    if type(value).__module__.partition(".")[0] in ("matplotlib", "seaborn"):
        candidates.append(getattr(value, "figure", None))
    return next((one for one in candidates if _is_a(one, "matplotlib.figure", "FigureBase")), None)


def _drawn(figure: Any) -> bytes:
    """Draw a figure as PNG within the size limit, without modifying it."""
    figure = figure.get_figure(root=True) if hasattr(figure, "get_figure") and figure.get_figure() else figure
    longest = max(figure.get_size_inches())
    dots = min(float(figure.dpi), LONGEST_SIDE / longest) if longest > 0 else 1.0
    target = io.BytesIO()
    try:
        figure.savefig(target, format="png", dpi=dots, metadata={"Software": None})
    except Exception as error:
        raise PromptError(f"The figure can't be drawn: {type(error).__name__}: {error}") from error
    return target.getvalue()


def _from_data(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise PromptError("An image URL must have the form data:image/png;base64,….")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PromptError("The image URL is not valid base64.") from error


def _from_file(path: Path, source: str) -> Image:
    try:
        if regular(path).stat().st_size > LARGEST_FILE:
            raise PromptError(f"{source} is larger than {LARGEST_FILE // 1_000_000} MB: save a smaller image.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PromptError(f"There is no variable and no readable file {source!r} to attach ({reason}).") from error
    return _fit(data, path.name)


def _fit(data: bytes, name: str) -> Image:
    """Return the file unchanged if it is within the limits, else decoded and scaled."""
    found = measure(data)
    if found is not None:
        media_type, width, height = found
        if width * height > MOST_PIXELS:
            raise PromptError(f"{name} is an image of {width:,} × {height:,} pixels, too large to send: scale it down.")
        if max(width, height) <= LONGEST_SIDE and len(data) <= LARGEST:
            return _image(name, media_type, data, width, height)
    return _encode(_opened(data, name, known=found is not None), name)


def _opened(data: bytes, name: str, *, known: bool) -> Any:
    try:
        from PIL import Image as Pillow
    except ImportError as error:
        why = "too large to send as it is" if known else "in a format that only Pillow reads"
        raise PromptError(f"{name} is {why}: install pillow, or save it as a smaller PNG.") from error
    try:
        picture = Pillow.open(io.BytesIO(data))
        if picture.width * picture.height > MOST_PIXELS:
            raise PromptError(f"{name} has more than {MOST_PIXELS:,} pixels, too large to send: scale it down.")
        picture.load()
    except PromptError:
        raise
    except Exception as error:
        raise PromptError(f"{name} is not an image that can be read (PNG, JPEG, GIF or WebP).") from error
    return picture


def _encode(picture: Any, name: str) -> Image:
    """Scale a Pillow image to the limit and encode it as PNG, or as JPEG if PNG would be too large."""
    if picture.width * picture.height > MOST_PIXELS:
        raise PromptError(f"{name} has more than {MOST_PIXELS:,} pixels, too large to send: scale it down.")
    if picture.width * picture.height == 0:
        raise PromptError(f"{name} is an image with no pixels.")
    if picture.mode not in ("RGB", "RGBA", "L", "LA"):
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    scale = min(LONGEST_SIDE / max(picture.width, picture.height), 1)
    if scale < 1:
        size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        picture = picture.resize(size)
    data = _saved(picture, "PNG")
    if len(data) <= LARGEST:
        return _image(name, "image/png", data, picture.width, picture.height)
    flat = _flattened(picture)
    for quality in (90, 75, 50):
        data = _saved(flat, "JPEG", quality=quality)
        if len(data) <= LARGEST:
            return _image(name, "image/jpeg", data, picture.width, picture.height)
    raise PromptError(f"{name} is too large an image to send even when scaled down ({len(data) / 1e6:.1f} MB).")


def _flattened(picture: Any) -> Any:
    """Replace transparency by white, for JPEG."""
    if picture.mode not in ("RGBA", "LA"):
        return picture
    ground = picture.convert("RGBA")
    white = ground.copy()
    white.paste((255, 255, 255, 255), (0, 0, *ground.size))
    white.alpha_composite(ground)
    return white.convert("RGB")


def _saved(picture: Any, file_format: str, **options: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, file_format, **options)
    return target.getvalue()


def _image(name: str, media_type: str, data: bytes, width: int, height: int) -> Image:
    url = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    return Image(name, url, width, height, len(data))


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
