"""Send calls over pooled connections, with retries until an answer begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from nbchat.api.attempt import Attempt, Emit
from nbchat.api.call import AttemptFailed, Call, Timeouts
from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.http.pools import Pools
from nbchat.api.pacing.pace import Slot
from nbchat.api.pacing.paces import Paces
from nbchat.api.pacing.sharing import Sharing
from nbchat.api.sending import Sending
from nbchat.values.answer.events import Failed
from nbchat.values.errors import NbchatError, ParameterRefused
from nbchat.values.limits import LIMITS

__all__ = ["Call", "Client", "Timeouts"]


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
        from nbchat.api.lookups import models  # only look-ups need it

        return await models(self._pools, self.capabilities, endpoint, timeout)

    async def token_ids(self, endpoint: Endpoint, model: str, text: str, timeout: float = 5.0) -> list[int]:
        """Return the token ids of a text. Raises NbchatError, also if the server has no tokenizer."""
        from nbchat.api.lookups import token_ids  # only look-ups need it

        return await token_ids(self._pools, endpoint, model, text, timeout)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pools.aclose()


def _after(error: NbchatError, tries: int) -> NbchatError:
    """Return the error, with the number of attempts made."""
    if tries > 1:
        error.args = (f"{error} (Tried {tries} times.)",)
    return error
