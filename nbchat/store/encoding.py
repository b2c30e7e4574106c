"""How values are written into the journal: JSON as bytes, exact to the character, without any key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from nbchat.api.keys import MASK, Key

__all__ = ["decoded", "encoded", "plain"]


def encoded(value: Any, keys: Iterable[Key] = ()) -> bytes:
    """JSON in UTF-8; surrogates that stand alone are kept as they are. Every occurrence of a key is masked."""
    secrets = [spelling for key in keys for text in key.texts for spelling in _spellings(text)]
    if secrets:
        value = _masked(value, secrets)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "surrogatepass")


def decoded(data: bytes) -> Any:
    """The inverse of `encoded`. Raises ValueError."""
    try:
        return msgspec.json.decode(data)
    except ValueError:  # surrogates that stand alone, or numbers that are none, which it does not take
        return json.loads(data.decode("utf-8", "surrogatepass"))


def plain(text: str | None) -> str | None:
    """A name or a path as a column can hold it, whatever bytes it was made of."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _spellings(secret: str) -> set[str]:
    """A secret as it stands in a text, and as it stands in a text that is JSON itself (a call's arguments)."""
    return {secret, json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1]}


def _masked(value: Any, secrets: Iterable[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, Mapping):
        return {_masked(str(name), secrets): _masked(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, secrets) for item in value]
    return value
