"""An address, taken apart as a request needs it."""

from __future__ import annotations

import functools
import urllib.parse

from msgspec import Struct

from nbchat.api.http.transport_errors import InvalidAddress

__all__ = ["Address", "address_of"]

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The schemes, with their usual ports."""

_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in a path and a query, beside letters, digits and `_.-`: also escapes that are there already."""


class Address(Struct, frozen=True):
    """Where a request goes. `target` is path and query; `login` is user and password, None = none is in the address."""

    scheme: str
    host: str
    """In ASCII and lower case; without brackets where it is an IPv6 address."""
    port: int
    target: str
    login: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"<Address {self.origin}>"  # the rest may hold secrets

    @property
    def authority(self) -> str:
        """Host and port, as in the header Host: the usual port is left out."""
        return self.host_in_brackets if self.has_usual_port else f"{self.host_in_brackets}:{self.port}"

    @property
    def host_in_brackets(self) -> str:
        """The host, with the brackets of an IPv6 address."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def has_usual_port(self) -> bool:
        """Whether the port is the scheme's own."""
        return self.port == PORTS[self.scheme]

    @property
    def origin(self) -> str:
        """Scheme, host and port as an address."""
        return f"{self.scheme}://{self.authority}"


@functools.lru_cache(maxsize=64)
def address_of(url: str) -> Address:
    """The parsed address. Raises InvalidAddress, whose words never quote it."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:  # also what is no name in IDNA
        raise InvalidAddress("the host or the port can't be read") from None
    if parts.scheme not in PORTS:
        raise InvalidAddress("it begins with neither http:// nor https://")
    if not host or any(sign.isspace() or sign in '<>\\^`{|}"' or sign < "!" for sign in host):
        raise InvalidAddress("it names no host")
    target = urllib.parse.quote(parts.path or "/", safe=_SAFE)
    if parts.query:
        target += "?" + urllib.parse.quote(parts.query, safe=_SAFE)
    login = (urllib.parse.unquote(parts.username or ""), urllib.parse.unquote(parts.password or ""))
    return Address(parts.scheme, host, port or PORTS[parts.scheme], target, login if any(login) else None)
