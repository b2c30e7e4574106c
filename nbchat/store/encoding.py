"""Encode values for the journal: JSON bytes, lossless for any text, with keys masked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from nbchat.api.keys import Key
from nbchat.values.key_shapes import MASK

__all__ = ["decoded", "decoded_object", "encoded", "plain", "seconds"]


_YEAR_10_000 = 253_402_300_800


def encoded(value: Any, keys: Iterable[Key] = ()) -> bytes:
    """Encode as JSON in UTF-8, preserving lone surrogates and masking every occurrence of a key."""
    return Encoder(keys).encoded(value)


class Encoder:
    """Encodes many values, masking the same keys in all of them."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._secrets = [spelling for key in keys for text in key.texts for spelling in _spellings(text)]
        self._written = [_written(secret)[1:-1] for secret in self._secrets]

    def encoded(self, value: Any) -> bytes:
        """Encode as JSON in UTF-8."""
        text = _written(value)
        if any(secret in text for secret in self._written):
            text = _written(_masked(value, self._secrets))
        return text.encode("utf-8", "surrogatepass")


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def decoded(data: bytes) -> Any:
    """The inverse of `encoded`. Raises ValueError, also for what is no bytes: a damaged column may hold anything."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, TypeError, RecursionError):  # lone surrogates, or NaN, which msgspec refuses
        try:
            return json.loads(data.decode("utf-8", "surrogatepass"))
        except (AttributeError, RecursionError) as error:
            raise ValueError(f"no JSON: {error}") from None


def decoded_object(data: bytes | None) -> dict[str, Any]:
    """An object that was `encoded`; empty = there is none, or it is damaged."""
    try:
        value = decoded(data) if data else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def seconds(value: Any) -> float:
    """A time that was stored, in seconds since the epoch; 0.0 for what no calendar has: a damaged column may hold anything."""
    return value if isinstance(value, float) and abs(value) < _YEAR_10_000 else 0.0


def plain(text: str | None) -> str | None:
    """Make a name or path storable in a column, whatever bytes it came from."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _spellings(secret: str) -> set[str]:
    """A secret as written in plain text, and as written in a text that is itself JSON (a call's arguments)."""
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
