"""The events of one exchange, for whoever wants them raw."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from nbchat.api.engine import Channel
from nbchat.conversation.driver import Driver, wait_for, wait_for_async
from nbchat.conversation.exchange import Exchange
from nbchat.values.events import Event
from nbchat.values.reply import Reply

__all__ = ["Stream"]


class Stream:
    """Typed events, for a `for` or an `async for`; made by `Session.stream` and `Session.astream`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._driver = Driver(exchange.run(None))

    @property
    def reply(self) -> Reply | None:
        """The answer so far; after the `with`, the final one. None = nothing has come."""
        draft = self._exchange.draft
        return self._exchange.reply if draft is None else draft.reply()

    def __iter__(self) -> Iterator[Event]:
        """Events as they come. An interrupt while waiting for one stops the request."""
        wait = self._driver.next()
        while wait is not None:
            self._driver.given = given = wait_for(wait)
            came = given if isinstance(wait, Channel) else None
            wait = self._driver.next()  # before anybody sees the events, so that leaving early keeps them
            yield from came or ()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events as they come."""
        wait = self._driver.next()
        while wait is not None:
            self._driver.given = given = await wait_for_async(wait)
            came = given if isinstance(wait, Channel) else None
            wait = self._driver.next()
            for event in came or ():
                yield event

    def close(self) -> None:
        """Stop the request if it still runs; what had come is kept."""
        self._driver.close()
