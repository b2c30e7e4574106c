"""What happens while an answer comes, as typed events. A `Draft` folds them into a `Reply`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbchat.values.errors import NbchatError
from nbchat.values.messages import ImagePart, Source
from nbchat.values.rate_limits import RateLimits
from nbchat.values.usage import Usage

__all__ = [
    "CarriedDelta",
    "Ended",
    "Event",
    "Failed",
    "Finished",
    "FirstToken",
    "ImageDelta",
    "LogprobsDelta",
    "Notice",
    "ReasoningDelta",
    "RefusalDelta",
    "Responded",
    "Retrying",
    "Sent",
    "SourcesDelta",
    "Started",
    "TextDelta",
    "ThoughtBefore",
    "ToolCallDelta",
    "Unshown",
    "UsageReport",
]


@dataclass(frozen=True, slots=True)
class _Delta:
    """A piece of text of choice `index`. Those of different classes are never equal."""

    text: str
    index: int = 0


class TextDelta(_Delta):
    """A piece of choice `index`'s answer."""

    __slots__ = ()


class ReasoningDelta(_Delta):
    """A piece of what choice `index` thinks before it answers."""

    __slots__ = ()


class ThoughtBefore(_Delta):
    """All of choice `index`'s answer so far was reasoning, and so is this piece: its opening tag was in the prompt."""

    __slots__ = ()


class RefusalDelta(_Delta):
    """A piece of choice `index`'s words of refusal, which come in place of an answer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of tool call number `call` of choice `index`.

    `id` and `name`: the first non-empty ones hold; a later name that begins with the first one is the whole of it.
    """

    call: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class CarriedDelta:
    """Fields that the server attached to choice `index`, or to its tool call number `call` (None = to the message).

    They go back with the history (see `carried`). Those of a `whole` message replace what its pieces had brought.
    """

    fields: Mapping[str, Any]
    call: int | None = None
    index: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class LogprobsDelta:
    """Log probabilities of tokens of choice `index`, as the server wrote them: `{token, logprob, top_logprobs}`."""

    tokens: tuple[Mapping[str, Any], ...]
    index: int = 0


@dataclass(frozen=True, slots=True)
class ImageDelta:
    """A picture of choice `index`'s answer, held in its `data:` address."""

    image: ImagePart
    index: int = 0


@dataclass(frozen=True, slots=True)
class SourcesDelta:
    """Sources that choice `index`'s answer rests on, not told before."""

    sources: tuple[Source, ...]
    index: int = 0


@dataclass(frozen=True, slots=True)
class Unshown:
    """Choice `index` brought something that nbchat can't show, of this kind ("audio")."""

    kind: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Tokens so far; a later report replaces an earlier one."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """Choice `index` ended, for the server's `reason`."""

    reason: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The server said which model answers, and under which id (None = not said)."""

    model: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class _Moment:
    """Something that happened `at` so many seconds on `time.perf_counter`'s clock."""

    at: float


class Sent(_Moment):
    """The request goes out, for the first time."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Responded:
    """The server's answer began (its headers came). `at` is seconds on `time.perf_counter`'s clock.

    `request_id` is what the server's support would ask for; it and the rate `limits` are None where it does not say.
    """

    at: float
    request_id: str | None = None
    limits: RateLimits | None = None


class FirstToken(_Moment):
    """The first piece of any choice follows."""

    __slots__ = ()


class Ended(_Moment):
    """The answer's last piece has come."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Retrying:
    """Nothing had come yet; the request is sent again in `seconds`, as try number `attempt` (the first try is 1)."""

    seconds: float
    reason: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader should know of this answer; `text` may quote the server."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer ended badly; what came before stays."""

    error: NbchatError


Event = (
    TextDelta
    | ReasoningDelta
    | ThoughtBefore
    | RefusalDelta
    | ImageDelta
    | SourcesDelta
    | Unshown
    | ToolCallDelta
    | CarriedDelta
    | LogprobsDelta
    | UsageReport
    | Finished
    | Started
    | Sent
    | Responded
    | FirstToken
    | Ended
    | Retrying
    | Notice
    | Failed
)
