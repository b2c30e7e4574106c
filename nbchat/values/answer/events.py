"""Typed events of a streaming answer. A `Draft` folds them into a `Reply`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from nbchat.values.answer.usage import RateLimits, Usage
from nbchat.values.errors import NbchatError
from nbchat.values.frozen import Incidental
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


class _Delta(Struct, frozen=True):
    """A piece of text of choice `index`. Instances of different classes are never equal."""

    text: str
    index: int = 0


class TextDelta(_Delta, frozen=True):
    """A piece of choice `index`'s answer."""


class ReasoningDelta(_Delta, frozen=True):
    """A piece of choice `index`'s reasoning."""


class ThoughtBefore(_Delta, frozen=True):
    """All text of choice `index` so far, and this piece, was reasoning: the opening tag was in the prompt."""


class RefusalDelta(_Delta, frozen=True):
    """A piece of choice `index`'s refusal, sent in place of an answer."""


class ToolCallDelta(Struct, frozen=True):
    """A piece of tool call number `call` of choice `index`.

    The first non-empty `id` and `name` win; a later name that starts with the first one replaces it.
    """

    call: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    index: int = 0


class CarriedDelta(Struct, frozen=True):
    """Fields that the server attached to choice `index`, or to its tool call number `call` (None = the message).

    They are returned with the history (see `carried`). Those of a `whole` message replace those of its pieces.
    """

    fields: Mapping[str, Any]
    call: int | None = None
    index: int = 0
    whole: bool = False


class LogprobsDelta(Struct, frozen=True):
    """Log probabilities of tokens of choice `index`, as the server sent them: `{token, logprob, top_logprobs}`."""

    tokens: tuple[Mapping[str, Any], ...]
    index: int = 0


class ImageDelta(Struct, frozen=True):
    """An image in choice `index`'s answer, as a `data:` URL."""

    image: ImagePart
    index: int = 0


class SourcesDelta(Struct, frozen=True):
    """Sources cited by choice `index`, not reported before."""

    sources: tuple[Source, ...]
    index: int = 0


class Unshown(Struct, frozen=True):
    """Choice `index` has content of a kind that nbchat can't show ("audio")."""

    kind: str
    index: int = 0


class UsageReport(Incidental, frozen=True):
    """Token counts so far; a later report replaces an earlier one.

    `raw` is the server's usage object, without whatever in it is neither a count nor a short text; None = unknown.
    """

    _incidental = ("raw",)

    usage: Usage
    raw: Mapping[str, Any] | None = None


class Finished(Incidental, frozen=True):
    """Choice `index` ended; `reason` is the server's finish reason.

    `certain`: this server gives finish reasons only at ends, as far as known. Some give one with every chunk.
    """

    _incidental = ("certain",)

    reason: str
    index: int = 0
    certain: bool = False


class Started(Struct, frozen=True):
    """The model that answers and the response id, as the server reports them (None = not reported)."""

    model: str | None = None
    id: str | None = None


class _Moment(Struct, frozen=True):
    """Something that happened at `at`, in seconds of `time.perf_counter`."""

    at: float


class Sent(_Moment, frozen=True):
    """The request is sent for the first time."""


class Responded(Struct, frozen=True):
    """The response headers arrived. `at` is in seconds of `time.perf_counter`.

    `request_id` is the id to quote to the server's support; it and the rate `limits` are None if not sent.
    """

    at: float
    request_id: str | None = None
    limits: RateLimits | None = None


class FirstToken(_Moment, frozen=True):
    """The first piece of any choice comes next."""


class Ended(_Moment, frozen=True):
    """The last piece of the answer arrived."""


class Retrying(Struct, frozen=True):
    """Before any text arrived: the request will be resent in `seconds`, as attempt number `attempt`.

    Attempt 1: it was not sent yet, because the server forbids requests until then.
    """

    seconds: float
    reason: str
    attempt: int


class Notice(Struct, frozen=True):
    """Something the user should know about this answer; `text` may quote the server."""

    text: str


class Failed(Struct, frozen=True):
    """The answer failed; what arrived before is kept."""

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
