"""How a session's requests are served: journalled while their answers come."""

from __future__ import annotations

from nbchat.conversation.exchange import Delivery, Exchange
from nbchat.conversation.record import Record
from nbchat.values.request import Request

__all__ = ["Deliverer"]


class Deliverer:
    """Settles how the requests of one session are served."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def __call__(self, exchange: Exchange, request: Request) -> Delivery:
        """How this one is. Raises NbchatError where it must not be sent."""
        exchange.notices += self._record.notices
        self._record.notices.clear()
        persistence = self._record.persistence
        return Delivery(None if persistence is None else persistence.begin(exchange, request))
