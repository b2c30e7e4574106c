"""`Reply`, the frozen answer to a request, and its parts. A `Draft` folds events into one."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Literal, Self

from msgspec import Struct

from nbchat.values.answer.carried import Carried
from nbchat.values.answer.usage import UNKNOWN, Usage
from nbchat.values.frozen import Incidental, repr_without
from nbchat.values.json_fields import an_object, items_of, number_of, optional_text, text_of, texts_of
from nbchat.values.limits import clipped
from nbchat.values.messages import ImagePart, Message, Source, ToolCall
from nbchat.values.request import Request

__all__ = ["CUT_REASONS", "Choice", "Reply", "Request", "Status", "Timing"]

Status = Literal["complete", "interrupted", "cut_off", "failed"]
"""Whether an answer is complete, and if not, why."""


CUT_REASONS = frozenset({"length", "max_tokens", "MAX_TOKENS"})
"""Finish reasons of answers that reached the limit of their length."""


class Timing(Struct, frozen=True):
    """Seconds since the request was first sent, earlier attempts included. None = it did not get that far."""

    first_token: float | None = None
    total: float | None = None

    def tokens_per_second(self, completion_tokens: int | None) -> float | None:
        """Return the speed after the first token: tokens / (total - first_token). None = unknown, or too short to measure."""
        if completion_tokens is None or self.total is None or self.first_token is None:
            return None
        seconds = self.total - self.first_token
        return completion_tokens / seconds if seconds > 0.05 and completion_tokens > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files: the values that are known."""
        seconds = {"first_token": self.first_token, "total": self.total}
        return {name: value for name, value in seconds.items() if value is not None}

    @classmethod
    def from_dict(cls, timing: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError naming what is wrong."""
        timing = an_object(timing, "a timing")
        return cls(number_of(timing, "first_token"), number_of(timing, "total"))


class Choice(Struct, frozen=True):
    """One of the answers. `finish_reason` is the server's; None = never sent.

    `logprobs` are the server's `{token, logprob, top_logprobs}`, one for each token; empty = none were requested.
    `images` are images as `data:` URLs; `unshown` are the kinds of content that can't be shown ("audio"). `carried`
    holds fields to return to the server with the history; None = nothing.
    """

    index: int = 0
    text: str = ""
    finish_reason: str | None = None
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()
    images: tuple[ImagePart, ...] = ()
    sources: tuple[Source, ...] = ()
    unshown: tuple[str, ...] = ()
    carried: Carried | None = None

    def __repr__(self) -> str:
        return repr_without(self, "carried")

    @property
    def empty(self) -> bool:
        """Whether nothing has arrived: no text, reasoning, refusal, call, image, or other content."""
        parts = self.text, self.reasoning, self.refusal, self.tool_calls, self.images, self.unshown
        return not any(parts)

    @property
    def message(self) -> Message:
        """Return the choice as a message of the history, without its reasoning unless the server expects it back."""
        return Message("assistant", self.text or self.refusal, self.tool_calls, carried=self.carried)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files: index, text, and whatever else is set."""
        more = {
            "finish_reason": self.finish_reason,
            "reasoning": self.reasoning or None,
            "refusal": self.refusal or None,
            "tool_calls": [call.to_dict() for call in self.tool_calls] or None,
            "logprobs": [dict(token) for token in self.logprobs] or None,
            "images": [image.url for image in self.images] or None,
            "sources": [source.to_dict() for source in self.sources] or None,
            "unshown": list(self.unshown) or None,
            "carried": None if self.carried is None else self.carried.to_dict(),
        }
        written = {name: value for name, value in more.items() if value is not None}
        return {"index": self.index, "text": self.text, **written}

    @classmethod
    def from_dict(cls, choice: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError naming what is wrong."""
        index = an_object(choice, "a choice").get("index", 0)
        if isinstance(index, bool) or not isinstance(index, int):
            raise ValueError(f"a choice's index must be a whole number; got {index!r:.40}")
        return cls(
            index,
            text_of(choice, "text"),
            optional_text(choice, "finish_reason"),
            text_of(choice, "reasoning"),
            text_of(choice, "refusal"),
            tuple(map(ToolCall.from_dict, items_of(choice, "tool_calls"))),
            tuple(an_object(token, "a token's log probability") for token in items_of(choice, "logprobs")),
            tuple(map(ImagePart, texts_of(choice, "images"))),
            tuple(map(Source.from_dict, items_of(choice, "sources"))),
            texts_of(choice, "unshown"),
            Carried.from_dict(choice["carried"]) if choice.get("carried") is not None else None,
        )


class Reply(Incidental, frozen=True):
    """An answer, complete or partial. The fields of its first choice are also its own.

    `model` is the model that answered (the one requested, if the server does not say); `cost` is in US dollars, None =
    unknown; `data` is the validated value if a schema was requested; `notices` are remarks for the user (retried, fewer
    choices than requested, dropped parameters). `id` is the server's id of the answer, `request` what was sent and
    `request_id` the id to quote to the server's support, each None if unknown. `tries` counts the first attempt too. A
    `replayed` answer came from the store and cost nothing. `raw_usage` is the server's own usage object for its last
    request; None = it sent none.
    """

    _incidental = ("data", "raw_usage")

    choices: tuple[Choice, ...] = (Choice(),)
    status: Status = "complete"
    model: str | None = None
    usage: Usage = UNKNOWN
    cost: float | None = None
    timing: Timing = Timing()
    id: str | None = None
    request: Request | None = None
    notices: tuple[str, ...] = ()
    tries: int = 1
    request_id: str | None = None
    replayed: bool = False
    data: Any = None
    raw_usage: Mapping[str, Any] | None = None

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        """The first choice's reasoning; empty = none."""
        return self.choices[0].reasoning

    @property
    def refusal(self) -> str:
        """The first choice's refusal; empty = none."""
        return self.choices[0].refusal

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The first choice's images."""
        return self.choices[0].images

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources that the first choice cites, as far as the server reports them."""
        return self.choices[0].sources

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended; None = never sent."""
        return self.choices[0].finish_reason

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The first choice's tool calls."""
        return self.choices[0].tool_calls

    @property
    def is_cut(self) -> bool:
        """Whether the end of the first choice is missing: it was stopped, broke off, or reached max_tokens."""
        return self.status != "complete" or self.finish_reason in CUT_REASONS

    @property
    def empty(self) -> bool:
        """Whether every choice is empty."""
        return all(choice.empty for choice in self.choices)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files.

        `request` and `data` are left out: the first repeats the conversation so far, the second may be of any class.
        """
        more = {
            "model": self.model,
            "cost": self.cost,
            "id": self.id,
            "notices": list(self.notices) or None,
            "tries": self.tries if self.tries > 1 else None,
            "request_id": self.request_id,
            "replayed": self.replayed or None,
            "raw_usage": None if self.raw_usage is None else dict(self.raw_usage),
        }
        return {
            "status": self.status,
            **{name: value for name, value in more.items() if value is not None},
            "usage": self.usage.to_dict(),
            "timing": self.timing.to_dict(),
            "choices": [choice.to_dict() for choice in self.choices],
        }

    @classmethod
    def from_dict(cls, reply: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, except for the fields it leaves out. Raises ValueError naming what is wrong."""
        status = an_object(reply, "a reply").get("status")
        if status not in ("complete", "interrupted", "cut_off", "failed"):
            raise ValueError(f"a reply's status must be complete, interrupted, cut_off or failed; got {status!r:.40}")
        return cls(
            tuple(map(Choice.from_dict, items_of(reply, "choices"))) or (Choice(),),
            status,
            optional_text(reply, "model"),
            Usage.from_dict(an_object(reply.get("usage", {}), "usage")),
            number_of(reply, "cost"),
            Timing.from_dict(reply.get("timing", {})),
            optional_text(reply, "id"),
            notices=texts_of(reply, "notices"),
            tries=int(number_of(reply, "tries") or 1),
            request_id=optional_text(reply, "request_id"),
            replayed=reply.get("replayed") is True,
            raw_usage=None if (raw := reply.get("raw_usage")) is None else an_object(raw, "raw_usage"),
        )

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        more = f", {len(self.choices)} choices" if len(self.choices) > 1 else ""
        return f"<Reply {self.status} from {self.model}: {clipped(self.text, 70)!r}{more}>"

    def _mime_(self) -> tuple[str, str]:
        """The protocol of marimo: the answer at the end of a cell, as it is written; IPython's formatter renders it instead."""
        texts = [choice.text or choice.refusal for choice in self.choices]
        style = "white-space:pre-wrap;overflow-wrap:break-word"
        return "text/html", "<hr>".join(f'<div dir="auto" style="{style}">{escape(text)}</div>' for text in texts)
