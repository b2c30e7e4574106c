"""Parts of an answer besides its text: reasoning, images, sources, log probabilities, under their various names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nbchat.values.limits import LIMITS, clipped
from nbchat.values.messages import Source
from nbchat.values.surrogates import paired, paired_json

__all__ = [
    "SOURCE_NAMES",
    "images_in",
    "reasoning_in",
    "sources_in",
    "text_in",
    "token_logprobs",
    "unshown_in",
]

REASONING_NAMES = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "thinking_content",
    "thought",
    "tool_plan",
)
"""Fields for reasoning. Some servers send the same text in several of them."""

REASONING_LISTS = ("reasoning_details", "thinking_blocks")
"""Fields for reasoning in parts, beside those or alone."""

SOURCE_LISTS = (
    "citations",
    "annotations",
    "search_results",
    "references",
    "sources",
    "web_search",
    "web_search_results",
    "grounding_chunks",
    "groundingChunks",
)
"""Fields for sources."""

SOURCE_HOLDERS = (
    "search_info",
    "context",
    "web_search_info",
    "grounding_metadata",
    "groundingMetadata",
    "vertex_ai_grounding_metadata",
    "provider_specific_fields",
    "url_citation",
    "source",
    "web",
)
"""Objects that hold such a list, or a single source."""

SOURCE_NAMES = frozenset({*SOURCE_LISTS, *SOURCE_HOLDERS})

MEDIA = (
    "audio",
    "video",
    "videos",
    "file",
    "files",
    "document",
    "documents",
    "attachments",
    "artifacts",
    "executed_tools",
)
"""Content that can't be shown."""

PICTURES = ("image_url", "image", "output_image", "input_image")
"""Types of image parts."""

LONGEST_ADDRESS = 4_000
"""Longest address of a source; longer ones are dropped."""

MOST_SOURCES = 200
"""Most sources kept of an answer."""


def text_in(value: object) -> str:
    """Return the text of a string, a list of parts or an object; empty = none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(text_in(item) for item in value)
    if isinstance(value, Mapping):
        return text_in(next((value[name] for name in ("text", "content", "summary", "value") if value.get(name)), ""))
    return ""


def reasoning_in(message: Mapping[str, Any]) -> str:
    """Return the reasoning in a delta, a message or a part."""
    for name in REASONING_NAMES:
        if (value := message.get(name)) and (text := text_in(value)):
            return text
    for name in REASONING_LISTS:
        if isinstance(value := message.get(name), list):
            return "".join(reasoning_in(item) or text_in(item) for item in value if isinstance(item, Mapping))
    return ""


def images_in(message: Mapping[str, Any]) -> Iterator[str]:
    """Return the image addresses in a delta, a message or a part; bare base64 becomes a `data:` address."""
    images = message.get("images")
    for item in images if isinstance(images, list) else ():
        if address := _picture(item):
            yield address
    if message.get("type") in PICTURES and (address := _picture(message)):
        yield address


def _picture(item: object) -> str:
    if isinstance(item, str):
        return item if not item or ":" in item[:20] else f"data:image/png;base64,{item}"
    if not isinstance(item, Mapping):
        return ""
    media = item.get("media_type") or item.get("mime_type")
    for name in ("image_url", "url", "image", "source", "b64_json", "data", "result"):
        value = item.get(name)
        if isinstance(value, str) and isinstance(media, str) and ":" not in value[:20]:
            return f"data:{media};base64,{value}"
        if value and (address := _picture(value)):
            return address
    return ""


def unshown_in(message: Mapping[str, Any]) -> Iterator[str]:
    """Return the kinds of content in a delta, a message or a part that can't be shown."""
    yield from (name for name in MEDIA if message.get(name))


def sources_in(holder: Mapping[str, Any]) -> list[Source]:
    """Return the sources in a payload, a choice or a message."""
    found: list[Source] = []
    for name in SOURCE_LISTS:
        items = holder.get(name)
        if isinstance(items, list):
            found += [source for item in items[:MOST_SOURCES] if (source := _source(item)) is not None]
    for name in SOURCE_HOLDERS:
        inner = holder.get(name)
        for each in inner[:MOST_SOURCES] if isinstance(inner, list) else [inner]:
            if isinstance(each, Mapping):
                found += sources_in(each)
    return found


def _source(item: object) -> Source | None:
    """Parse an address, or an object with an address or at least a title."""
    if isinstance(item, str):
        return _bounded(item.strip(), "")
    if not isinstance(item, Mapping):
        return None
    url = next((item[name] for name in ("url", "link", "uri", "href", "web_url") if _is_text(item.get(name))), "")
    title = next((item[name] for name in ("title", "name", "site_name", "filename") if _is_text(item.get(name))), "")
    if url or title:
        return _bounded(url, title)
    inner = next((item[name] for name in SOURCE_HOLDERS if isinstance(item.get(name), Mapping)), None)
    return _source(inner)


def _bounded(url: str, title: str) -> Source | None:
    url = paired(url) if len(url) <= LONGEST_ADDRESS else ""
    return Source(url, clipped(paired(title), LIMITS.word)) if url or title else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def token_logprobs(logprobs: object) -> tuple[Mapping[str, Any], ...]:
    """Return log probabilities as `{token, logprob, top_logprobs}`, from this form, a bare list or the old form.

    The old form is that of text completions: `{tokens, token_logprobs, top_logprobs}`, each a list.
    """
    if isinstance(logprobs, list):
        logprobs = {"content": logprobs}
    if not isinstance(logprobs, Mapping):
        return ()
    content = logprobs.get("content") or logprobs.get("refusal")
    if isinstance(content, list):
        return tuple(paired_json(token) for token in content if isinstance(token, dict))
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list):
        return ()
    tops = logprobs.get("top_logprobs")
    tops = tops if isinstance(tops, list) and len(tops) == len(tokens) else [None] * len(tokens)
    return tuple(
        {"token": paired(token), "logprob": value, "top_logprobs": _old_top(top)}
        for token, value, top in zip(tokens, values, tops, strict=False)
        if isinstance(token, str) and isinstance(value, (int, float))
    )


def _old_top(top: object) -> list[dict[str, Any]]:
    pairs = top.items() if isinstance(top, Mapping) else ()
    return [{"token": paired(token), "logprob": value} for token, value in pairs if isinstance(value, (int, float))]
