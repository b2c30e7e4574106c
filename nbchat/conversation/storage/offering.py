"""Offer to continue a partial answer of an earlier kernel before its cell asks again."""

from __future__ import annotations

from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.turn import Turn
from nbchat.values.answer.events import TextDelta
from nbchat.values.errors import SessionError
from nbchat.values.presenter import Presenter
from nbchat.values.wording import dollars

__all__ = ["offer"]


def offer(turn: Turn, exchange: Exchange, presenter: Presenter | None) -> SessionError:
    """Show the partial answer from before the kernel stopped, and say so instead of asking again."""
    reply = turn.reply
    took = f"{reply.usage.completion_tokens:,} tokens" if reply.usage.completion_tokens is not None else "unknown size"
    price = "cost unknown" if reply.cost is None else dollars(reply.cost)
    error = SessionError(
        f"Nothing was sent: the last answer to this cell was cut off, and what had arrived was kept (about {took}, {price})."
        f" {exchange.options.continue_with} resumes it; run the cell once more to ask again.",
        reply=reply,
    )
    if presenter is not None:
        presenter.show([TextDelta(choice.text, choice.index) for choice in reply.choices if choice.text])
        presenter.conclude(reply, error)
    return error
