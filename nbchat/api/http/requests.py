"""Build complete requests with the key and headers of their endpoint, which go to its server only."""

from __future__ import annotations

import functools
import os

import httpx

from nbchat.api.endpoints import Endpoint
from nbchat.api.http.addresses import is_this_machine
from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError

__all__ = ["parsed", "redirected", "request"]

PLAIN_HTTP_VARIABLE = "NBCHAT_PLAIN_HTTP"
"""A comma-separated list of hosts to which a key may go unencrypted."""


def request(
    method: str,
    url: str,
    *,
    endpoint: Endpoint,
    timeout: httpx.Timeout,
    content: bytes | None = None,
    accept: str = "application/json",
) -> httpx.Request:
    """A complete request; `content` is JSON.

    Raises httpx.InvalidURL, and ConfigError if its secrets would go over plain http to another machine.
    """
    if endpoint.lacks_key:
        raise ConfigError(
            f"{endpoint.title} needs a key, and none is set: set {endpoint.key_env} before the kernel starts, or run"
            f" %chat key {endpoint.name}. Nothing was sent."
        )
    made = httpx.Request(
        method,
        parsed(url),
        headers=_headers(accept, has_content=content is not None),
        content=content,
        extensions={"timeout": timeout.as_dict()},
    )
    _check_encrypted(made.url, endpoint)
    if endpoint.key is not None:  # set on the request, so that no variable in a traceback holds it
        made.headers["Authorization"] = endpoint.key.authorization()
    elif made.url.userinfo:
        next(httpx.BasicAuth(made.url.username, made.url.password).auth_flow(made))
    for name, value in endpoint.headers:
        made.headers[name] = value.reveal()
    return made


@functools.lru_cache
def _headers(accept: str, *, has_content: bool) -> httpx.Headers:
    """Return the headers of every request, of which each gets a copy."""
    more = {"Content-Type": "application/json"} if has_content else {}
    return httpx.Headers({"User-Agent": "nbchat", "Accept": accept, "Accept-Encoding": "identity", **more})


@functools.lru_cache
def parsed(url: str) -> httpx.URL:
    """Parse an address, cached because parsing takes longer than writing the request. Raises httpx.InvalidURL."""
    try:
        return httpx.URL(url)
    except UnicodeEncodeError as error:  # a lone surrogate
        raise httpx.InvalidURL(str(error)) from None


def _check_encrypted(url: httpx.URL, endpoint: Endpoint) -> None:
    if url.scheme != "http" or is_this_machine(url.host):
        return
    secrets: list[Key] = [value for _, value in endpoint.headers]
    if endpoint.key is not None and not endpoint.key.is_placeholder:
        secrets.append(endpoint.key)
    if not secrets and not url.userinfo:
        return
    confirmed = {host.strip().lower() for host in os.environ.get(PLAIN_HTTP_VARIABLE, "").split(",")}
    if url.host not in confirmed:
        raise ConfigError(
            f"The key would go unencrypted to {endpoint.title}: use an https:// address or, if you trust"
            f" that network, set %env {PLAIN_HTTP_VARIABLE}={url.host}. Nothing was sent."
        )


def redirected(request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
    """Return the redirected request; None = not a redirect, or one to another server.

    The same server has the same scheme, host and port, or changes from http to https at their default ports. A POST is
    only repeated if the status (307, 308) preserves the method.
    """
    statuses = (307, 308) if request.method != "GET" else (301, 302, 303, 307, 308)
    if response.status_code not in statuses or not (location := response.headers.get("location")):
        return None
    try:
        url = request.url.join(location)
    except (httpx.InvalidURL, ValueError):
        return None
    upgraded = (request.url.scheme, url.scheme, request.url.port, url.port) == ("http", "https", None, None)
    if url.host != request.url.host or not (
        upgraded or (url.scheme, url.port) == (request.url.scheme, request.url.port)
    ):
        return None
    return httpx.Request(
        request.method, url, headers=request.headers, content=request.content, extensions=request.extensions
    )
