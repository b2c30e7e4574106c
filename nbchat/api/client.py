"""One request over pooled connections: sent, retried while nothing has come back, read to its end, closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from nbchat.api import limits
from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.failure import describe, error_from, is_unsupported, may_refuse_usage
from nbchat.api.keys import Key
from nbchat.api.limits import RetryPolicy
from nbchat.api.pools import Pools
from nbchat.api.wire import AnswerDecoder, encoded
from nbchat.values.errors import (
    ConnectionFailed,
    ContextTooLong,
    NbchatError,
    ParameterRefused,
    QuotaExceeded,
    ServerError,
    ServerSilent,
)
from nbchat.values.events import (
    Ended,
    Event,
    Failed,
    FirstToken,
    ReasoningDelta,
    RefusalDelta,
    Responded,
    Retrying,
    TextDelta,
    ToolCallDelta,
)

__all__ = ["Call", "Client", "Timeouts"]

LONGEST_ERROR = 65_536
"""Bytes of an error's body that are read."""

ERROR_SECONDS = 5.0
"""How long an error's body is read: its status has said most of it."""

LINGER_SECONDS = 15.0
"""How long a usage count and `[DONE]` are waited for once every choice has finished."""

DRAIN_SECONDS = 0.25
"""How long after `[DONE]` the end of the response is waited for, so that its connection can serve again."""

PROMPT_SECONDS = 0.05
"""How much of that holds up whoever asked: the next request then finds the connection ready."""

STALE_TRIES = 8
"""How often a connection that the server had closed in the pool is replaced before it counts as a failure."""

PIECES = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)

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

    def __init__(self, key: Key) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._key.authorization()
        yield request


class _Refused(Exception):  # a verdict on its way to `answer`, never seen outside
    """A try failed before anything of a reply had come.

    `again`: another try may help, after the `wished` seconds where the server said how long. `stale`: the server had
    closed the pooled connection. `usage`: the wish for a usage count may be what it refuses. `unsupported`: it does
    not take the error's parameter at all.
    """

    def __init__(
        self,
        error: NbchatError,
        *,
        again: bool = False,
        wished: float | None = None,
        stale: bool = False,
        usage: bool = False,
        unsupported: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.wished = wished
        self.stale = stale
        self.usage = usage
        self.unsupported = unsupported


class Client:
    """Sends calls. Lives on one event loop; any number of calls at once."""

    def __init__(self) -> None:
        self._pools = Pools()
        self.capabilities = Capabilities()

    async def answer(self, call: Call, emit: Emit, over: Callable[[], None] = lambda: None) -> None:
        """Make the call; hand its events to `emit` as they come, batch by batch, and call `over` behind the last.

        What goes wrong comes as a `Failed` event. After `over` the response may still be read to its end for a moment.
        Cancelling closes the connection.
        """
        body = dict(call.body)
        if self.capabilities.refuses(call.endpoint.base_url, "", "stream_options"):
            body.pop("stream_options", None)
        attempt, stale = 1, 0
        dropped: NbchatError | None = None

        def ended(whole: bool) -> None:
            if whole:
                self._learn_from_success(call, body, dropped)
            over()

        while True:
            try:
                await _Try(self._pools, call, body, emit, ended).run()
                return
            except _Refused as refused:
                if refused.stale and stale < STALE_TRIES:
                    stale += 1
                    continue
                if refused.usage and dropped is None:
                    del body["stream_options"]
                    dropped = refused.error
                    continue
                wait = call.retries.wait(attempt, refused.wished) if refused.again else None
                if wait is None:
                    self._learn_from_refusal(call, refused)
                    emit([Failed(_after(refused.error, attempt))])
                    over()
                    return
                attempt += 1
                emit([Retrying(wait, _short_reason(refused.error), attempt)])
                await asyncio.sleep(wait)

    def _learn_from_success(self, call: Call, body: Mapping[str, Any], dropped: NbchatError | None) -> None:
        where = call.endpoint.base_url
        if dropped is not None:
            self.capabilities.learn(where, "", "stream_options", str(dropped))
        for name in self.capabilities.refused(where, call.model).keys() & body.keys():
            self.capabilities.forget(where, call.model, name)

    def _learn_from_refusal(self, call: Call, refused: _Refused) -> None:
        error = refused.error
        if isinstance(error, ParameterRefused) and error.param and refused.unsupported:
            self.capabilities.learn(call.endpoint.base_url, call.model, error.param, str(error))

    async def models(self, endpoint: Endpoint, timeout: float = 10.0) -> list[str]:
        """The ids of the server's models, in its order. Raises NbchatError."""
        key = endpoint.key
        try:
            response = await self._pools.open(endpoint.base_url).get(
                endpoint.models_url, auth=_KeyAuth(key) if key else None, timeout=timeout
            )
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _unreachable(Call(endpoint, {}, Timeouts(connect=timeout)), error).error from None
        if response.status_code != 200:
            raise error_from(response.status_code, response.content, server=endpoint.title, key=key)
        return _model_ids(response.content, endpoint)

    async def token_ids(self, endpoint: Endpoint, model: str, text: str, timeout: float = 5.0) -> list[int]:
        """The ids of a text's tokens. Raises NbchatError; also where the server has no tokenizer to ask."""
        bare = {"add_special": False, "add_special_tokens": False}  # llama.cpp's name and vLLM's
        asked = {"model": model, "content": text, "prompt": text, **bare}
        auth = _KeyAuth(endpoint.key) if endpoint.key else None
        for url in endpoint.tokenizer_urls:
            try:
                response = await self._pools.open(url).post(url, json=asked, auth=auth, timeout=timeout)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise _unreachable(Call(endpoint, {}, Timeouts(connect=timeout)), error).error from None
            if response.status_code == 200 and (ids := _token_ids(response.content)) is not None:
                return ids
        raise ServerError(f"{endpoint.title} has no tokenizer to ask, so tokens are given by their ids: ID=BIAS.")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pools.aclose()


class _Try:
    """One sending of a call. Raises _Refused where nothing of a reply came; after that, failures are events.

    `ended` is called behind the last event, with whether the answer is whole.
    """

    def __init__(
        self, pools: Pools, call: Call, body: Mapping[str, Any], emit: Emit, ended: Callable[[bool], None]
    ) -> None:
        self._pools = pools
        self._call = call
        self._body = body
        self._emit = emit
        self._ended = ended
        self._is_over = False
        self._reused = True  # whether it goes out on a connection that had served before
        self._decoder = AnswerDecoder(server=call.endpoint.title, sent=body, key=call.endpoint.key)

    async def run(self) -> None:
        try:
            async with self._send() as response:
                self._reused = False  # a connection that brought a head was not stale
                if not 200 <= response.status_code < 300:
                    raise await self._refusal(response)
                limits_told = limits.rate_limits(response.headers)
                self._emit([Responded(time.perf_counter(), _request_id(response, self._call), limits_told)])
                await self._read(response)
        except NbchatError as error:  # the request can't be sent as it is
            raise _Refused(error) from None
        except httpx.ReadTimeout:
            self._break_off("it went silent", self._silent())
        except (httpx.RequestError, httpx.InvalidURL) as error:
            self._break_off(_words(error), _unreachable(self._call, error, reused=self._reused))

    def _send(self) -> Any:
        call = self._call
        timeouts = call.timeouts
        return self._pools.open(call.endpoint.base_url).stream(
            "POST",
            call.endpoint.chat_url,
            content=encoded(self._body),
            auth=_KeyAuth(call.endpoint.key) if call.endpoint.key else None,
            headers={
                "Content-Type": "application/json",
                "Accept": "text/event-stream" if self._body.get("stream") else "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, write=timeouts.write, pool=None),
            extensions={"trace": self._trace},
        )

    async def _trace(self, name: str, _info: Mapping[str, Any]) -> None:
        """What httpcore tells of its steps."""
        if name.endswith(("connect_tcp.started", "connect_unix_socket.started")):
            self._reused = False

    async def _refusal(self, response: httpx.Response) -> _Refused:
        status, endpoint = response.status_code, self._call.endpoint
        wished = limits.retry_after(response.headers)
        detail = describe(await _error_body(response), endpoint.key)
        error = error_from(
            status,
            detail,
            server=endpoint.title,
            sent=self._body,
            request_id=_request_id(response, self._call),
            retry_after=wished,
            key=endpoint.key,
        )
        should = response.headers.get("x-should-retry")
        again = should == "true" if should in ("true", "false") else status in limits.RETRIED_STATUSES
        return _Refused(
            error,
            again=again and not isinstance(error, (QuotaExceeded, ParameterRefused, ContextTooLong)),
            wished=wished,
            usage=may_refuse_usage(status, detail, self._body),
            unsupported=is_unsupported(detail),
        )

    async def _read(self, response: httpx.Response) -> None:
        """Read to the end of the answer, then for a moment to that of the response."""
        encoding = response.headers.get("content-encoding", "identity")
        portions = response.aiter_raw() if encoding == "identity" else response.aiter_bytes()
        decoder = self._decoder
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                first = True
                async for portion in portions:
                    events = decoder.feed(portion)
                    if first and (place := _first_piece(events)) is not None:
                        first = False
                        events.insert(place, FirstToken(time.perf_counter()))
                    if events:
                        self._emit(events)
                    if decoder.failed or (decoder.done and decoder.begun):
                        break
                    if decoder.finished and limit.when() is None:
                        limit.reschedule(asyncio.get_running_loop().time() + LINGER_SECONDS)
        self._emit_end()
        if decoder.done and not decoder.failed:
            await self._drain(portions)
        self._over()

    async def _drain(self, portions: AsyncIterator[bytes]) -> None:
        """Read what little follows the answer."""
        timer = asyncio.get_running_loop().call_later(PROMPT_SECONDS, self._over)
        try:
            with contextlib.suppress(TimeoutError, httpx.RequestError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in portions:
                        pass
        finally:
            timer.cancel()

    def _break_off(self, words: str, refused: _Refused) -> None:
        """The connection failed. If something of a reply had come, that is how the answer ends."""
        if not self._decoder.begun and not self._decoder.done:
            raise refused from None
        self._emit_end(words)
        self._over()

    def _emit_end(self, broken: str | None = None) -> None:
        self._emit([*self._decoder.end(broken), Ended(time.perf_counter())])

    def _over(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(not self._decoder.failed)

    def _silent(self) -> _Refused:
        title, seconds = self._call.endpoint.title, self._call.timeouts.read
        return _Refused(ServerSilent(f"{title} was silent for {seconds:g} s. Ask again, or allow more with timeout=."))


def _first_piece(events: list[Event]) -> int | None:
    """Where the first piece of an answer stands among events."""
    return next((place for place, event in enumerate(events) if isinstance(event, PIECES)), None)


async def _error_body(response: httpx.Response) -> bytes:
    """The beginning of an error's body; what breaks while it is read is no matter."""
    body = bytearray()
    with contextlib.suppress(TimeoutError, httpx.RequestError):
        async with asyncio.timeout(ERROR_SECONDS):
            async for portion in response.aiter_bytes():
                body += portion
                if len(body) > LONGEST_ERROR:
                    break
    return bytes(body)


def _unreachable(call: Call, error: Exception, *, reused: bool = False) -> _Refused:
    """Why the server could not be reached, in one sentence. Worth another try unless it never can work."""
    title, words = call.endpoint.title, _words(error)
    stale = reused and isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError))
    again = True
    if isinstance(error, httpx.ConnectTimeout):
        sentence = f"{title} did not accept a connection within {call.timeouts.connect:g} s. Is the address right?"
    elif "CERTIFICATE_VERIFY_FAILED" in words:
        sentence = f"{title} could not prove who it is ({words}). Name its CA bundle in SSL_CERT_FILE if you trust it."
        again = False
    elif "SSL" in words:
        sentence = f"{title} can't be spoken to over TLS ({words}). Does its address begin with https:// or http://?"
        again = False
    elif isinstance(error, httpx.ProxyError):
        sentence = f"The proxy did not connect to {title} ({words}). Are HTTP_PROXY, HTTPS_PROXY and NO_PROXY right?"
        again = False
    elif isinstance(error, httpx.ConnectError):
        sentence = f"{title} can't be reached ({words}). Is the server running, and the address right?"
    elif isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        sentence = f"{title} is no address to connect to ({words}). Give a base URL such as https://api.example.com/v1."
        again = False
    else:
        sentence = f"{title} broke off before its answer began ({words}). Run it again."
    return _Refused(ConnectionFailed(sentence), again=again, stale=stale)


def _words(error: Exception) -> str:
    """What a transport error says; some say nothing but their name."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _short_reason(error: NbchatError) -> str:
    return f"HTTP {error.status}" if isinstance(error, ServerError) else "no connection"


def _after(error: NbchatError, tries: int) -> NbchatError:
    """The error, with the number of tries it took to give up."""
    if tries > 1:
        error.args = (f"{error} (Tried {tries} times.)",)
    return error


def _request_id(response: httpx.Response, call: Call) -> str | None:
    names = ("x-request-id", "request-id", "x-generation-id")
    found = next((response.headers[name] for name in names if name in response.headers), None)
    return call.endpoint.key.redact(found) if found and call.endpoint.key else found


def _model_ids(content: bytes, endpoint: Endpoint) -> list[str]:
    """`{data: [{id}]}`, or a bare list of ids or of objects (as some servers answer)."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    rows = body.get("data", body.get("models")) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        said = describe(content, endpoint.key).message
        raise ServerError(f"{endpoint.title} did not list its models{f' ({said})' if said else ''}. Name one with -m.")
    ids = (row.get("id") or row.get("name") if isinstance(row, dict) else row for row in rows)
    return [model for model in ids if isinstance(model, str) and model]


def _token_ids(content: bytes) -> list[int] | None:
    """`{tokens: [id]}`; None = it is something else."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    ids = body.get("tokens") if isinstance(body, dict) else None
    return ids if isinstance(ids, list) and all(type(token) is int for token in ids) else None
