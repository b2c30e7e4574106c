"""One request over pooled connections: sent, retried while nothing has come back, read to its end, closed."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from nbchat.api import limits
from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.failure import describe, error_from
from nbchat.api.keys import Key, Redactor
from nbchat.api.limits import RetryPolicy
from nbchat.api.network import AsyncioBackend
from nbchat.api.wire import AnswerDecoder
from nbchat.values.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    ContextTooLong,
    ModelNotFound,
    NbchatError,
    ParameterRefused,
    QuotaExceeded,
    ServerError,
    ServerSilent,
)
from nbchat.values.events import Ended, Event, Failed, FirstToken, Responded, Retrying

__all__ = ["Call", "Client", "Timeouts"]

LONGEST_ERROR = 65_536
"""Bytes of an error's body that are read."""

DRAIN_SECONDS = 0.25
"""How long after `[DONE]` the end of the response is waited for, so that its connection can serve again."""

STALE_TRIES = 8
"""How often a connection that the server had closed in the pool is replaced before it counts as a failure."""

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

Emit = Callable[[list[Event]], None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `read` is the longest silence, also before the first token: a long prompt may take minutes."""

    connect: float = 10.0
    read: float = 600.0
    write: float = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make."""

    endpoint: Endpoint
    body: Mapping[str, Any]
    timeouts: Timeouts = Timeouts()
    retries: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def model(self) -> str:
        """The model asked for; empty = none named."""
        return str(self.body.get("model", ""))


class _KeyAuth(httpx.Auth):
    """Puts the key on the request itself, so that it stands in no variable that a traceback could show."""

    def __init__(self, key: Key | None) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._key is not None:
            request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


class _Refused(Exception):  # a verdict on its way to `answer`, never seen outside
    """A try failed before anything of a reply had come. `wished` is the wait the server asks for, in seconds."""

    def __init__(self, error: NbchatError, *, again: bool, wished: float | None = None, stale: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.wished = wished
        self.stale = stale


class Client:
    """Sends calls. Lives on one event loop; any number of calls at once."""

    def __init__(self) -> None:
        self._pools: dict[tuple[Any, ...], httpx.AsyncClient] = {}
        self.capabilities = Capabilities()

    async def answer(self, call: Call, emit: Emit, over: Callable[[], None] = lambda: None) -> None:
        """Make the call; hand its events to `emit` as they come, batch by batch, and call `over` behind the last.

        What goes wrong comes as a `Failed` event. After `over` the response may still be read to its end for a moment.
        Cancelling closes the connection.
        """
        body = dict(call.body)
        if self.capabilities.refuses(call.endpoint.base_url, "", "stream_options"):
            body.pop("stream_options", None)
        attempt = stale = 1
        while True:
            try:
                await self._try(call, body, emit, over)
                return
            except _Refused as refused:
                if refused.stale and stale < STALE_TRIES:
                    stale += 1
                    continue
                if self._may_be_usage_wish(refused.error, body):
                    await self._answer_without_usage(call, body, refused.error, emit, over)
                    return
                wait = call.retries.wait(attempt, refused.wished) if refused.again else None
                if wait is None:
                    self._learn(call, refused.error)
                    emit([Failed(_after(refused.error, attempt))])
                    over()
                    return
                attempt += 1
                emit([Retrying(wait, _short_reason(refused.error), attempt)])
                await asyncio.sleep(wait)

    async def _answer_without_usage(
        self, call: Call, body: dict[str, Any], refusal: NbchatError, emit: Emit, over: Callable[[], None]
    ) -> None:
        """Once more without the wish for a usage count, which this server may not know."""
        body = {name: value for name, value in body.items() if name != "stream_options"}
        try:
            await self._try(call, body, emit, over)
        except _Refused:
            self._learn(call, refusal)
            emit([Failed(refusal)])
            over()
        else:
            self.capabilities.learn(call.endpoint.base_url, "", "stream_options", str(refusal))

    @staticmethod
    def _may_be_usage_wish(error: NbchatError, body: Mapping[str, Any]) -> bool:
        """Whether the wish for a usage count may be what the server refuses: it names it, or names nothing at all."""
        if "stream_options" not in body or not isinstance(error, ServerError) or error.status not in (400, 422, 500):
            return False
        if isinstance(error, ParameterRefused):
            return error.param == "stream_options"
        known = isinstance(error, (AuthenticationFailed, ContextTooLong, ModelNotFound, QuotaExceeded))
        return error.status != 500 and not known

    def _learn(self, call: Call, error: NbchatError) -> None:
        if isinstance(error, ParameterRefused) and error.param:
            self.capabilities.learn(call.endpoint.base_url, call.model, error.param, str(error))

    async def _try(self, call: Call, body: Mapping[str, Any], emit: Emit, over: Callable[[], None]) -> None:
        """One try. Raises _Refused where nothing of a reply came; after that, failures are events."""
        connection = _Connection()
        decoder = AnswerDecoder(
            server=call.endpoint.title, sent=body, redact=call.endpoint.key.redact if call.endpoint.key else str
        )
        try:
            async with self._send(call, body, connection) as response:
                if response.status_code >= 300:
                    raise await self._refusal(call, body, response)
                emit(
                    [Responded(time.perf_counter(), _request_id(response, call), limits.rate_limits(response.headers))]
                )
                await _read(response, decoder, Redactor(call.endpoint.key), emit, over)
        except httpx.ReadTimeout:
            error: NbchatError = ServerSilent(
                f"{call.endpoint.title} was silent for {call.timeouts.read:g} s. Ask again, or allow more (timeout=)."
            )
            if not decoder.begun:
                raise _Refused(error, again=False) from None
            emit([*decoder.end("it went silent"), *([] if decoder.failed else [Failed(error)])])
            over()
        except (httpx.TransportError, httpx.InvalidURL, ssl.SSLError) as error:
            if decoder.begun or decoder.done:
                emit([*decoder.end(_words(error)), Ended(time.perf_counter())])
                over()
            else:
                stale = connection.reused and isinstance(
                    error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
                )
                raise _connection_refusal(call, error, stale=stale) from None

    def _send(self, call: Call, body: Mapping[str, Any], connection: _Connection) -> Any:
        http = self._pool(call.endpoint.base_url)
        timeouts = call.timeouts
        return http.stream(
            "POST",
            call.endpoint.chat_url,
            json=body,
            auth=_KeyAuth(call.endpoint.key),
            headers={
                "Accept": "text/event-stream" if body.get("stream") else "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, write=timeouts.write, pool=None),
            extensions={"trace": connection.trace},
        )

    async def _refusal(self, call: Call, body: Mapping[str, Any], response: httpx.Response) -> _Refused:
        headers = {name.lower(): value for name, value in response.headers.items()}
        wished = limits.retry_after(headers)
        error = error_from(
            response.status_code,
            await _error_body(response),
            server=call.endpoint.title,
            sent=body,
            request_id=_request_id(response, call),
            retry_after=wished,
            redact=call.endpoint.key.redact if call.endpoint.key else str,
        )
        again = response.status_code in limits.RETRIED_STATUSES
        if headers.get("x-should-retry") in ("true", "false"):
            again = headers["x-should-retry"] == "true"
        if isinstance(error, (QuotaExceeded, ParameterRefused, ContextTooLong)):
            again = False
        return _Refused(error, again=again, wished=wished)

    async def models(self, endpoint: Endpoint, timeout: float = 10.0) -> list[str]:
        """The ids of the server's models, in its order. Raises NbchatError."""
        http = self._pool(endpoint.base_url)
        try:
            response = await http.get(endpoint.models_url, auth=_KeyAuth(endpoint.key), timeout=timeout)
        except (httpx.TransportError, httpx.InvalidURL, ssl.SSLError) as error:
            raise _connection_refusal(Call(endpoint, {}), error).error from None
        redact = endpoint.key.redact if endpoint.key else str
        if response.status_code != 200:
            raise error_from(response.status_code, response.content, server=endpoint.title, redact=redact)
        return _model_ids(response.content, endpoint)

    def _pool(self, url: str) -> httpx.AsyncClient:
        """The connections for servers like this one, as the environment's proxies and certificates stand now."""
        secure = url.startswith("https:")
        local = _is_loopback(httpx.URL(url).host)
        names = () if local else (*PROXY_VARIABLES, *CERTIFICATE_VARIABLES)
        key = (secure, local, *(os.environ.get(name) or os.environ.get(name.lower()) for name in names))
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = _open_pool(secure=secure, proxied=not local)
        return pool

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()


class _Connection:
    """Whether a request went out on a connection that had served before, as httpcore's trace tells."""

    def __init__(self) -> None:
        self.reused = True

    async def trace(self, name: str, _info: Mapping[str, Any]) -> None:
        if name.endswith(("connect_tcp.started", "connect_unix_socket.started")):
            self.reused = False


def _open_pool(*, secure: bool, proxied: bool) -> httpx.AsyncClient:
    """A pool without a limit: what may run at once is for the callers' limits to say.

    Loading the certificates takes longer than a whole local request, so a context for plain http has none: should it
    ever be asked to encrypt (an encrypted proxy), it fails closed.
    """
    verify: ssl.SSLContext | bool
    if secure or (proxied and any(os.environ.get(name) or os.environ.get(name.lower()) for name in PROXY_VARIABLES)):
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        verify = ssl.create_default_context(cafile=bundle) if bundle and not named else True
    else:
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = httpx.AsyncClient(
        verify=verify,
        trust_env=proxied,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0),
        headers={"User-Agent": "nbchat"},
    )
    # httpx has no argument for httpcore's (public) network backend; where these names change, the stock one serves.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001  # as said
        pool = getattr(transport, "_pool", None)
        if pool is not None and hasattr(pool, "_network_backend"):
            pool._network_backend = AsyncioBackend()  # noqa: SLF001  # as said
    return client


async def _read(
    response: httpx.Response, decoder: AnswerDecoder, redactor: Redactor, emit: Emit, over: Callable[[], None]
) -> None:
    """Read a response to the end of its answer, then for a moment to its own end."""
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    portions: AsyncIterator[bytes] = response.aiter_bytes() if encoded else response.aiter_raw()
    first = True
    async for portion in portions:
        if events := decoder.feed(redactor.feed(portion)):
            if first and decoder.begun:
                first = False
                events.insert(0, FirstToken(time.perf_counter()))
            emit(events)
        if decoder.failed or (decoder.done and decoder.begun):
            break
    emit([*decoder.feed(redactor.flush()), *decoder.end(), Ended(time.perf_counter())])
    over()
    if decoder.done and not decoder.failed:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in portions:
                    pass
        except (TimeoutError, httpx.TransportError):
            pass


async def _error_body(response: httpx.Response) -> bytes:
    """The beginning of an error's body; what breaks while it is read is no matter."""
    body = bytearray()
    try:
        async for portion in response.aiter_bytes():
            body += portion
            if len(body) > LONGEST_ERROR:
                break
    except httpx.HTTPError:
        pass
    return bytes(body)


def _connection_refusal(call: Call, error: Exception, *, stale: bool = False) -> _Refused:
    """Why the server could not be reached, in one sentence. Worth another try unless it never can work."""
    title, words = call.endpoint.title, _words(error)
    if isinstance(error, httpx.ConnectTimeout):
        sentence = f"{title} did not accept a connection within {call.timeouts.connect:g} s. Is the address right?"
    elif "CERTIFICATE_VERIFY_FAILED" in words:
        sentence = f"{title} could not prove who it is ({words}). Name your CA bundle in SSL_CERT_FILE."
    elif isinstance(error, httpx.ConnectError):
        sentence = f"{title} can't be reached ({words}). Is the server running, and the address right?"
    elif isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        sentence = f"{title} is no address to connect to ({words}). Give a base URL such as https://api.example.com/v1."
    else:
        sentence = f"{title} broke off before its answer began ({words}). Run it again."
    hopeless = "CERTIFICATE" in words or isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol))
    return _Refused(ConnectionFailed(sentence), again=not hopeless, stale=stale)


def _words(error: Exception) -> str:
    """What a transport error says; some say nothing but their name."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _short_reason(error: NbchatError) -> str:
    if isinstance(error, ServerError):
        return f"HTTP {error.status}"
    return "no connection" if isinstance(error, ConnectionFailed) else type(error).__name__


def _after(error: NbchatError, tries: int) -> NbchatError:
    """The error, with the number of tries it took to give up."""
    if tries > 1:
        error.args = (f"{error} (Tried {tries} times.)",)
    return error


def _request_id(response: httpx.Response, call: Call) -> str | None:
    found = next(
        (response.headers[n] for n in ("x-request-id", "request-id", "x-generation-id") if n in response.headers), None
    )
    return call.endpoint.key.redact(found) if found and call.endpoint.key else found


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _model_ids(content: bytes, endpoint: Endpoint) -> list[str]:
    """`{data: [{id}]}`, or a bare list of ids or of objects (as some servers answer)."""
    import json

    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    rows = body.get("data", body.get("models")) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        said = describe(content).message
        raise ServerError(f"{endpoint.title} did not list its models{': ' + said if said else ''}. Name one with -m.")
    ids = (row.get("id") or row.get("name") if isinstance(row, dict) else row for row in rows)
    return [model for model in ids if isinstance(model, str) and model]
