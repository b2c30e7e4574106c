"""Finished answers as outputs, with their images and sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.markdown.attachments import (
    attachments_markdown,
    attachments_plain,
    picture_data,
    sources_markdown,
    sources_plain,
)
from nbchat.markdown.harmless import safe
from nbchat.markdown.json_answers import as_markdown
from nbchat.markdown.terminal_text import plain_text
from nbchat.values.answer.reply import Reply
from nbchat.values.limits import LIMITS, page_part
from nbchat.values.messages import ImagePart, Source

__all__ = ["MOST_PICTURES", "answer_bundle", "attachment_bundles"]

MOST_PICTURES = 8
"""Most images shown; all are in `reply.images`."""


def answer_bundle(reply: Reply) -> Bundle:
    """Return a complete reply as one output, for replies that were not painted while streaming."""
    room = LIMITS.shown_text // len(reply.choices)
    texts = [page_part(choice.text or choice.refusal, room) for choice in reply.choices]
    headings = [f"**Choice {i + 1} of {len(texts)}**\n\n" if len(texts) > 1 else "" for i in range(len(texts))]
    markdown = [head + safe(as_markdown(text)) for head, text in zip(headings, texts, strict=True)]
    plain = [head + text for head, text in zip(headings, texts, strict=True)]
    for choice in reply.choices:
        if choice.images or choice.sources:
            markdown.append(attachments_markdown(choice.images, choice.sources))
            plain.append(attachments_plain(choice.images, choice.sources))
    return {"text/markdown": "\n\n".join(markdown), "text/plain": plain_text("\n\n".join(plain))}


def attachment_bundles(images: Sequence[ImagePart], sources: Sequence[Source]) -> Iterator[Bundle]:
    """Return the outputs below an answer: one for each image, one for all sources."""
    for image in images[:MOST_PICTURES]:
        if (picture := picture_data(image)) is None:
            yield chrome.line("a picture that can't be shown is in reply.images")
        else:
            yield {picture[0]: picture[1], "text/plain": f"[a picture, {picture[0]}]"}
    if len(images) > MOST_PICTURES:
        yield chrome.line(f"{len(images) - MOST_PICTURES} more pictures are in reply.images")
    if sources:
        yield {"text/markdown": sources_markdown(sources), "text/plain": plain_text(sources_plain(sources))}
