"""One turn of a conversation: a message and what was answered."""

from __future__ import annotations

from dataclasses import dataclass

from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.values.reply import Reply

__all__ = ["Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, the reply to it, and the parameters it was asked with.

    `steps` are the messages between the two: calls of tools and their results. `slot` names the place (a notebook cell)
    whose turn this is: asking from there again answers it anew; None = no place. `before_edit` marks a turn whose
    earlier context was answered anew after it.
    """

    message: Message
    reply: Reply
    params: Params
    steps: tuple[Message, ...] = ()
    slot: str | None = None
    before_edit: bool = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the next request carries of this turn. An answer that has no text leaves none."""
        answer = self.reply.choices[0].message
        unanswered_calls = Message(answer.role, answer.content)  # a call without its result is refused by servers
        return (self.message, *self.steps, *((unanswered_calls,) if unanswered_calls.text else ()))
