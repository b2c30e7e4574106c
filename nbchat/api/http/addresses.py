"""Server addresses: normalization, display without secrets, and comparison."""

from __future__ import annotations

import base64
import functools
import ipaddress
import re
import urllib.parse

from nbchat.values.errors import ConfigError

__all__ = ["is_same_server", "is_this_machine", "normal_url", "public_url", "secrets_in", "with_path"]

# Cached, because sessions resolve their server for each request.


@functools.lru_cache
def with_path(base_url: str, path: str) -> str:
    """Append a path to a base URL, keeping its query (`?api-version=…`)."""
    parts = urllib.parse.urlsplit(base_url)
    return urllib.parse.urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


@functools.lru_cache
def public_url(url: str) -> str:
    """Return the address without user, password, query and fragment, which may hold secrets."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


@functools.lru_cache
def secrets_in(url: str) -> tuple[str, ...]:
    """Return an address's secrets (its password, keys in its query) in each form in which a server may echo them."""
    parts = urllib.parse.urlsplit(url)
    found = [value for name, value in urllib.parse.parse_qsl(parts.query) if re.search(_SENSITIVE, name)]
    written = parts.netloc.rpartition("@")[0]
    for login in (written, urllib.parse.unquote(written)):
        user, colon, password = login.partition(":")
        found += [login, password if colon else user, base64.b64encode(login.encode()).decode()]
    return tuple(dict.fromkeys(secret for secret in found if secret))


_SENSITIVE = r"(?i)key|token|secret|password|sig(nature)?$"


@functools.lru_cache
def normal_url(text: str) -> str:
    """Normalize a base URL: add a missing scheme, remove the path of a call or of the list of models.

    The default scheme is https, for this machine http. Raises ConfigError for anything but an http(s) address.
    """
    text = text.strip()
    try:
        if "://" not in text:
            host = urllib.parse.urlsplit(f"http://{text}").hostname or ""
            text = f"{'http' if is_this_machine(host) else 'https'}://{text}"
        parts = urllib.parse.urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(f"A base URL looks like https://api.example.com/v1; got {_public_or_raw(text)!r}.")
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    path = re.sub(r"(/(chat|completions|responses|models))+$", "", path)
    return urllib.parse.urlunsplit(parts._replace(path=path, fragment=""))


def _public_or_raw(text: str) -> str:
    """Return `public_url` of a text if it can be parsed, else the text."""
    try:
        return public_url(text)
    except ValueError:
        return "not a URL"


def is_same_server(one: str, other: str) -> bool:
    """Whether two base URLs share scheme, host and port, so that a key for one may be sent to the other."""
    return _origin(one) == _origin(other)


def _origin(base_url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(base_url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


@functools.lru_cache
def is_this_machine(host: str) -> bool:
    """Whether a host name or IP address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified
