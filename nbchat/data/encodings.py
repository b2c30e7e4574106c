"""The ways in which one text may be spelled, so that a value is found however it was written."""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Iterator

__all__ = ["variants"]

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def variants(text: str) -> Iterator[str]:
    """A text as it is, and as it reads without URL quoting, JSON escapes and HTML entities, where it has any."""
    yield text
    if "%" in text and (unquoted := urllib.parse.unquote_plus(text)) != text:
        yield unquoted
    if "\\u" in text:
        decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        if decoded != text:
            yield decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text and ";" in text and (unescaped := html.unescape(text)) != text:
        yield unescaped
