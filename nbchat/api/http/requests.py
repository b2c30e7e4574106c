"""Build complete requests with the key and headers of their endpoint, which go to its server only."""

from __future__ import annotations

import base64
import os
import urllib.parse

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.call import Timeouts
from nbchat.api.endpoints import Endpoint
from nbchat.api.http.address import Address, address_of
from nbchat.api.http.addresses import is_this_machine
from nbchat.api.http.responses import Response
from nbchat.api.http.transport_errors import InvalidAddress
from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError

__all__ = ["Request", "basic_login", "redirected", "request"]

PLAIN_HTTP_VARIABLE = "NBCHAT_PLAIN_HTTP"
"""A comma-separated list of hosts to which a key may go unencrypted."""


class Request(Struct, frozen=True):
    """A request as it is sent, but for Host and Content-Length. `headers` hold the key, so no repr shows them."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    content: bytes
    timeouts: Timeouts

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.address.origin}>"

    @property
    def address(self) -> Address:
        """The parsed address."""
        return address_of(self.url)


def request(
    method: str,
    url: str,
    *,
    endpoint: Endpoint,
    timeouts: Timeouts,
    content: bytes = b"",
    accept: str = "application/json",
) -> Request:
    """A complete request; `content` is JSON, empty = none.

    Raises InvalidAddress, and ConfigError where its secrets would go over plain http to another machine.
    """
    if endpoint.lacks_key:
        raise ConfigError(
            f"{endpoint.title} needs a key, and none is set: set {endpoint.key_env} before the kernel starts, or run"
            f" %chat key {endpoint.name}. Nothing was sent."
        )
    address = address_of(url)
    _check_encrypted(address, endpoint)
    headers = {"User-Agent": "nbchat", "Accept": accept, "Accept-Encoding": "identity"}
    if content:
        headers["Content-Type"] = "application/json"
    # Each secret is revealed where it is written, so that it stands in no variable that a traceback could show.
    if endpoint.key is not None:
        headers["Authorization"] = endpoint.key.authorization()
    elif address.login is not None:
        headers["Authorization"] = basic_login(address.login)
    own = {name.title() for name, _ in endpoint.headers}
    kept = tuple((name, value) for name, value in headers.items() if name not in own)
    given = tuple((name, value.reveal()) for name, value in endpoint.headers)
    return Request(method, url, kept + given, content, timeouts)


def basic_login(login: tuple[str, str]) -> str:
    """User and password as HTTP's basic scheme has them."""
    return "Basic " + base64.b64encode(":".join(login).encode("utf-8")).decode("ascii")


def _check_encrypted(address: Address, endpoint: Endpoint) -> None:
    if address.scheme != "http" or is_this_machine(address.host):
        return
    secrets: list[Key] = [value for _, value in endpoint.headers]
    if endpoint.key is not None and not endpoint.key.is_placeholder:
        secrets.append(endpoint.key)
    if not secrets and address.login is None:
        return
    confirmed = {host.strip().lower() for host in os.environ.get(PLAIN_HTTP_VARIABLE, "").split(",")}
    if address.host not in confirmed:
        raise ConfigError(
            f"The key would go unencrypted to {endpoint.title}: use an https:// address or, if you trust"
            f" that network, set %env {PLAIN_HTTP_VARIABLE}={address.host}. Nothing was sent."
        )


def redirected(request: Request, response: Response) -> Request | None:
    """The same request to where its server redirects it; None = it does not, or to another server.

    Same is: scheme, host and port, or from http to https at their usual ports. A method that sends is only repeated
    where the status (307, 308) says that it stays the same.
    """
    statuses = (307, 308) if request.method != "GET" else (301, 302, 307, 308)
    if response.status not in statuses or not (location := response.headers.get("location")):
        return None
    try:
        onward = replace(request, url=urllib.parse.urljoin(request.url, location))
        old, new = request.address, onward.address
    except (InvalidAddress, ValueError):
        return None
    is_same = (old.scheme, old.port) == (new.scheme, new.port)
    is_upgrade = (old.scheme, new.scheme) == ("http", "https") and old.has_usual_port and new.has_usual_port
    return onward if old.host == new.host and (is_same or is_upgrade) else None
