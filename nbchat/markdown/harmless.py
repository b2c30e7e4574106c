"""Model text made safe to show, without the parser where there is no markup."""

from __future__ import annotations

import re

__all__ = ["is_harmless", "safe"]

_HARMLESS = re.compile(r"[A-Za-z0-9 .,;'\"?()*_#+=/\n-]*")


def is_harmless(markdown: str) -> bool:
    """Whether a text may be shown unchanged: it has no character that HTML, links, math or code need.

    True for the first words of most answers, which are then shown without waiting for the parser's import.
    """
    return _HARMLESS.fullmatch(markdown) is not None


def safe(markdown: str, *, images: bool = False) -> str:
    """Return model text that is safe to show; `images`: remote ones are shown too."""
    if is_harmless(markdown):
        return markdown
    from nbchat.markdown.render import render  # takes 20 ms to import

    return render(markdown, images=images)
