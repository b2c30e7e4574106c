"""Outputs for an answer's images and sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.markdown.terminal_text import plain_text
from nbchat.values.messages import ImagePart, Source

__all__ = ["MOST_PICTURES", "attachment_bundles"]

MOST_PICTURES = 8
"""Most images shown; all are in `reply.images`."""


def attachment_bundles(images: Sequence[ImagePart], sources: Sequence[Source]) -> Iterator[Bundle]:
    """Return the outputs below an answer: one for each image, one for all sources."""
    if not images and not sources:
        return
    from nbchat.markdown.attachments import picture_data, sources_markdown, sources_plain

    for image in images[:MOST_PICTURES]:
        if (picture := picture_data(image)) is None:
            yield chrome.line("a picture that can't be shown is in reply.images")
        else:
            yield {picture[0]: picture[1], "text/plain": f"[a picture, {picture[0]}]"}
    if len(images) > MOST_PICTURES:
        yield chrome.line(f"{len(images) - MOST_PICTURES} more pictures are in reply.images")
    if sources:
        yield {"text/markdown": sources_markdown(sources), "text/plain": plain_text(sources_plain(sources))}
