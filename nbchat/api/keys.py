"""Keys that never display themselves, and filters that mask them in servers' output."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Generic, NoReturn, TypeVar

from nbchat.api.http.addresses import public_url
from nbchat.values.errors import ConfigError
from nbchat.values.key_shapes import MASK

__all__ = ["Key", "Redactor", "Secrets", "beginning", "store_key", "stored_key"]

SHORTEST_SECRET = 4
"""Shortest key that is masked; "x" or "-" are placeholders, and occur in every sentence."""

SHORTEST_DISTINCT = 6
"""Shortest key that can be told from an ordinary word."""

LONGEST_WORD = 15
"""Longest letters-only key that may be an ordinary word."""

PLACEHOLDERS = frozenset(
    {
        "-",
        "dummy",
        "dummy-key",
        "empty",
        "lm-studio",
        "no-api-key",
        "no-key",
        "no-key-required",
        "not-needed",
        "not-used",
        "ollama",
        "sk-no-key-required",
    }
)
"""Placeholder keys for servers that need none; models may well say these words."""

_ESCAPES = frozenset("\\%&")

_Text = TypeVar("_Text", str, bytes)


class Key:
    """A secret. Only `reveal` returns its text: not str, repr, format, pickling, or a verbose traceback."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret.strip()

    @classmethod
    def wrap(cls, secret: str | Key | None) -> Key | None:
        """Return a Key for a text or a Key; None for None or an empty text. Raises ConfigError for anything else."""
        if secret is None or isinstance(secret, Key):
            return secret
        if not isinstance(secret, str):
            raise ConfigError(f"A key must be text; got {type(secret).__name__}.")
        return cls(secret) if secret.strip() else None

    def reveal(self) -> str:
        """The secret's text."""
        return self._secret

    def authorization(self) -> str:
        """The value of the `Authorization` header. Raises ConfigError if a header can't hold it."""
        if not (self._secret.isascii() and self._secret.isprintable()):
            raise ConfigError(
                "The key holds a line break or a character that no key has, perhaps from copying."
                " Give it again with %chat key."
            )
        return f"Bearer {self._secret}"

    def digest(self, salt: bytes) -> bytes:
        """16 bytes that tell it from other keys, and from which it can't be found without the salt."""
        return hashlib.blake2b(self._secret.encode("utf-8", "replace"), key=salt, digest_size=16).digest()

    def redact(self, text: str) -> str:
        """Return a text from the server with every occurrence of the secret masked, escaped ones too if it is distinct."""
        if len(self._secret) >= SHORTEST_SECRET:
            text = text.replace(self._secret, MASK)
        if self.distinct and (not _ESCAPES.isdisjoint(text) or self._secret.lower() in text.lower()):
            return _any_form(self._secret).sub(MASK, text)
        return text

    @property
    def distinct(self) -> bool:
        """Whether the secret can't be ordinary words, so that masking it in a model's own text harms nothing."""
        if self._secret.lower() in PLACEHOLDERS:
            return False
        return len(self._secret) >= SHORTEST_DISTINCT and not (
            self._secret.isalpha() and len(self._secret) <= LONGEST_WORD
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The secrets to mask in a model's own text: itself if it is distinct."""
        return (self._secret,) if self.distinct else ()

    def masked(self, value: Any) -> Any:
        """Return decoded JSON with the secret masked in every text, if it is distinct."""
        texts = self.texts
        return _masked(value, texts) if texts else value

    @property
    def is_placeholder(self) -> bool:
        """Whether it is a placeholder for no key, and not a secret."""
        return self._secret.lower() in PLACEHOLDERS or len(self._secret) < SHORTEST_SECRET

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash((Key, self._secret))

    def __repr__(self) -> str:
        return "<Key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never written anywhere; give it again where it is needed")


class Secrets(Key):
    """The key of a request and the values of its headers, for masking. They are sent separately."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = tuple(sorted(set(parts), key=lambda part: (-len(part), part)))
        super().__init__("\n".join(self._parts))

    @classmethod
    def of(cls, key: Key | None, more: Iterable[str]) -> Key | None:
        """Combine the key with other secrets; None = there are none."""
        parts = {part for part in more if Key(part).distinct}
        if not parts:
            return key
        return cls([*parts, *([key.reveal()] if key is not None else [])])

    @property
    def texts(self) -> tuple[str, ...]:
        """The secrets that can't be ordinary words."""
        return tuple(text for part in self._parts for text in Key(part).texts)

    @property
    def distinct(self) -> bool:
        """Whether any of them is distinct."""
        return bool(self.texts)

    @property
    def is_placeholder(self) -> bool:
        """Whether they are no secrets."""
        return not self.texts

    def redact(self, text: str) -> str:
        """Return a text with every occurrence of each masked."""
        for part in self._parts:
            text = Key(part).redact(text)
        return text


class Redactor(Generic[_Text]):
    """Masks secrets in text or bytes that arrive in portions, however they are split.

    Holds back only a possible beginning of a secret. Without secrets everything passes.
    """

    __slots__ = ("_held", "_mask", "_secrets")

    def __init__(self, secrets: tuple[_Text, ...], mask: _Text) -> None:
        self._secrets: tuple[_Text, ...] = secrets
        self._mask: _Text = mask
        self._held: _Text = mask[:0]

    @classmethod
    def of_bytes(cls, key: Key | None) -> Redactor[bytes]:
        """Return a filter for raw bytes; everything passes if the key is None or may be an ordinary word."""
        return Redactor(tuple(text.encode() for text in key.texts) if key is not None else (), MASK.encode())

    @classmethod
    def of_text(cls, key: Key | None) -> Redactor[str]:
        """Return a filter for text."""
        return Redactor(key.texts if key is not None else (), MASK)

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def feed(self, piece: _Text) -> _Text:
        """Return the text that is safe to emit."""
        if not self._secrets:
            return piece
        piece = self._held + piece
        for secret in self._secrets:
            piece = piece.replace(secret, self._mask)
        end = min(beginning(piece, secret) for secret in self._secrets)
        self._held = piece[end:]
        return piece[:end]

    def flush(self) -> _Text:
        """Return what was held back, at the end."""
        held, self._held = self._held, self._mask[:0]
        return held


@functools.lru_cache
def _any_form(secret: str) -> re.Pattern[str]:
    """A pattern of a secret in any letter case, and as JSON, a URL or a page may quote it."""
    from html import escape  # which takes 4 ms to import

    def forms(char: str) -> str:
        code, plain = ord(char), re.escape(char)
        quoted = plain if char.isalnum() or char == "\\" else rf"{re.escape(escape(char))}|\\{{0,3}}{plain}"
        return rf"(?>\\{{1,9}}+u{code:04x}|%{code:02x}|&#0{{,9}}{code};|&#x0{{,9}}{code:x};|{quoted})"

    return re.compile("".join(map(forms, secret)), re.IGNORECASE)


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
    elif isinstance(value, dict):
        return {_masked(name, secrets): _masked(item, secrets) for name, item in value.items()}
    elif isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    return value


def beginning(text: _Text, secret: _Text) -> int:
    """The index from which the text's end could begin a secret; its length = nowhere."""
    first = secret[:1]
    start = text.find(first, max(0, len(text) - len(secret) + 1))
    while start >= 0 and not secret.startswith(text[start:]):
        start = text.find(first, start + 1)
    return len(text) if start < 0 else start


KEYRING_SERVICE = "nbchat"


@functools.cache
def stored_key(base_url: str) -> Key | None:
    """Return the key that `%chat key --save` stored for this server; None = none, or no keyring.

    Read once per server, because a keyring may be slow or prompt the user.
    """
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        return Key.wrap(keyring.get_password(KEYRING_SERVICE, public_url(base_url)))
    except keyring.errors.KeyringError:
        return None


def store_key(base_url: str, key: Key) -> None:
    """Store a key in the system's keyring. Raises ConfigError if there is none."""
    keyring = _keyring()
    if keyring is None:
        raise ConfigError("Saving a key needs a keyring: pip install 'jupyter-nbchat[keyring]'.")
    try:
        keyring.set_password(KEYRING_SERVICE, public_url(base_url), key.reveal())
    except keyring.errors.KeyringError:
        raise ConfigError(
            "This system has no keyring that stores keys; the key is used until the kernel ends."
        ) from None
    stored_key.cache_clear()


def _keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring
