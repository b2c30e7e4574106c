"""One turn of a conversation: a message and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.values.reading import an_object, items_of, optional_text
from nbchat.values.reply import Reply, Timing
from nbchat.values.usage import Usage

__all__ = ["Turn", "joined"]

NO_ANSWER = "(no answer: it was stopped)"
"""What the history says for an answer that never came after a tool's result."""


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
        """What the next request carries of this turn; any server takes it, whatever happened.

        An answer that has no text leaves none, and one that was stopped while its tools ran is among the steps. After
        the result of a tool there is always an answer: some servers refuse a user's message there.
        """
        said = next((step.text for step in reversed(self.steps) if step.role == "assistant"), None)
        answer = self.reply.choices[0].message.text
        messages = (self.message, *self.steps)
        if answer and not (self.reply.status != "complete" and answer == said):
            carried = self.reply.choices[0].carried if self.reply.status == "complete" else None
            return (*messages, Message("assistant", answer, carried=carried))  # a call without its result is refused
        return (*messages, Message("assistant", NO_ANSWER)) if messages[-1].role == "tool" else messages

    def to_dict(self) -> dict[str, Any]:
        """The turn as exported files write it."""
        turn: dict[str, Any] = {"message": self.message.to_dict(), "params": self.params.to_dict()}
        if self.steps:
            turn["steps"] = [step.to_dict() for step in self.steps]
        if self.slot is not None:
            turn["slot"] = self.slot
        if self.before_edit:
            turn["before_edit"] = True
        return {**turn, "reply": self.reply.to_dict()}

    @classmethod
    def from_dict(cls, turn: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, but for what `Reply.to_dict` leaves out. Raises ValueError naming what is wrong."""
        turn = an_object(turn, "a turn")
        return cls(
            Message.from_dict(an_object(turn.get("message"), "a turn's message")),
            Reply.from_dict(an_object(turn.get("reply"), "a turn's reply")),
            Params.from_dict(an_object(turn.get("params", {}), "a turn's params")),
            tuple(map(Message.from_dict, items_of(turn, "steps"))),
            optional_text(turn, "slot"),
            turn.get("before_edit") is True,
        )


def joined(first: Reply, second: Reply) -> Reply:
    """An answer and its continuation as one: first choices alone; tokens, cost and seconds are those of both."""
    costs = first.cost, second.cost
    seconds = first.timing.total, second.timing.total
    choice = replace(
        second.choices[0], text=first.text + second.text, reasoning=first.reasoning + second.reasoning, carried=None
    )
    return replace(
        second,
        choices=(choice,),
        usage=Usage.total((first.usage, second.usage)),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        timing=Timing(first.timing.first_token, None if None in seconds else sum(each or 0.0 for each in seconds)),
        notices=(*second.notices, "continued"),
    )
