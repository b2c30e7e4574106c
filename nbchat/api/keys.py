"""A key that does not show itself."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["Key"]

MASK = "[key]"

SHORTEST_DISTINCT = 8
"""Characters from which a key is distinct enough to be taken out of a model's own text; "ollama" is not."""


class Key:
    """A secret. Its text comes out by `reveal` alone: not by str, repr, format, pickling, or a verbose traceback."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret.strip()

    @classmethod
    def wrap(cls, secret: str | Key | None) -> Key | None:
        """A Key of whatever was given; None for nothing, or an empty text."""
        if isinstance(secret, Key):
            return secret
        return cls(secret) if secret and secret.strip() else None

    def reveal(self) -> str:
        """The secret's text."""
        return self._secret

    def redact(self, text: str) -> str:
        """The text with every occurrence of the secret masked."""
        return text.replace(self._secret, MASK)

    @property
    def distinct(self) -> bool:
        """Whether the secret can't be an ordinary word, so that masking it in long texts harms nothing."""
        return len(self._secret) >= SHORTEST_DISTINCT and not self._secret.isalpha()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash((Key, self._secret))

    def __repr__(self) -> str:
        return "<Key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never written anywhere; give it again where it is needed")


class Redactor:
    """Masks a key in a stream of bytes, however it is cut. Holds back only what may be the key's beginning."""

    def __init__(self, key: Key | None) -> None:
        self._secret = key.reveal().encode() if key is not None and key.distinct else b""
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The bytes that are safe to give out."""
        if not self._secret:
            return data
        data = (self._held + data).replace(self._secret, MASK.encode())
        held = next((n for n in range(min(len(self._secret) - 1, len(data)), 0, -1) if self._ends(data, n)), 0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def _ends(self, data: bytes, size: int) -> bool:
        return data.endswith(self._secret[:size])

    def flush(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held
