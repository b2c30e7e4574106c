"""One attempt at a call: returns events, or fails with advice on retrying."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from nbchat.api.answer.decoder import AnswerDecoder
from nbchat.api.answer.payload import PIECES
from nbchat.api.call import AttemptFailed, Call
from nbchat.api.http.pools import Pools
from nbchat.api.http.proxies import secrets_toward
from nbchat.api.http.requests import request
from nbchat.api.http.unpacking import unpacked
from nbchat.api.pacing.pace import Slot
from nbchat.api.pacing.rate_limits import rate_limits
from nbchat.api.wire import encoded
from nbchat.values.answer.events import Ended, Event, FirstToken, Responded
from nbchat.values.errors import ConnectionFailed, NbchatError, ServerSilent
from nbchat.values.limits import LIMITS, clipped

__all__ = ["Attempt", "Emit"]

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
        asked, responded = None, False
        try:
            asked = self._request()
            async with asyncio.timeout(LIMITS.seconds.most), self._pools.send(asked) as response:
                responded = True  # a connection that brought a head was not stale
                limits = rate_limits(response.headers)
                self._slot.answered(limits)
                request_id = self._request_id(response)
                if not 200 <= response.status_code < 300:
                    from nbchat.api.refusal import refusal  # only failures need it

                    sent, secrets = self._body, self._secrets
                    return None, await refusal(
                        response, self._call, sent, secrets, limits=limits, request_id=request_id, known=self._known
                    )
                self._responded = True
                self._emit([Responded(time.perf_counter(), request_id, limits)])
                return None, await self._read(response)
        except NbchatError as error:  # the request can't be sent as it is
            return None, AttemptFailed(error)
        except TimeoutError:
            return f"it took {LIMITS.seconds}", AttemptFailed(LIMITS.seconds.error(self._call.endpoint.title))
        except httpx.ReadTimeout:
            return "it went silent", self._silent("sent", self._call.timeouts.read)
        except httpx.WriteTimeout:
            return "it went silent", self._silent("accepted", self._call.timeouts.longest_write)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            from nbchat.api.refusal import unreachable, words_of  # only failures need it

            reused = asked is not None and asked.extensions.get("reused", False) and not responded
            return words_of(error, self._secrets), unreachable(self._call, error, reused=reused)

    def _request_id(self, response: httpx.Response) -> str | None:
        names = ("x-request-id", "request-id", "x-generation-id")
        found = next((clipped(response.headers[name], LIMITS.word) for name in names if name in response.headers), None)
        return self._secrets.redact(found) if found and self._secrets else found

    def _request(self) -> httpx.Request:
        call, timeouts = self._call, self._call.timeouts
        return request(
            "POST",
            call.endpoint.chat_url,
            endpoint=call.endpoint,
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, write=timeouts.longest_write, pool=None),
            content=encoded(self._body) if call.payload is None else call.payload,
            accept="text/event-stream" if self._body.get("stream") else "application/json",
        )

    async def _read(self, response: httpx.Response) -> AttemptFailed | None:
        """Read to the end of the answer, then briefly to the end of the response. Return a failure if it was empty."""
        portions = unpacked(response)
        decoder, given_up = self._decoder, None
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
                        limit.reschedule(self._patience(has_events=bool(events)))
        except TimeoutError:
            given_up = self._why_given_up()
        if self._is_hollow:
            title = self._call.endpoint.title
            return AttemptFailed(
                ConnectionFailed(f"{title} began an answer and ended it without any content."), hollow=True
            )
        self._emit_end(given_up, abandoned=given_up is not None)
        if decoder.done:
            await self._drain(portions)
        self._over()
        return None

    def _patience(self, *, has_events: bool) -> float | None:
        """The deadline for data that may follow an answer whose choices have finished; None = they haven't."""
        decoder, now = self._decoder, asyncio.get_running_loop().time()
        if not decoder.finished:
            self._finished_at = None
            return None
        if has_events or self._finished_at is None:
            self._finished_at = now
        self._is_kept = False
        if not decoder.trusted:
            return now + DOUBT_SECONDS
        if decoder.counted:
            return self._finished_at + DONE_SECONDS
        kept, lingered = self._finished_at + KEPT_SECONDS, now + LINGER_SECONDS
        self._is_kept = kept < lingered
        return min(kept, lingered)

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

    def _emit_end(self, broken: str | None = None, *, abandoned: bool = False) -> None:
        self._emit([*self._decoder.end(broken, abandoned=abandoned), Ended(time.perf_counter())])

    def _over(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(not self._decoder.failed)

    def _silent(self, verb: str, seconds: float) -> AttemptFailed:
        title = self._call.endpoint.title
        return AttemptFailed(
            ServerSilent(f"{title} {verb} nothing for {seconds:g} s. Ask again, or allow more with timeout=.")
        )


def _first_piece(events: list[Event]) -> int | None:
    """The index of the first piece of an answer among events."""
    return next((place for place, event in enumerate(events) if isinstance(event, PIECES)), None)
