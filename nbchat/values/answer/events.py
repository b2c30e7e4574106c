"""Typed events of a streaming answer. A `Draft` folds them into a `Reply`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbchat.values.answer.rate_limits import RateLimits
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import NbchatError
from nbchat.values.messages import ImagePart, Source

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
    """A piece of text of choice `index`. Instances of different classes are never equal."""

    text: str
    index: int = 0


class TextDelta(_Delta):
    """A piece of choice `index`'s answer."""

    __slots__ = ()


class ReasoningDelta(_Delta):
    """A piece of choice `index`'s reasoning."""

    __slots__ = ()


class ThoughtBefore(_Delta):
    """All text of choice `index` so far, and this piece, was reasoning: the opening tag was in the prompt."""

    __slots__ = ()


class RefusalDelta(_Delta):
    """A piece of choice `index`'s refusal, sent in place of an answer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of tool call number `call` of choice `index`.

    The first non-empty `id` and `name` win; a later name that starts with the first one replaces it.
    """

    call: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class CarriedDelta:
    """Fields that the server attached to choice `index`, or to its tool call number `call` (None = the message).

    They are returned with the history (see `carried`). Those of a `whole` message replace those of its pieces.
    """

    fields: Mapping[str, Any]
    call: int | None = None
    index: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class LogprobsDelta:
    """Log probabilities of tokens of choice `index`, as the server sent them: `{token, logprob, top_logprobs}`."""

    tokens: tuple[Mapping[str, Any], ...]
    index: int = 0


@dataclass(frozen=True, slots=True)
class ImageDelta:
    """An image in choice `index`'s answer, as a `data:` URL."""

    image: ImagePart
    index: int = 0


@dataclass(frozen=True, slots=True)
class SourcesDelta:
    """Sources cited by choice `index`, not reported before."""

    sources: tuple[Source, ...]
    index: int = 0


@dataclass(frozen=True, slots=True)
class Unshown:
    """Choice `index` has content of a kind that nbchat can't show ("audio")."""

    kind: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Token counts so far; a later report replaces an earlier one."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """Choice `index` ended; `reason` is the server's finish reason.

    `certain`: this server gives finish reasons only at ends, as far as known. Some give one with every chunk.
    """

    reason: str
    index: int = 0
    certain: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """The model that answers and the response id, as the server reports them (None = not reported)."""

    model: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class _Moment:
    """Something that happened at `at`, in seconds of `time.perf_counter`."""

    at: float


class Sent(_Moment):
    """The request is sent for the first time."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Responded:
    """The response headers arrived. `at` is in seconds of `time.perf_counter`.

    `request_id` is the id to quote to the server's support; it and the rate `limits` are None if not sent.
    """

    at: float
    request_id: str | None = None
    limits: RateLimits | None = None


class FirstToken(_Moment):
    """The first piece of any choice comes next."""

    __slots__ = ()


class Ended(_Moment):
    """The last piece of the answer arrived."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Retrying:
    """Before any text came: the request will be resent in `seconds`, as attempt number `attempt`.

    Attempt 1: it was not sent yet, because the server forbids requests until then.
    """

    seconds: float
    reason: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know about this answer; `text` may quote the server."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer failed; what came before is kept."""

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
