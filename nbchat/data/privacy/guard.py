"""The guard: refuses any outgoing message that contains a secret or a private value."""

from __future__ import annotations

import base64
import html
import math
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nbchat.data.privacy.marked import MARKED
from nbchat.values.errors import GuardError

if TYPE_CHECKING:
    from nbchat.data.privacy.private_columns import PrivateColumn

__all__ = ["OVERRIDE", "Guard", "check", "environment_secrets"]

OVERRIDE = "--unguarded"
"""The option that sends one message without the check."""

SHORTEST = 8
"""Shortest secret to look for, in characters."""

LETTERS = 12
"""Shortest secret of lower-case letters only: "password" would refuse any message about passwords."""

LEAST_BITS = 16.0
"""Least information of a secret: Shannon entropy of its characters times its length ("11111111" 0, "hunter22" 22)."""


def check(
    texts: Iterable[tuple[str, str]],
    secrets: Mapping[str, str],
    private: Iterable[PrivateColumn] | None = None,
) -> None:
    """Raise GuardError if a text contains a secret or private value. Arguments are those of `Guard` and `Guard.check`."""
    Guard(secrets, private).check(texts)


class Guard:
    """Looks for the secrets and private values of one moment, in any number of messages.

    `secrets` maps labels ("OPENAI_API_KEY", "the key in use") to secrets; those too plain to be one are ignored (see
    `is_secret`). They are found verbatim, URL-quoted, in base64 and with JSON escapes. `private` are the columns to look
    for, None = all marked ones; `private_values` defines which of their values count.
    """

    def __init__(self, secrets: Mapping[str, str], private: Iterable[PrivateColumn] | None = None) -> None:
        self._secrets = {label: _forms(value) for label, value in secrets.items() if is_secret(value)}
        self._columns = [
            (column.name, column.current()) for column in (MARKED.values() if private is None else private)
        ]

    def check(self, texts: Iterable[tuple[str, str]]) -> None:
        """Raise GuardError if a text contains a secret or private value, naming which one and where, never the value.

        `texts` are pairs of a place ("the message", "turn 3", "a tool result") and the text to be sent from there.
        """
        for where, text in texts:
            for form in variants(text):
                self._check_secrets(where, form)
                if self._columns:
                    self._check_columns(where, form)

    def _check_columns(self, where: str, text: str) -> None:
        from nbchat.data.privacy.text_tokens import TextTokens

        words = TextTokens(text)
        for name, values in self._columns:
            if values.found_in(words):
                raise _refusal(where, f"a value of the private column {name!r}")

    def _check_secrets(self, where: str, text: str) -> None:
        for label, forms in self._secrets.items():
            if any(form in text for form in forms):
                raise _refusal(where, label if " " in label else f"the value of {label}")


def _refusal(where: str, what: str) -> GuardError:
    place = where[:1].upper() + where[1:]
    return GuardError(f"{place} contains {what}: remove it, or send it anyway with {OVERRIDE}.")


def environment_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets in an environment: variables with a secret's name and value (`is_secret_name`), and passwords.

    A connection string with a password counts whatever its variable's name.
    """
    found = {}
    for name, value in environ.items():
        inner = next((one for one in passwords_in(value) if len(one) >= SHORTEST and is_secret(one)), "")
        if (inner or is_secret_name(name)) and is_secret(value) and not _is_path(value):
            found[name] = value
        if inner:
            found[f"the password in {name}"] = inner
    return found


def is_secret(value: str) -> bool:
    """Whether a value is long and varied enough that finding it in a text is no coincidence."""
    if len(value) < SHORTEST or (value.isalpha() and value.islower() and len(value) < LETTERS):
        return False
    shares = [number / len(value) for number in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares) * len(value) >= LEAST_BITS


def _is_path(value: str) -> bool:
    """Whether the value names an existing file: the path of a secret is not a secret."""
    try:
        return ("/" in value or "\\" in value) and Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def _forms(secret: str) -> tuple[str, ...]:
    """The forms in which a secret may appear. Base64 depends on the offset: three forms, without their ends."""
    data = secret.encode("utf-8", "surrogatepass")
    forms = {secret, secret.strip(), urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}
    forms.add(secret.replace("\\", "\\\\").replace('"', '\\"'))
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        first, last = (0, 2, 3)[before], (len(data) + before) // 3 * 4
        inner = encoded[first:last].decode("ascii")
        if len(inner) >= SHORTEST:
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return tuple(sorted(forms))


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


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_SECRET_WORD = re.compile(
    r".*(?:PASSW|PASSPHRASE|PASSCODE|CREDENTIAL|APIKEY).*"
    r"|(?:.*[^A-Z])?SECRETS?|.*SECRET|.*TOKENS?|.*(?<!COM)(?<!BY)(?<!SUR)PASS|.*DSN|.*PWD|PAT|JWT|.*KEYS?"
)
_NO_KEY = frozenset(["MONKEY", "TURKEY", "DONKEY", "HOCKEY", "JOCKEY", "WHISKEY", "HOTKEY", "HOTKEYS", "MONKEYS"])
_KEYS_OF_DATA = frozenset(
    """PRIMARY FOREIGN PUBLIC SORT PARTITION SHARD GROUP ORDER UNIQUE COMPOSITE SURROGATE NATURAL ROW CACHE HOT
    LOOKUP INDEX MERGE JOIN DISTRIBUTION CANDIDATE BUSINESS""".split()  # noqa: SIM905 - a list of words reads as one
)
_NOT_ITSELF = frozenset(
    """URL URI ENDPOINT HEADER HEADERS PATH FILE FILENAME DIR DIRECTORY NAME TYPE LIMIT LENGTH SIZE COUNT TTL EXPIRY
    EXPIRES ALGORITHM ALG PREFIX SUFFIX HOST PORT USER USERNAME ISSUER AUDIENCE LAYOUT REGEX PATTERN POLICY FORMAT
    ENABLED PARALLELISM COLUMN COLUMNS FIELD MODEL PROVIDER BACKEND VERSION TIMEOUT MIN MAX""".split()  # noqa: SIM905 - a list of words reads as one
)
"""Words after a secret's name that make it a property of the secret (`TOKEN_LIMIT`)."""

_CONNECTION = re.compile(
    r"(?:.*_)?(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO|MONGODB|REDIS|AMQP|RABBITMQ|BROKER|CLICKHOUSE)_UR[LI]"
    r"|.*CONN(?:ECTION)?_?STR(?:ING)?|.*WEBHOOK.*"
)
_IN_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^\s/?#@:]*:([^\s/?#]+)@")
_IN_FIELDS = re.compile(
    r"(?:^|[;\s])(?:password|pwd|accountkey|sharedaccesskey|secret)\s*=\s*(\"[^\"]+\"|'[^']+'|[^;\s]+)", re.IGNORECASE
)


def is_secret_name(name: str) -> bool:
    """Whether a variable is named as a secret (`DB_PASS`, `GITHUB_PAT`), rather than as a property of one."""
    if _CONNECTION.fullmatch(name.upper()):
        return True
    words = [word.upper() for word in _WORD.findall(name)]
    if not words or words[-1] in _NOT_ITSELF or name.upper() in ("PWD", "OLDPWD"):
        return False
    return any(_is_secret_word(word, before) for before, word in zip(["", *words], words, strict=False))


def _is_secret_word(word: str, before: str) -> bool:
    if word in _NO_KEY or (word in ("KEY", "KEYS") and before in _KEYS_OF_DATA):
        return False
    return _SECRET_WORD.fullmatch(word) is not None


def passwords_in(value: str) -> Iterator[str]:
    """Yield the passwords in a connection string: a URL with a user, or `Server=…;Password=…`."""
    for match in _IN_ADDRESS.finditer(value):
        yield match[1]
        yield unquote(match[1])
    for match in _IN_FIELDS.finditer(value):
        yield match[1].strip("\"'")
