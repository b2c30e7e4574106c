"""The answer: a frozen `Reply`, and the `Draft` that folds events into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nbchat.values.messages import Message, ToolCall
from nbchat.values.usage import UNKNOWN, Usage

__all__ = ["Choice", "Reply", "Request", "Status", "Timing"]

Status = Literal["complete", "interrupted", "cut_off", "failed"]
"""An answer is whole ("complete"), or it says why it isn't."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent: the address and the JSON body. The key is not part of it."""

    url: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds since the request was sent, the tries before it included. None = it did not come to that."""

    first_token: float | None = None
    total: float | None = None

    def tokens_per_second(self, completion_tokens: int | None) -> float | None:
        """Speed after the first token: tokens / (total - first_token). None = unknown, or too short to say."""
        if completion_tokens is None or self.total is None or self.first_token is None:
            return None
        seconds = self.total - self.first_token
        return completion_tokens / seconds if seconds > 0.05 and completion_tokens > 1 else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers. `finish_reason` is the server's word; None = it never said."""

    index: int = 0
    text: str = ""
    finish_reason: str | None = None
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()

    @property
    def message(self) -> Message:
        """The choice as a message of the history: its reasoning stays out (servers refuse or bill it)."""
        return Message("assistant", self.text or self.refusal, self.tool_calls)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole or partial. The fields of its first choice are its own as well.

    `model` is the model that answered (the one asked for, where the server does not say); `cost` is in US dollars,
    None = unknown; `data` is the validated value where a schema was asked; `notices` are what the reader should know
    (retried, fewer choices than asked, dropped parameters).
    """

    choices: tuple[Choice, ...] = (Choice(),)
    status: Status = "complete"
    model: str | None = None
    usage: Usage = UNKNOWN
    cost: float | None = None
    timing: Timing = Timing()
    id: str | None = None
    request: Request | None = None
    notices: tuple[str, ...] = ()
    data: Any = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        """What the first choice thought before it answered; empty = nothing said."""
        return self.choices[0].reasoning

    @property
    def refusal(self) -> str:
        """The first choice's words of refusal; empty = none."""
        return self.choices[0].refusal

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended; None = the server never said."""
        return self.choices[0].finish_reason

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools the first choice wants called."""
        return self.choices[0].tool_calls

    @property
    def empty(self) -> bool:
        """Whether nothing of an answer has come: no text, reasoning, refusal or call in any choice."""
        return not any(c.text or c.reasoning or c.refusal or c.tool_calls for c in self.choices)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 70 else self.text[:69] + "…"
        more = f", {len(self.choices)} choices" if len(self.choices) > 1 else ""
        return f"<Reply {self.status} from {self.model}: {text!r}{more}>"
