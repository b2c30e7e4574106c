"""The events of one exchange, for whoever wants them raw."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from nbchat.api.engine import Channel
from nbchat.session.exchange import Exchange, Wait, wait_for, wait_for_async
from nbchat.values.events import Event
from nbchat.values.reply import Reply

__all__ = ["Stream"]


class Stream:
    """Typed events, for a `for` or an `async for`; made by `Session.stream` and `Session.astream`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._waits: Generator[Wait, Any, None] = exchange.run(None)

    @property
    def reply(self) -> Reply | None:
        """The answer so far; after the `with`, the final one. None = nothing has come."""
        draft = self._exchange.draft
        return self._exchange.reply if draft is None else draft.reply()

    @property
    def exhausted(self) -> bool:
        """Whether the answer is over, rather than left early."""
        return self._exchange.over

    def __iter__(self) -> Iterator[Event]:
        """Events as they come. An interrupt while waiting for one stops the request."""
        wait = self._step(None)
        while wait is not None:
            given = wait_for(wait)
            came = given if isinstance(wait, Channel) else None
            wait = self._step(given)  # before anybody sees the events, so that leaving early keeps them
            yield from came or ()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events as they come."""
        wait = self._step(None)
        while wait is not None:
            given = await wait_for_async(wait)
            came = given if isinstance(wait, Channel) else None
            wait = self._step(given)
            for event in came or ():
                yield event

    def _step(self, given: Any) -> Wait | None:
        try:
            return self._waits.send(given)
        except StopIteration:
            return None

    def close(self) -> None:
        """Stop the request if it still runs; what had come is kept."""
        self._waits.close()
