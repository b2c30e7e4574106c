"""Format an answer's sources and images as Markdown or plain text."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from nbchat.markdown.addresses import DATA_IMAGE, safe_address
from nbchat.markdown.inline import inline_text
from nbchat.values.messages import ImagePart, Source

__all__ = [
    "MOST_LISTED",
    "attachments_markdown",
    "attachments_plain",
    "picture_data",
    "sources_markdown",
    "sources_plain",
]

MOST_LISTED = 12
"""Most sources to list; all are in `reply.sources`."""

LARGEST_PICTURE = 20_000_000
"""Longest image URL to show, in characters."""

_SIGNATURES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}


def picture_data(image: ImagePart) -> tuple[str, str] | None:
    """Return an image's media type and base64 data if its content matches the type; else None."""
    if len(image.url) > LARGEST_PICTURE:
        return None
    head, _, data = image.url.partition(",")
    media = head.removeprefix("data:").removesuffix(";base64").replace("image/jpg", "image/jpeg")
    data = "".join(data.split())
    if len(data) < 16 or media not in _SIGNATURES or not DATA_IMAGE.fullmatch(f"data:{media};base64,{data}"):
        return None
    return (media, data) if base64.b64decode(data[:16]).startswith(_SIGNATURES[media]) else None


def attachments_markdown(images: Sequence[ImagePart], sources: Sequence[Source]) -> str:
    """Return images, as `data:` URLs, and sources; empty if there are none."""
    return "\n\n".join(filter(None, (*map(_picture, images), sources_markdown(sources))))


def attachments_plain(images: Sequence[ImagePart], sources: Sequence[Source]) -> str:
    """The same as plain text."""
    return "\n\n".join(filter(None, (*("[a picture]" for _ in images), sources_plain(sources))))


def _picture(image: ImagePart) -> str:
    picture = picture_data(image)
    return (
        "*(a picture that can't be shown)*" if picture is None else f"![picture](data:{picture[0]};base64,{picture[1]})"
    )


def sources_markdown(sources: Sequence[Source]) -> str:
    """Return the sources as a short numbered list; empty if there are none."""
    lines = [f"{number}. {_link(source)}" for number, source in enumerate(sources[:MOST_LISTED], 1)]
    return "\n".join(["**Sources**", "", *lines, *_more(sources)]) if lines else ""


def sources_plain(sources: Sequence[Source]) -> str:
    """The same as plain text."""
    lines = [
        f"{number}. {': '.join(filter(None, (source.title, source.url)))}"
        for number, source in enumerate(sources[:MOST_LISTED], 1)
    ]
    return "\n".join(["Sources", *lines, *_more(sources)]) if lines else ""


def _more(sources: Sequence[Source]) -> list[str]:
    more = len(sources) - MOST_LISTED
    return ["", f"and {more} more in reply.sources"] if more > 0 else []


def _link(source: Source) -> str:
    title = inline_text(source.title or source.url, 120)
    address = safe_address(source.url) if source.url else None
    return f"[{title}]({address})" if address and not address.startswith("#") else title
