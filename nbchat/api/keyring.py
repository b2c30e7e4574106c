"""Keys stored in the system keyring, one per server."""

from __future__ import annotations

import functools
from typing import Any

from nbchat.api.http.addresses import public_url
from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError

__all__ = ["store_key", "stored_key"]

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
