"""Foreign words as plain text: no address in them becomes a link that leads anywhere but to the web."""

from __future__ import annotations

import re

__all__ = ["unlinked"]

_SCHEME = r"(?<!(?<![a-z0-9+.\-])http)(?<!(?<![a-z0-9+.\-])https)(?<=[a-z0-9+.\-]):(?=//)|(?<=data):(?=\S)"


def unlinked(text: str) -> str:
    """The text as it was to the eye, and no address but http and https live.

    JupyterLab makes a link of every `scheme://` in plain text and in errors, `javascript://` included. A word joiner
    (U+2060, no width) after the colon stops it.
    """
    return re.sub(_SCHEME, ":\u2060", text, flags=re.IGNORECASE) if ":" in text else text
