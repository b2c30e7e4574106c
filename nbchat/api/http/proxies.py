"""Proxies from the environment or system settings, with their passwords hidden."""

from __future__ import annotations

import os
import urllib.request

import httpx
from msgspec import Struct

from nbchat.api.endpoints import Endpoint
from nbchat.api.http.addresses import is_this_machine, public_url, secrets_in
from nbchat.api.http.requests import parsed
from nbchat.api.keys import Key

__all__ = ["Proxy", "proxy_for", "secrets_toward"]


class Proxy(Struct, frozen=True):
    """A proxy: its address to show, the variable that names it, and its address with user and password."""

    title: str
    variable: str
    whole: Key

    def for_httpx(self) -> httpx.Proxy:
        """Convert it for httpx. Raises ValueError for an invalid address."""
        return httpx.Proxy(self.whole.reveal())

    def redact(self, text: str) -> str:
        """Return a text without user and password."""
        for part in (self.whole.reveal(), *secrets_in(self.whole.reveal())):
            text = text.replace(part, self.title)
        return text


def proxy_for(url: httpx.URL) -> Proxy | None:
    """Return the proxy for an address; None = none."""
    if is_this_machine(url.host):
        return None
    named = urllib.request.getproxies()
    kind = next((kind for kind in (url.scheme, "all") if named.get(kind)), None)
    if kind is None or urllib.request.proxy_bypass(url.netloc.decode("ascii")):
        return None
    whole = named[kind] if "://" in named[kind] else f"http://{named[kind]}"
    variable = next((name for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY") if os.environ.get(name)), "the system")
    return Proxy(_title(whole), variable, Key(whole))


def secrets_toward(endpoint: Endpoint) -> Key | None:
    """Return the secrets to mask in a server's answers: its own, and those of the proxy in between; None = none."""
    try:
        proxy = proxy_for(parsed(endpoint.base_url))
        more = () if proxy is None else secrets_in(proxy.whole.reveal())
    except (httpx.InvalidURL, ValueError):
        return endpoint.secrets
    return endpoint.secrets_and(more)


def _title(url: str) -> str:
    try:
        return public_url(url)
    except ValueError:
        return "an address that can't be parsed"
