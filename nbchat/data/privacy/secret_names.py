"""Detect environment variables that hold secrets, by the words of their names and the form of their values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ["is_secret_name", "passwords_in"]

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
