"""One turn of a conversation: a message and its answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from msgspec import field
from msgspec.structs import replace

from nbchat.values.answer.rating import Rating
from nbchat.values.answer.reply import Reply, Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.frozen import Incidental
from nbchat.values.json_fields import an_object, items_of, optional_text, text_of
from nbchat.values.messages import Message
from nbchat.values.params import Params

__all__ = ["Turn", "Version", "joined", "new_id", "read_rating"]

NO_ANSWER = "(no answer: it was stopped)"
"""Placeholder in the history for a missing answer after a tool's result."""


def new_id() -> str:
    """Return a new unique id."""
    return os.urandom(8).hex()


class Version(Incidental, frozen=True):
    """A message, the reply to it, and the parameters it was asked with.

    `steps` are the messages between the two: tool calls and their results. `before_edit` marks an answer that was given
    before an earlier turn changed. `values` are fingerprints of the values that were put into the message, by name.
    `rating` is the reader's opinion of the answer, None = not rated. `answer_id` names the answer in the journal.
    """

    _incidental: ClassVar[tuple[str, ...]] = ("answer_id",)

    message: Message
    reply: Reply
    params: Params
    steps: tuple[Message, ...] = ()
    before_edit: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    rating: Rating | None = None
    answer_id: str = field(default_factory=new_id)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages for the next request, in a form that any server accepts.

        An answer without text is omitted, and one stopped while its tools ran is among the steps. A tool's result is always
        followed by an answer, because some servers refuse a user message there.
        """
        last_text = next((step.text for step in reversed(self.steps) if step.role == "assistant"), None)
        answer = self.reply.choices[0].message.text
        messages = (self.message, *self.steps)
        if answer and not (self.reply.status != "complete" and answer == last_text):
            carried = self.reply.choices[0].carried if self.reply.status == "complete" else None
            return (*messages, Message("assistant", answer, carried=carried))
        return (*messages, Message("assistant", NO_ANSWER)) if messages[-1].role == "tool" else messages

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain data for export."""
        version: dict[str, Any] = {"message": self.message.to_dict(), "params": self.params.to_dict()}
        if self.steps:
            version["steps"] = [step.to_dict() for step in self.steps]
        if self.before_edit:
            version["before_edit"] = True
        if self.values:
            version["values"] = dict(self.values)
        if self.rating:
            version["rating"] = self.rating.to_dict()
        return {**version, "reply": self.reply.to_dict()}

    @classmethod
    def from_dict(cls, version: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, except for what `Reply.to_dict` omits. Raises ValueError naming what is wrong."""
        version = an_object(version, "a turn")
        return cls(
            Message.from_dict(an_object(version.get("message"), "a turn's message")),
            Reply.from_dict(an_object(version.get("reply"), "a turn's reply")),
            Params.from_dict(an_object(version.get("params", {}), "a turn's params")),
            tuple(map(Message.from_dict, items_of(version, "steps"))),
            version.get("before_edit") is True,
            {str(name): str(value) for name, value in an_object(version.get("values", {}), "values").items()},
            read_rating(version.get("rating")),
        )


def read_rating(written: Any) -> Rating | None:
    """Read a rating from a file's data; None = none. Raises ValueError."""
    return None if written is None else Rating.from_dict(an_object(written, "a rating"))


class Turn(Version, frozen=True):
    """A turn in the history: its current version and the others.

    A `pinned` turn stays when the context must be shortened; a `dropped` one is left out of it. `cell_id` names the
    notebook cell (or any other place) of this turn: asking from it again adds a new version; None = none. `earlier` and
    `later` are the versions made before and after the current one, oldest first. `id` never changes.
    """

    _incidental = ("answer_id", "id")

    cell_id: str | None = None
    earlier: tuple[Version, ...] = ()
    later: tuple[Version, ...] = ()
    pinned: bool = False
    dropped: bool = False
    id: str = field(default_factory=new_id)

    @property
    def versions(self) -> tuple[Version, ...]:
        """All answers of the turn, oldest first, each with its message and parameters."""
        return (*self.earlier, self.version, *self.later)

    @property
    def version(self) -> Version:
        """The current version."""
        return Version(**{name: getattr(self, name) for name in _VERSION})

    def answered(self, version: Version) -> Turn:
        """Return the turn with a new current version."""
        return self._with(version, self.versions, ())

    def choose(self, index: int) -> Turn:
        """Return the turn with `versions[index]` as the current version. Raises IndexError."""
        versions = self.versions
        chosen = versions[index]
        place = range(len(versions))[index]
        return self._with(chosen, versions[:place], versions[place + 1 :])

    def answered_before_edit(self) -> Turn:
        """Return the turn with all versions marked as made before an edit of an earlier turn."""
        earlier, later = (
            tuple(replace(each, before_edit=True) for each in some) for some in (self.earlier, self.later)
        )
        return replace(self, before_edit=True, earlier=earlier, later=later)

    def _with(self, version: Version, earlier: tuple[Version, ...], later: tuple[Version, ...]) -> Turn:
        return replace(self, **{name: getattr(version, name) for name in _VERSION}, earlier=earlier, later=later)

    def to_dict(self) -> dict[str, Any]:
        """Return the turn as plain data for export."""
        turn: dict[str, Any] = {"id": self.id, **Version.to_dict(self)}
        if self.cell_id is not None:
            turn["cell_id"] = self.cell_id
        turn |= {name: True for name in ("pinned", "dropped") if getattr(self, name)}
        for name in ("earlier", "later"):
            if versions := getattr(self, name):
                turn[name] = [version.to_dict() for version in versions]
        return turn

    @classmethod
    def from_dict(cls, turn: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, except for what `Reply.to_dict` omits. Raises ValueError naming what is wrong."""
        current = Version.from_dict(turn)
        return cls(
            **{name: getattr(current, name) for name in _VERSION},
            cell_id=optional_text(turn, "cell_id"),
            earlier=tuple(map(Version.from_dict, items_of(turn, "earlier"))),
            later=tuple(map(Version.from_dict, items_of(turn, "later"))),
            pinned=turn.get("pinned") is True,
            dropped=turn.get("dropped") is True,
            id=text_of(turn, "id") or new_id(),
        )


_VERSION = Version.__struct_fields__


def joined(first: Reply, second: Reply) -> Reply:
    """Join an answer and its continuation: first choices only; tokens, cost and seconds are added up."""
    costs = first.cost, second.cost
    seconds = first.timing.total, second.timing.total
    choice = replace(
        second.choices[0],
        text=first.text + second.text,
        reasoning=first.reasoning + second.reasoning,
        images=first.images + second.images,
        sources=tuple(dict.fromkeys(first.sources + second.sources)),
        carried=None,
    )
    return replace(
        second,
        choices=(choice,),
        usage=Usage.total((first.usage, second.usage)),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        timing=Timing(first.timing.first_token, None if None in seconds else sum(each or 0.0 for each in seconds)),
        notices=(*second.notices, "continued"),
    )
