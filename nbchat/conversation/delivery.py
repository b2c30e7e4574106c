"""How a session's requests leave: each is journalled while its answer comes."""

from __future__ import annotations

from nbchat.api.call import Call
from nbchat.api.engine import Channel
from nbchat.conversation.exchange import Exchange
from nbchat.conversation.process import process
from nbchat.conversation.record import Record
from nbchat.values.request import Request

__all__ = ["Delivery"]


class Delivery:
    """The transport of one session's requests."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def __call__(self, exchange: Exchange, request: Request, call: Call) -> Channel:
        """Send the request. Raises NbchatError where it must not be sent."""
        exchange.notices += self._record.notices
        self._record.notices.clear()
        persistence = self._record.persistence
        tap = None if persistence is None else persistence.begin(exchange, request)
        return process.engine().open(call, tap)
