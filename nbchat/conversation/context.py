"""The context of a message: the whole conversation, or what fits into the model's window."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.endpoints import Endpoint
from nbchat.api.prices import listed_window
from nbchat.conversation.process import process
from nbchat.conversation.turn import Turn
from nbchat.values.answer.usage import estimate_tokens
from nbchat.values.errors import ContextTooLong, ParameterError
from nbchat.values.messages import Message
from nbchat.values.wording import pluralize, shown

__all__ = ["Context", "ContextPolicy", "checked_policy", "room", "shorter_after", "window_of"]

ContextPolicy = Literal["fit", "retry", "off"] | int
"""How the history is fitted to the model's window. "fit": leave out the oldest turns if the window is known; "retry":
also if the server answers that the request was too long; "off": always send everything; a number: the window, in
tokens.
"""

ANSWER_SHARE = 8
"""The window's fraction 1/N reserved for the answer if `max_tokens` is not set."""

GUESS = 0.75
"""The fraction of a refused request that is tried if the server does not give its limit."""

_SAID = r"(?:maximum context length is|context (?:window|length|size)(?: of| is)?|n_ctx\D{1,6})\s*(\d[\d,]{2,11})"


class Context(Struct, frozen=True):
    """The turns before a message, and the system text (None = none). `left_out` counts those that did not fit."""

    turns: tuple[Turn, ...] = ()
    system: str | None = None
    left_out: int = 0

    def messages(self) -> tuple[Message, ...]:
        """Return the messages to send: the system text, then the turns that were not dropped."""
        history = tuple(message for turn in self.turns if not turn.dropped for message in turn.messages)
        return (Message("system", self.system), *history) if self.system else history

    def fitted(self, room: int) -> Context:
        """Return the context shortened to `room` tokens: system text and pinned turns stay, the oldest others go.

        Turns are dropped as a whole, tool calls with their results. Sizes are estimates.
        """
        sizes = [0 if turn.dropped else _size(turn.messages) for turn in self.turns]
        excess = sum(sizes) + estimate_tokens(self.system or "") - room
        kept: list[Turn] = []
        for turn, size in zip(self.turns, sizes, strict=True):
            if excess > 0 and size and not turn.pinned:
                excess -= size
            else:
                kept.append(turn)
        return replace(self, turns=tuple(kept), left_out=self.left_out + len(self.turns) - len(kept))

    def notice(self, window: int) -> str:
        """Return a notice on omitted turns; empty = none omitted."""
        if not self.left_out:
            return ""
        return f"the oldest {pluralize(self.left_out, 'turn')} left out, to fit {window:,} tokens"


def checked_policy(policy: object) -> ContextPolicy:
    """Validate a context policy. Raises ParameterError."""
    if isinstance(policy, str) and policy in ("fit", "retry", "off"):
        return cast("ContextPolicy", policy)
    if isinstance(policy, int) and not isinstance(policy, bool) and policy > 0:
        return policy
    raise ParameterError(f"context is fit, retry, off, or a number of tokens above 0; got {shown(policy)}.")


def window_of(policy: ContextPolicy, endpoint: Endpoint, model: str | None) -> int | None:
    """Return the most tokens for prompt and answer together; None = unknown, or no fitting wanted."""
    if isinstance(policy, int):
        return policy
    if policy == "off":
        return None
    return process.capabilities.window(endpoint.base_url, model or "") or listed_window(endpoint, model)


def room(window: int, beside: Sequence[Message], extra: int, answer: int | None) -> int:
    """Return a window's tokens left for the history beside these messages, `extra` tokens and the answer."""
    return window - _size(beside) - extra - (window // ANSWER_SHARE if answer is None else answer)


def shorter_after(error: ContextTooLong, sent: int, endpoint: Endpoint, model: str | None) -> int:
    """Estimate the window from a refusal, and remember it; `sent` is the number of tokens sent."""
    found = re.search(_SAID, str(error), re.IGNORECASE)
    window = int(found[1].replace(",", "")) if found else 0
    if not 0 < window < sent * 4:  # estimates are more accurate than that
        window = int(sent * GUESS)
    process.capabilities.learn_window(endpoint.base_url, model or "", window)
    return window


def _size(messages: Sequence[Message]) -> int:
    """Estimate the tokens of messages; an image counts as 765, its usual price."""
    return sum(
        estimate_tokens(message.text)
        + sum(estimate_tokens(call.arguments) + 8 for call in message.tool_calls)
        + 765 * len(message.images)
        + 4
        for message in messages
    )
