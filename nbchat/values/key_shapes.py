"""What API keys look like, so that none is repeated in a message."""

from __future__ import annotations

import re

__all__ = ["MASK", "SECRET_FIELDS", "holds_key", "looks_like_key", "masked", "without_keys", "without_typed_keys"]

MASK = "[key]"

SECRET_FIELDS = frozenset(
    {"api_key", "apikey", "api-key", "access_token", "auth_token", "authorization", "password", "secret"}
)
"""Names of fields that hold secrets, in lower case."""

_START = r"(?:^|(?<=[\s=:'\"(\[{,;/-]))"
_PREFIXED = r"(?:sk|gsk|hf|xai|pplx|ghp|github_pat|glpat|nvapi|r8)[-_]\S+|(?:AIza|AKIA|eyJ)\S+"

_KEY_LIKE = rf"{_START}(?:{_PREFIXED}|(?=[^\s\d]*\d)(?=[^\sa-zA-Z]*[a-zA-Z])\S{{20,}})"
"""Anything that may be a key, including long words of letters and digits, which many model names are."""

_TYPED_KEY = (
    rf"{_START}(?:sk[-_]\S+|(?:gsk|hf|ghp|r8|github_pat)_\S+|(?:xai|pplx|glpat|nvapi)-[A-Za-z0-9]{{16,}}|(?:AIza|AKIA|eyJ)\S+"
    r"|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{32,})"
)
"""The same without what may be the name of a model or a file."""

_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{6,}|[sr]k_(?:live|test)_[A-Za-z0-9]{6,}|(?:xai|pplx|gsk|hf|r8|gh[a-z])[-_][A-Za-z0-9]{16,}"
    r"|(?:github_pat_|glpat-|nvapi-)[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{12,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?)"
)
"""What is certainly a key."""


def looks_like_key(text: str) -> bool:
    """Whether a text given in place of something else may be a key, and must not be repeated."""
    return re.search(_KEY_LIKE, text) is not None


def without_keys(text: str) -> str:
    """Return a user's text with anything that may be a key masked."""
    return re.sub(_KEY_LIKE, MASK, text)


def without_typed_keys(message: str, typed: str) -> str:
    """Return a message about a typed line, with anything in that line that may be a key masked."""
    for word in re.findall(_TYPED_KEY, typed):
        message = message.replace(word.strip("'\"") or word, MASK)
    return masked(message)


def holds_key(text: str) -> bool:
    """Whether a text certainly holds a key."""
    return _KEY.search(text) is not None


def masked(text: str) -> str:
    """Return a text with everything that is certainly a key masked."""
    return _KEY.sub(MASK, text)
