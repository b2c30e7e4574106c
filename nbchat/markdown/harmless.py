"""A fast check for text without any markup."""

from __future__ import annotations

import re

__all__ = ["is_harmless"]

_HARMLESS = re.compile(r"[A-Za-z0-9 .,;'\"?()*_#+=/\n-]*")


def is_harmless(markdown: str) -> bool:
    """Whether a text may be shown unchanged: it has no character that HTML, links, math or code need.

    True for the first words of most answers, which are then shown without waiting for the parser's import.
    """
    return _HARMLESS.fullmatch(markdown) is not None
