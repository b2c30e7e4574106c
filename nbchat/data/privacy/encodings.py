"""Decode the encodings in which a value may be written, so that it is found in any of them."""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Iterator

__all__ = ["variants"]

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def variants(text: str) -> Iterator[str]:
    """Yield the text itself, and the text with URL quoting, JSON escapes and HTML entities decoded if it has any."""
    yield text
    if "%" in text and (unquoted := urllib.parse.unquote_plus(text)) != text:
        yield unquoted
    if "\\u" in text:
        decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        if decoded != text:
            yield decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text and ";" in text and (unescaped := html.unescape(text)) != text:
        yield unescaped
