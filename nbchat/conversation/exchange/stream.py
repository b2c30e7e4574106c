"""The events of one exchange as an iterator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from nbchat.api.engine import Channel
from nbchat.conversation.exchange.driver import Driver, wait_for, wait_for_async
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.values.answer.events import Event
from nbchat.values.answer.reply import Reply

__all__ = ["Stream"]


class Stream:
    """An iterator and async iterator of typed events, made by `Session.stream` and `Session.astream`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._driver = Driver(exchange.run(None))

    @property
    def reply(self) -> Reply | None:
        """The answer so far, or the final one after the `with`; None = nothing has arrived."""
        draft = self._exchange.draft
        return self._exchange.reply if draft is None else draft.reply()

    def __iter__(self) -> Iterator[Event]:
        """Yield events as they arrive. An interrupt while waiting stops the request."""
        wait = self._driver.next()
        while wait is not None:
            self._driver.given = given = wait_for(wait)
            events = given if isinstance(wait, Channel) else None
            wait = self._driver.next()  # before yielding the events, so that leaving early keeps them
            yield from events or ()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield events as they arrive."""
        wait = self._driver.next()
        while wait is not None:
            self._driver.given = given = await wait_for_async(wait)
            events = given if isinstance(wait, Channel) else None
            wait = self._driver.next()
            for event in events or ():
                yield event

    def close(self) -> None:
        """Stop the request if it is running; the partial answer is kept."""
        self._driver.close()
