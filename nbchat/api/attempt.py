"""One attempt at a call: returns events, or fails with advice on retrying."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from nbchat.api.answer.payload import PIECES
from nbchat.api.call import Call
from nbchat.api.error_body import describe
from nbchat.api.failure import FINAL, error_from, is_temporary, is_unsupported, may_refuse_usage
from nbchat.api.http.connection_failure import what_happened, words_of
from nbchat.api.http.network import connects
from nbchat.api.http.pools import Pools
from nbchat.api.http.proxies import secrets_toward
from nbchat.api.http.requests import request
from nbchat.api.http.unpacking import unpacked
from nbchat.api.keys import Key
from nbchat.api.pacing import rate_limits as limits
from nbchat.api.pacing.pace import Slot
from nbchat.api.wire import AnswerDecoder, encoded
from nbchat.values.answer.events import (
    Ended,
    Event,
    FirstToken,
    Responded,
)
from nbchat.values.errors import (
    ConnectionFailed,
    NbchatError,
    ProtocolError,
    ServerSilent,
)
from nbchat.values.limits import LIMITS, clipped

__all__ = ["Attempt", "AttemptFailed", "Emit", "unreachable"]

LINGER_SECONDS = 15.0
"""Seconds to wait for a usage count and `[DONE]` after every choice has finished."""

DONE_SECONDS = 3.0
"""Seconds to wait for `[DONE]` alone; without it only a reusable connection is lost."""

DOUBT_SECONDS = 60.0
"""Seconds to wait after a finish reason in the first piece of an answer, since more may follow."""

KEPT_SECONDS = 60.0
"""Seconds that a server may keep the connection open after the end of an answer."""

DRAIN_SECONDS = 0.25
"""Seconds to wait for the end of the response after `[DONE]`, so that the connection can be reused."""

PROMPT_SECONDS = 0.05
"""The part of it that delays the caller, so that the next request finds the connection ready."""

Emit = Callable[[list[Event]], None]
"""Receives batches of events."""


class AttemptFailed(Exception):  # internal: handled by the client
    """An attempt failed before any of a reply arrived.

    `again`: a retry may help, after `asked_delay` seconds if the server asked for a delay. `stale`: the server had closed
    the pooled connection. `usage`: the request for a usage count may be the cause. `unsupported`: the server does not
    accept the error's parameter at all. `hollow`: the answer began and ended empty, without a reason.
    """

    def __init__(
        self,
        error: NbchatError,
        *,
        again: bool = False,
        asked_delay: float | None = None,
        stale: bool = False,
        usage: bool = False,
        unsupported: bool = False,
        hollow: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.asked_delay = asked_delay
        self.stale = stale
        self.usage = usage
        self.unsupported = unsupported
        self.hollow = hollow


class Attempt:
    """One attempt at a call. Raises AttemptFailed if no reply arrived; later failures are events.

    `ended` is called after the last event, with whether the answer is complete. `known`: the address has answered before.
    """

    def __init__(
        self,
        pools: Pools,
        call: Call,
        body: Mapping[str, Any],
        emit: Emit,
        ended: Callable[[bool], None],
        slot: Slot,
        *,
        known: bool = False,
    ) -> None:
        self._pools = pools
        self._call = call
        self._body = body
        self._emit = emit
        self._ended = ended
        self._slot = slot
        self._is_over = False
        self._finished_at: float | None = None  # when the last piece arrived of an answer whose choices have finished
        self._is_kept = False  # whether bytes still arrive after that, so that a deadline ends the wait
        self._responded = False
        self._known = known
        self._secrets = secrets_toward(call.endpoint)
        self._decoder = AnswerDecoder(server=call.endpoint.title, sent=body, key=self._secrets, known=known)

    async def run(self) -> None:
        """Send the request and read the answer to its end."""
        broken, refused = await self._try()
        if refused is not None:  # raised outside the transport's error, whose frames hold secrets
            self._break_off(broken, refused)

    async def _try(self) -> tuple[str | None, AttemptFailed | None]:
        """Run the attempt; return the transport's error (None = none) and the failure."""
        connects.set(False)
        responded = False
        try:
            async with asyncio.timeout(LIMITS.seconds.most), self._pools.send(self._request()) as response:
                responded = True
                if not 200 <= response.status_code < 300:
                    return None, await self._refusal(response)
                rate_limits = limits.rate_limits(response.headers)
                self._slot.answered(rate_limits)
                self._responded = True
                self._emit([Responded(time.perf_counter(), _request_id(response, self._secrets), rate_limits)])
                return None, await self._read(response)
        except NbchatError as error:  # the request can't be sent as it is
            return None, AttemptFailed(error)
        except TimeoutError:
            return f"it took {LIMITS.seconds}", AttemptFailed(LIMITS.seconds.error(self._call.endpoint.title))
        except httpx.ReadTimeout:
            return "it went silent", self._silent()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            stale = not (responded or connects.get())  # one that brings a head is not
            return words_of(error, self._secrets), unreachable(self._call, error, reused=stale)

    def _request(self) -> httpx.Request:
        call, timeouts = self._call, self._call.timeouts
        return request(
            "POST",
            call.endpoint.chat_url,
            endpoint=call.endpoint,
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, write=timeouts.write, pool=None),
            content=encoded(self._body) if call.payload is None else call.payload,
            accept="text/event-stream" if self._body.get("stream") else "application/json",
        )

    async def _refusal(self, response: httpx.Response) -> AttemptFailed:
        status, endpoint = response.status_code, self._call.endpoint
        detail = describe(_moved_to(response) or await _error_body(response), self._secrets)
        rate_limits = limits.rate_limits(response.headers)
        self._slot.answered(rate_limits)
        asked_delay = limits.retry_after(response.headers)
        asked_delay = detail.retry_after if asked_delay is None else asked_delay
        if asked_delay is None and status in limits.TOO_MANY_STATUSES:
            asked_delay = limits.delay_in_message(detail.message)
        if asked_delay is None and status == HTTPStatus.TOO_MANY_REQUESTS:
            asked_delay = limits.delay_in_limits(rate_limits)
        error = error_from(
            status,
            detail,
            server=endpoint.title,
            sent=self._body,
            request_id=_request_id(response, self._secrets),
            retry_after=asked_delay,
            key=self._secrets,
            key_env=endpoint.key_env,
            known=self._known,
        )
        should = response.headers.get("x-should-retry")
        again = should == "true" if should in ("true", "false") else is_temporary(status, detail, error)
        return AttemptFailed(
            error,
            again=again and not isinstance(error, FINAL),
            asked_delay=asked_delay,
            usage=may_refuse_usage(status, detail, self._body),
            unsupported=is_unsupported(detail),
        )

    async def _read(self, response: httpx.Response) -> AttemptFailed | None:
        """Read to the end of the answer, then briefly to the end of the response. Return a failure if it was empty."""
        portions = unpacked(response)
        decoder, given_up, exhausted = self._decoder, None, False
        try:
            async with asyncio.timeout(None) as limit:
                first = True
                async for portion in portions:
                    events = decoder.feed(portion)
                    if first and (place := _first_piece(events)) is not None:
                        first = False
                        events.insert(place, FirstToken(time.perf_counter()))
                    if events:
                        self._emit(events)
                    if decoder.failed or decoder.done:
                        break
                    if decoder.finished or self._finished_at is not None:
                        limit.reschedule(self._patience(came=bool(events)))
                else:
                    exhausted = True
        except TimeoutError:
            given_up = self._why_given_up()
        if self._is_hollow:
            title = self._call.endpoint.title
            return AttemptFailed(
                ConnectionFailed(f"{title} began an answer and ended it with nothing in it."), hollow=True
            )
        self._emit_end(given_up, left=given_up is not None)
        if decoder.done and not decoder.failed and not exhausted:
            await self._drain(portions)
        self._over()
        return None

    def _patience(self, *, came: bool) -> float | None:
        """The deadline for data that may follow an answer whose choices have finished; None = they haven't."""
        decoder, now = self._decoder, asyncio.get_running_loop().time()
        if not decoder.finished:
            self._finished_at = None
            return None
        if came or self._finished_at is None:
            self._finished_at = now
        self._is_kept = False
        if not decoder.trusted:
            return now + DOUBT_SECONDS
        if decoder.counted:
            return self._finished_at + DONE_SECONDS
        self._is_kept = self._finished_at + KEPT_SECONDS < now + LINGER_SECONDS
        return self._finished_at + KEPT_SECONDS if self._is_kept else now + LINGER_SECONDS

    def _why_given_up(self) -> str | None:
        """What is wrong with an answer that was abandoned while bytes still arrived; None = nothing."""
        words = f"it kept the connection open for {KEPT_SECONDS:g} s without ending the answer"
        return words if self._is_kept else None

    async def _drain(self, portions: AsyncIterator[bytes]) -> None:
        """Read the rest of the response after the answer."""
        timer = asyncio.get_running_loop().call_later(PROMPT_SECONDS, self._over)
        try:
            with contextlib.suppress(TimeoutError, httpx.RequestError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in portions:
                        pass
        finally:
            timer.cancel()

    def _break_off(self, words: str | None, refused: AttemptFailed) -> None:
        """Handle a connection failure; if part of a reply has arrived, it ends the answer."""
        if words is None or not (self._decoder.begun or self._decoder.done):
            refused.hollow = refused.hollow or (refused.again and self._is_hollow)
            raise refused
        self._emit_end(words)
        self._over()

    @property
    def _is_hollow(self) -> bool:
        """Whether a stream has begun and is still empty."""
        return bool(self._responded and self._body.get("stream") and self._decoder.hollow)

    def _emit_end(self, broken: str | None = None, *, left: bool = False) -> None:
        self._emit([*self._decoder.end(broken, left=left), Ended(time.perf_counter())])

    def _over(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(not self._decoder.failed)

    def _silent(self) -> AttemptFailed:
        title, seconds = self._call.endpoint.title, self._call.timeouts.read
        return AttemptFailed(
            ServerSilent(f"{title} sent nothing for {seconds:g} s. Ask again, or allow more with timeout=.")
        )


def _first_piece(events: list[Event]) -> int | None:
    """The index of the first piece of an answer among events."""
    return next((place for place, event in enumerate(events) if isinstance(event, PIECES)), None)


def _moved_to(response: httpx.Response) -> str | None:
    """The target of a redirect that is not followed, as a base URL; None = not a redirect."""
    if not response.has_redirect_location:
        return None
    return "moved to " + response.headers["location"].partition("?")[0].rstrip("/").removesuffix("/chat/completions")


async def _error_body(response: httpx.Response) -> bytes:
    """Read the beginning of an error's body, ignoring failures."""
    body = bytearray()
    with contextlib.suppress(TimeoutError, ProtocolError, httpx.RequestError):
        async with asyncio.timeout(LIMITS.error_seconds):
            async for portion in unpacked(response):
                body += portion
                if len(body) > LIMITS.error_body:
                    break
    return bytes(body[: LIMITS.error_body])


def unreachable(call: Call, error: Exception, *, reused: bool = False) -> AttemptFailed:
    """Explain in one sentence why the server could not be reached; retryable unless it can never work."""
    sentence, again = what_happened(call, error)
    stale = reused and isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError))
    return AttemptFailed(ConnectionFailed(sentence), again=again, stale=stale)


def _request_id(response: httpx.Response, secrets: Key | None) -> str | None:
    names = ("x-request-id", "request-id", "x-generation-id")
    found = next((clipped(response.headers[name], LIMITS.word) for name in names if name in response.headers), None)
    return secrets.redact(found) if found and secrets else found
