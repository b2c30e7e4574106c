"""The wording of messages: counted nouns, and foreign text in which nothing but web addresses becomes a link."""

from __future__ import annotations

import re

__all__ = ["pluralize", "unlinked"]


def pluralize(number: int, thing: str, things: str | None = None) -> str:
    """Return a count with its noun: "1 row", "2,000 rows". `things` is an irregular plural (None = add "s")."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


_SCHEME = r"(?<!(?<![a-z0-9+.\-])http)(?<!(?<![a-z0-9+.\-])https)(?<=[a-z0-9+.\-]):(?=//)|(?<=data):(?=\S)"


def unlinked(text: str) -> str:
    """Return a text that looks the same, in which only http and https addresses become links.

    JupyterLab turns every `scheme://` in plain text and errors into a link, even `javascript://`. A word joiner
    (U+2060, zero width) after the colon prevents it.
    """
    return re.sub(_SCHEME, ":\u2060", text, flags=re.IGNORECASE) if ":" in text else text
