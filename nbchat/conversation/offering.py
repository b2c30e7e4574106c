"""A partial answer that a kernel's end left, offered to be continued before its cell asks again."""

from __future__ import annotations

from nbchat.conversation.exchange import Exchange
from nbchat.conversation.turn import Turn
from nbchat.values.errors import SessionError
from nbchat.values.events import TextDelta
from nbchat.values.presenter import Presenter

__all__ = ["offer"]


def offer(turn: Turn, exchange: Exchange, presenter: Presenter | None) -> SessionError:
    """Show what had come of a turn's answer before the kernel ended, and say so in place of asking again."""
    reply = turn.reply
    took = f"{reply.usage.completion_tokens:,} tokens" if reply.usage.completion_tokens is not None else "unknown size"
    price = "cost unknown" if reply.cost is None else f"${reply.cost:.2g}"
    error = SessionError(
        f"Nothing was sent: the kernel ended while this cell was answered, and what had come is kept (about {took},"
        f" {price}). {exchange.options.continue_with} goes on from there; run the cell once more to ask anew.",
        reply=reply,
    )
    if presenter is not None:
        presenter.show([TextDelta(choice.text, choice.index) for choice in reply.choices if choice.text])
        presenter.conclude(reply, error)
    return error
