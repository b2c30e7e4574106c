"""One turn of a conversation: a message and what was answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.values.reply import Reply
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
            return (*messages, Message("assistant", answer))  # without calls: one without its result is refused
        return (*messages, Message("assistant", NO_ANSWER)) if messages[-1].role == "tool" else messages


def joined(first: Reply, second: Reply) -> Reply:
    """An answer and its continuation as one."""
    costs = first.cost, second.cost
    choice = replace(second.choices[0], text=first.text + second.text, reasoning=first.reasoning + second.reasoning)
    return replace(
        second,
        choices=(choice,),
        usage=Usage.total((first.usage, second.usage)),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        timing=replace(second.timing, first_token=first.timing.first_token),
        notices=(*second.notices, "continued"),
    )
