"""The outcome of one row."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

from msgspec import Struct, convert
from msgspec.structs import replace

from nbchat.values.answer.reply import Reply
from nbchat.values.answer.usage import UNKNOWN, Usage
from nbchat.values.errors import NbchatError
from nbchat.values.json_fields import UNREADABLE, an_object

__all__ = ["NOT_SENT", "Answer", "Outcome", "RowStatus"]

_Key = TypeVar("_Key")

RowStatus = Literal["complete", "failed", "skipped", "not sent"]
"""How a row ended. "skipped": a field of it is missing, so nothing was asked; "not sent": the run ended before it."""


class Answer(Struct, frozen=True):
    """A row's answer from the server. `cost` is in US dollars, None = unknown; `seconds` from sending to the end."""

    text: str
    finish: str | None = None
    refusal: str = ""
    model: str | None = None
    usage: Usage = UNKNOWN
    cost: float | None = None
    seconds: float | None = None
    tries: int = 1

    @classmethod
    def of(cls, reply: Reply, cost: float | None) -> Self:
        """Return the answer in a reply."""
        seconds = reply.timing.total
        return cls(reply.text, reply.finish_reason, reply.refusal, reply.model, reply.usage, cost, seconds, reply.tries)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form for the journal: the fields that are set."""
        more = {
            "finish": self.finish,
            "refusal": self.refusal or None,
            "model": self.model,
            "cost": self.cost,
            "seconds": None if self.seconds is None else round(self.seconds, 4),
            "tries": self.tries if self.tries > 1 else None,
        }
        set_ = {name: value for name, value in more.items() if value is not None}
        return {"text": self.text, "usage": self.usage.to_dict(), **set_}

    @classmethod
    def from_dict(cls, answer: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; fields that are not known are left out. Raises ValueError for a damaged one."""
        usage = Usage.from_dict(an_object(answer.get("usage", {}), "usage"))
        known = {name: answer[name] for name in cls.__struct_fields__ if name in answer and name != "usage"}
        return replace(convert(known, cls), usage=usage)

    @classmethod
    def stored(cls, found: Mapping[_Key, Mapping[str, Any]]) -> dict[_Key, Self]:
        """Return the answers that the journal has, by the same keys, without those that can't be read."""
        answers = {}
        for key, answer in found.items():
            with contextlib.suppress(*UNREADABLE):
                answers[key] = cls.from_dict(answer)
        return answers


class Outcome(Struct, frozen=True):
    """The outcome of one row: the value for the result (None = missing), and why it is missing.

    `answer` is the last one received for it; a `stored` one was taken from the journal and cost nothing now. `agreement` is
    the share of repeats that gave this value (None = it was asked once), `values` are those of all of them.
    """

    status: RowStatus
    value: Any = None
    error: NbchatError | None = None
    answer: Answer | None = None
    stored: bool = False
    agreement: float | None = None
    values: tuple[Any, ...] = ()

    @property
    def reason(self) -> str | None:
        """Why there is no value, in one sentence; None = there is one. May quote a server."""
        return None if self.error is None else str(self.error)


NOT_SENT = Outcome("not sent", error=NbchatError("Not sent: the run ended before this row."))
