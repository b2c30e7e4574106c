"""Access control of the built-in server: programs that use its own name, and web pages only if the user allows them.

A browser sends requests for any page, even to servers on this machine. Two headers reveal such a page: `Origin`, the
page's address, and `Host`, the name that the page gave to this machine's address (DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from nbchat.builtin.http.refusal import Refusal

__all__ = ["check_key", "check_place", "cors_headers", "is_loopback"]


def check_key(given: str, key: str | None) -> None:
    """Raise Refusal if an `Authorization` header is not `Bearer KEY` (scheme in any case). `key` None = no key needed."""
    if key is None:
        return
    scheme, _, token = given.strip().partition(" ")
    right = hmac.compare_digest(token.strip().encode("latin-1"), key.encode())
    if scheme.lower() != "bearer" or not right:
        raise Refusal("The API key is missing or wrong.", code="invalid_api_key", status=401)


def check_place(host: str | None, origin: str | None, *, bound: str, cors: str | None, keyed: bool) -> None:
    """Raise Refusal for a request that another site's page may have sent.

    `host` and `origin` are the headers (None = not sent), `bound` is the address listened on, `cors` the allowed origin
    ("*" = any, None = only the server's own). With a key the host name is not checked, since other pages have no key.
    """
    name = _hostname(host)
    if host is not None and not keyed and not _is_own_name(name, bound):
        raise Refusal(
            f"This server's name is not {name!r:.80}; use its address, or start it with --host {name:.80}.",
            code="host_not_allowed",
            status=403,
        )
    if origin is not None and cors not in ("*", origin) and origin.partition("://")[2] != host:
        raise Refusal(
            f"Requests from the web page {origin!r:.80} are not allowed; start the server with --cors to allow them.",
            code="origin_not_allowed",
            status=403,
        )


def cors_headers(cors: str | None) -> Mapping[str, str]:
    """Return the CORS headers of a reply; none if `cors` is None."""
    if cors is None:
        return {}
    return {
        "Access-Control-Allow-Origin": cors,
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Private-Network": "true",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def is_loopback(host: str) -> bool:
    """Whether a name or address is a loopback one."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _hostname(host: str | None) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_own_name(name: str, bound: str) -> bool:
    """Whether `name` is one of the server's. Any IP address is, since a page can't make a browser send a false one."""
    if is_loopback(name) or _address(name) is not None or name == bound.lower():
        return True
    own = socket.gethostname().lower()
    return not is_loopback(bound) and name in (own, f"{own}.local", f"{own.partition('.')[0]}.local")
