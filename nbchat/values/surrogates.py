r"""Join the surrogates in text from JSON.

JSON can carry half an emoji (`\ud83d`), and the escapes in a model's JSON can too, but no file, notebook or Arrow column
can hold one.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["paired", "paired_json"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def paired(text: str) -> str:
    """Join surrogate pairs; a lone surrogate becomes U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def paired_json(value: Any) -> Any:
    """Return decoded JSON with every text in it `paired`."""
    if isinstance(value, dict):
        return {paired(name): paired_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [paired_json(item) for item in value]
    return paired(value) if isinstance(value, str) else value
