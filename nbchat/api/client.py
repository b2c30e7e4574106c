"""Send calls over pooled connections, with retries until an answer begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from msgspec import Struct

from nbchat.api.attempt import Attempt, AttemptFailed, Emit, unreachable
from nbchat.api.call import Call, Timeouts
from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.error_body import describe
from nbchat.api.failure import error_from
from nbchat.api.http.pools import Pools
from nbchat.api.http.proxies import secrets_toward
from nbchat.api.http.requests import request
from nbchat.api.http.unpacking import TooMuch, read_whole
from nbchat.api.model_list import listed_models
from nbchat.api.pacing.pace import Slot
from nbchat.api.pacing.paces import Paces
from nbchat.api.pacing.sharing import Sharing
from nbchat.api.sending import Sending
from nbchat.api.wire import encoded
from nbchat.values.answer.events import Failed
from nbchat.values.errors import ConnectionFailed, ModelNotFound, NbchatError, ParameterRefused, ServerError
from nbchat.values.frozen import repr_without
from nbchat.values.json_fields import parsed_json
from nbchat.values.limits import LIMITS

__all__ = ["Call", "Client", "Timeouts", "token_ids"]


class _Found(Struct, frozen=True):
    """The answer to a look-up. Its body may repeat the key, so no traceback that prints values shows it."""

    status: int
    content: bytes

    def __repr__(self) -> str:
        return repr_without(self, "content")


class Client:
    """Sends any number of concurrent calls on one event loop."""

    def __init__(self, capabilities: Capabilities | None = None, sharing: Sharing | None = None) -> None:
        self._pools = Pools()
        self._paces = Paces(sharing)
        self.capabilities = capabilities or Capabilities()
        self._answered: set[str] = set()

    async def answer(self, call: Call, emit: Emit, over: Callable[[], None] = lambda: None) -> None:
        """Make the call, pass batches of events to `emit`, and call `over` after the last.

        Failures are `Failed` events. After `over` the response may still be read to its end briefly. Cancelling closes the
        connection.
        """
        pace = self._paces.of(call.endpoint)
        await self._paces.catch_up(pace, alone=call.limiter is None)
        sending = Sending(call, pace, self._attempt, emit, over)
        if self.capabilities.refuses(call.endpoint.base_url, "", "stream_options"):
            sending.body.pop("stream_options", None)
        while True:
            try:
                await sending.run()
                return
            except AttemptFailed as refused:
                if (wait := sending.again(refused)) is None:
                    self._learn_from_refusal(call, refused)
                    emit([Failed(_after(refused.error, sending.attempt))])
                    over()
                    return
                await asyncio.sleep(wait)

    def _attempt(self, sending: Sending, slot: Slot) -> Attempt:
        """Return the next attempt at a call, in a slot of its server's pace."""
        call = sending.call

        def ended(whole: bool) -> None:
            if whole:
                slot.completed()
                self._learn_from_success(call, sending.body, sending.dropped)
            sending.over()

        known = call.endpoint.base_url in self._answered
        return Attempt(self._pools, call, sending.body, sending.emit, ended, slot, known=known)

    def _learn_from_success(self, call: Call, body: Mapping[str, Any], dropped: NbchatError | None) -> None:
        where = call.endpoint.base_url
        self._answered.add(where)
        if dropped is not None:
            self.capabilities.learn(where, "", "stream_options", str(dropped))
        for name in self.capabilities.refused(where, call.model).keys() & body.keys():
            self.capabilities.forget(where, call.model, name)

    def _learn_from_refusal(self, call: Call, refused: AttemptFailed) -> None:
        error = refused.error
        if isinstance(error, ParameterRefused) and error.param and refused.unsupported:
            self.capabilities.learn(call.endpoint.base_url, call.model, error.param, str(error))

    async def models(self, endpoint: Endpoint, timeout: float = LIMITS.lookup_seconds) -> list[str]:
        """Return the server's model ids in its order, within `timeout` seconds.

        Raises ModelNotFound if the server has no list at this address, and other NbchatErrors.
        """
        found = await self._look_up("GET", endpoint, endpoint.models_url, timeout)
        status, secrets = found.status, secrets_toward(endpoint)
        listed = listed_models(parsed_json(found.content)) if status == 200 else None
        if listed is not None and len(listed) > LIMITS.models.most:
            raise ServerError(f"{endpoint.title} listed {LIMITS.models}, the most that nbchat reads. Name one with -m.")
        if listed is not None:
            self.capabilities.learn_listed(endpoint.base_url, dict(listed))
            return [secrets.redact(model) if secrets else model for model, _ in listed]
        if status not in (200, 404, 405, 501):
            failure = error_from(status, found.content, server=endpoint.title, key=secrets, key_env=endpoint.key_env)
        else:
            message = describe(found.content, secrets).message
            quoted = f" ({message})" if message else ""
            sentence = f"{endpoint.title} did not list its models{quoted}. Name one with -m."
            failure = ModelNotFound(sentence, status=status)
        raise failure  # a statement of its own: IPython 7's verbose traceback prints every value named in a raising line

    async def token_ids(self, endpoint: Endpoint, model: str, text: str, timeout: float = 5.0) -> list[int]:
        """Return the token ids of a text. Raises NbchatError, also if the server has no tokenizer."""
        bare = {"add_special": False, "add_special_tokens": False}  # llama.cpp's name and vLLM's
        body = {"model": model, "content": text, "prompt": text, **bare}
        for url in endpoint.tokenizer_urls:
            found = await self._look_up("POST", endpoint, url, timeout, body)
            if found.status == 200 and (ids := token_ids(found.content)) is not None:
                return ids
        raise ServerError(f"{endpoint.title} offers no tokenizer; give tokens by their ids: ID=BIAS.")

    async def _look_up(
        self, method: str, endpoint: Endpoint, url: str, timeout: float, body: Mapping[str, Any] | None = None
    ) -> _Found:
        """Make a small request outside of calls. Raises NbchatError."""
        content = None if body is None else encoded(body)
        try:
            outgoing = request(method, url, endpoint=endpoint, timeout=httpx.Timeout(timeout), content=content)
            async with asyncio.timeout(timeout), self._pools.send(outgoing) as response:
                return _Found(response.status_code, await read_whole(response, LIMITS.lookup))
        except (httpx.RequestError, httpx.InvalidURL) as error:
            failure = unreachable(Call(endpoint, {}, Timeouts(connect=timeout)), error).error
        except TimeoutError:
            failure = ConnectionFailed(f"{endpoint.title} had not answered in full after {timeout:g} s.")
        except TooMuch as error:
            failure = ServerError(f"{endpoint.title} sent {error.limit}, the most that nbchat reads.")
        raise failure  # outside the transport's own error, whose frames hold secrets

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pools.aclose()


def _after(error: NbchatError, tries: int) -> NbchatError:
    """Return the error, with the number of attempts made."""
    if tries > 1:
        error.args = (f"{error} (Tried {tries} times.)",)
    return error


def token_ids(content: bytes) -> list[int] | None:
    """Return the ids in a tokenizer's `{tokens: [id]}`; None = anything else."""
    body = parsed_json(content)
    ids = body.get("tokens") if isinstance(body, dict) else None
    return ids if isinstance(ids, list) and all(type(token) is int for token in ids) else None
