"""A key that does not show itself, and the filter that keeps it out of what comes back."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

from nbchat.values.errors import ConfigError

__all__ = ["MASK", "Key", "Redactor"]

MASK = "[key]"

SHORTEST_SECRET = 4
"""Characters from which a key is worth hiding: "x" or "-" stand for none at all, and occur in every sentence."""

SHORTEST_DISTINCT = 6
"""Characters from which a key can be told from an ordinary word."""

LONGEST_WORD = 15
"""Letters up to which a key of nothing but letters may be an ordinary word."""

PLACEHOLDERS = frozenset(
    {
        "dummy-key",
        "lm-studio",
        "no-api-key",
        "no-key",
        "no-key-required",
        "not-needed",
        "not-used",
        "sk-no-key-required",
    }
)
"""Keys that people give to servers that want none: a model may well say these words."""

_Text = TypeVar("_Text", str, bytes)


class Key:
    """A secret. Its text comes out by `reveal` alone: not by str, repr, format, pickling, or a verbose traceback."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret.strip()

    @classmethod
    def wrap(cls, secret: str | Key | None) -> Key | None:
        """A Key of whatever was given; None for nothing, or an empty text. Raises ConfigError for no text."""
        if secret is None or isinstance(secret, Key):
            return secret
        if not isinstance(secret, str):
            raise ConfigError(f"A key is text; got {type(secret).__name__}.")
        return cls(secret) if secret.strip() else None

    def reveal(self) -> str:
        """The secret's text."""
        return self._secret

    def authorization(self) -> str:
        """The value of the `Authorization` header. Raises ConfigError for what no header can hold."""
        if not (self._secret.isascii() and self._secret.isprintable()):
            raise ConfigError(
                "The key holds a line break or a character that no key has, perhaps from copying."
                " Give it again with %chat key."
            )
        return f"Bearer {self._secret}"

    def redact(self, text: str) -> str:
        """A server's words with every occurrence of the secret masked."""
        return text.replace(self._secret, MASK) if len(self._secret) >= SHORTEST_SECRET else text

    @property
    def distinct(self) -> bool:
        """Whether the secret can't be ordinary words, so that masking it in a model's own text harms nothing."""
        if self._secret.lower() in PLACEHOLDERS:
            return False
        return len(self._secret) >= SHORTEST_DISTINCT and not (
            self._secret.isalpha() and len(self._secret) <= LONGEST_WORD
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash((Key, self._secret))

    def __repr__(self) -> str:
        return "<Key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never written anywhere; give it again where it is needed")


class Redactor(Generic[_Text]):
    """Masks a secret in text or bytes that come in portions, however they are cut.

    Holds back only what may be the secret's beginning. An empty secret masks nothing.
    """

    __slots__ = ("_first", "_held", "_mask", "_secret")

    def __init__(self, secret: _Text, mask: _Text) -> None:
        self._secret: _Text = secret
        self._first: _Text = secret[:1]
        self._mask: _Text = mask
        self._held: _Text = secret[:0]

    @classmethod
    def of_bytes(cls, key: Key | None) -> Redactor[bytes]:
        """A filter for bytes as they come; one that lets all pass where the key is none, or an ordinary word."""
        return Redactor(key.reveal().encode() if key is not None and key.distinct else b"", MASK.encode())

    @classmethod
    def of_text(cls, key: Key | None) -> Redactor[str]:
        """The same for text."""
        return Redactor(key.reveal() if key is not None and key.distinct else "", MASK)

    @property
    def holds(self) -> bool:
        """Whether something waits for what comes next."""
        return bool(self._held)

    def feed(self, piece: _Text) -> _Text:
        """What is safe to give out of this piece and those before."""
        secret = self._secret
        if not secret:
            return piece
        piece = (self._held + piece).replace(secret, self._mask)
        start = piece.find(self._first, max(0, len(piece) - len(secret) + 1))
        while start >= 0 and not secret.startswith(piece[start:]):
            start = piece.find(self._first, start + 1)
        if start < 0:
            self._held = secret[:0]
            return piece
        self._held = piece[start:]
        return piece[:start]

    def flush(self) -> _Text:
        """What was held back: no more comes."""
        held, self._held = self._held, self._secret[:0]
        return held
