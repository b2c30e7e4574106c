"""Dry run: show a cell's exact request instead of sending it."""

from __future__ import annotations

import json
from typing import Any

from nbchat.cells.compose import Composed
from nbchat.conversation.exchange.ask import Ask
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text
from nbchat.values.answer.usage import estimate_tokens
from nbchat.values.wording import pluralize

__all__ = ["dry_run_bundles"]

LONGEST_IMAGE = 80
"""Characters shown of a data: URL; the rest is only counted."""


MARK = "background:rgba(86,180,233,0.16);color:inherit;border-radius:2px;padding:0 2px"
"""A tint that is readable in light and dark themes."""

SOURCE = f'<span style="{chrome.QUIET};font-size:0.8em"> ‹{{}}›</span>'
"""The source of a marked part, shown after it."""


def dry_run_bundles(ask: Ask, composed: Composed) -> list[Bundle]:
    """Return the outputs of a dry run: a line of facts, the message with inserted parts marked, and the JSON."""
    request, endpoint = ask.request(), ask.endpoint
    text = json.dumps(request.body, ensure_ascii=False)
    contents = [message.get("content", "") for message in request.body["messages"]]
    words = "".join(content if isinstance(content, str) else _words(content) for content in contents)
    images = sum(str(content).count("image_url") // 2 for content in contents if not isinstance(content, str))
    facts = [
        "dry run: nothing was sent",
        f"POST {request.url or 'to the built-in model'}",
        f"{len(text.encode('utf-8', 'replace')):,} bytes",
        f"~{estimate_tokens(words):,} tokens" + (f" and {pluralize(images, 'image')}" if images else ""),
        f"key from {endpoint.key_env or 'memory'}" if endpoint.key and not endpoint.is_own else "",
        *composed.notes,
    ]
    bundles = [chrome.line([fact for fact in facts if fact])]
    if any(part.source is not None for part in composed.parts):
        bundles.append(_marked(composed))
    bundles.append(chrome.text_block(json.dumps(_shortened(request.body), ensure_ascii=False, indent=2)))
    return bundles


def _words(content: list[dict[str, Any]]) -> str:
    """Return the text of a message without its images, whose tokens can't be estimated."""
    return "".join(part.get("text", "") for part in content)


def _marked(composed: Composed) -> Bundle:
    """Return the message with each part that came from a value marked with its source."""
    shown, plain = [], []
    for part in composed.parts:
        if part.source is None:
            shown.append(html_text(part.text))
            plain.append(part.text)
        else:
            source = html_text(part.source)
            shown.append(
                f'<mark title="from {source}" style="{MARK}">{html_text(part.text)}{SOURCE.format(source)}</mark>'
            )
            plain.append(f"⟦{part.source}: {part.text}⟧")
    return {
        "text/html": f'<div style="white-space:pre-wrap;line-height:1.6">{"".join(shown)}</div>',
        "text/plain": plain_text("".join(plain)),
    }


def _shortened(value: Any) -> Any:
    """Return the body with long data: URLs shortened."""
    if isinstance(value, str) and value.startswith("data:") and len(value) > LONGEST_IMAGE:
        return f"{value[:LONGEST_IMAGE]}… ({len(value):,} characters)"
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, (list, tuple)) else value
