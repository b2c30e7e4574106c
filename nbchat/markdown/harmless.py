"""Text in which nothing can be live, told at a glance."""

from __future__ import annotations

import re

__all__ = ["is_harmless"]

_HARMLESS = re.compile(r"[A-Za-z0-9 .,;'\"?()*_#+=/\n-]*")


def is_harmless(markdown: str) -> bool:
    """Whether this text may be shown as it is: it has no character that HTML, links, math or code need.

    Most first words of an answer are such text; it is shown without waiting for the parser to be imported.
    """
    return _HARMLESS.fullmatch(markdown) is not None
