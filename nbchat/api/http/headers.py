"""Custom headers, for gateways; their values are secrets like keys."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError

__all__ = ["GivenHeaders", "Headers", "header_pairs", "named_headers"]

Headers = tuple[tuple[str, Key], ...]
"""Names, and values that never display themselves."""

GivenHeaders = Mapping[str, str]
"""Headers as users give them."""

RESERVED = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that describe a request's encoding, which nbchat sets itself."""

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"
_VARIABLE = r"\$\{(\w+)\}|(?<!\S)\$(\w+)"


def header_pairs(headers: GivenHeaders | None, env: Mapping[str, str] = os.environ) -> Headers:
    """Return headers as sent, with `$NAME` or `${NAME}` replaced by that variable. Raises ConfigError."""
    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise ConfigError(f"headers must be a dictionary of names and values; got {type(headers).__name__}.")
    return tuple((_name(name), _value(name, value, env)) for name, value in headers.items())


def named_headers(words: list[str], env: Mapping[str, str] = os.environ) -> Headers:
    """Parse `--header 'NAME=$VAR'` options, whose values come from the environment. Raises ConfigError."""
    headers: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not re.search(_VARIABLE, value):
            known = f" {name.strip()}" if separator and re.fullmatch(_NAME, name.strip()) and len(name) <= 40 else ""
            raise ConfigError(
                f"The header{known} takes its value from the environment, so that it stays out of the notebook:"
                " --header 'NAME=$VARIABLE', or 'NAME=Bearer $VARIABLE'."
            )
        headers[name.strip()] = value.strip()
    return header_pairs(headers, env)


def _name(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise ConfigError("A header's name has only letters, digits and dashes, such as api-key; this one does not.")
    if name.lower() in RESERVED:
        raise ConfigError(f"nbchat sets the header {name} itself.")
    return name


def _value(name: str, value: object, env: Mapping[str, str]) -> Key:
    if isinstance(value, Key):
        return value
    if not isinstance(value, str):
        raise ConfigError(f"The value of the header {name} must be text; got {type(value).__name__}.")

    def from_env(found: re.Match[str]) -> str:
        variable = found[1] or found[2]
        if not (known := env.get(variable, "").strip()):
            raise ConfigError(f"The header {name} needs the variable {variable}, which is not set.")
        return known

    secret = re.sub(_VARIABLE, from_env, value).strip()
    if not (secret and secret.isascii() and secret.isprintable()):
        raise ConfigError(f"The value of the header {name} is empty, or holds a character that headers can't carry.")
    return Key(secret)
