"""Token counts of a reply and how certain they are, and the rate limits that a server reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

__all__ = ["UNKNOWN", "RateLimits", "Usage", "UsageState", "estimate_tokens", "prompt_tokens"]

UsageState = Literal["measured", "estimated", "unknown"]
"""Where counts come from: the server, an estimate by text length, or nowhere."""

PROMPT_NAMES = (
    "prompt_tokens",
    "input_tokens",
    "prompt_token_count",
    "promptTokens",
    "inputTokens",
    "promptTokenCount",
)
COMPLETION_NAMES = (
    *("completion_tokens", "output_tokens", "completion_token_count", "completionTokens", "outputTokens"),
    *("generated_tokens", "candidatesTokenCount"),
)
TOTAL_NAMES = ("total_tokens", "total_token_count", "totalTokens", "totalTokenCount")
CACHED_NAMES = ("cached_tokens", "prompt_cache_hit_tokens", "cachedTokens")
REASONING_NAMES = ("reasoning_tokens", "reasoningTokens")
"""The names that servers give to their counts."""

NAMES = frozenset(
    {
        *(*PROMPT_NAMES, *COMPLETION_NAMES, *TOTAL_NAMES, *CACHED_NAMES, *REASONING_NAMES, "cost"),
        *(f"{name}_details" for name in (*PROMPT_NAMES, *COMPLETION_NAMES)),
    }
)
"""The fields of a usage object that are looked at."""

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text; used only if the server reports nothing, and always shown as an estimate."""


class Usage(Struct, frozen=True):
    """Tokens of one reply, or the sum of several. None is unknown, never 0.

    `state` says where the counts come from: "measured" (reported by the server), "estimated" (from the text's length),
    or "unknown" (some or all are missing). `cached_tokens` are included in `prompt_tokens`, `reasoning_tokens` in
    `completion_tokens`. `cost` is in US dollars, and only what the server itself reported.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    state: UsageState = "unknown"
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None

    @classmethod
    def from_wire(cls, usage: Mapping[str, Any]) -> Usage:
        """Read the `usage` object of a reply or chunk. Anything that is not a count is unknown."""
        prompt, completion, total = (_first(usage, names) for names in (PROMPT_NAMES, COMPLETION_NAMES, TOTAL_NAMES))
        if total is None and prompt is not None and completion is not None:
            total = prompt + completion
        if prompt is None and completion is None and total is None:
            return UNKNOWN
        return cls(
            prompt,
            completion,
            total,
            "measured",
            cached_tokens=_detail(usage, PROMPT_NAMES, CACHED_NAMES),
            reasoning_tokens=_detail(usage, COMPLETION_NAMES, REASONING_NAMES),
            cost=_amount(usage.get("cost")),
        )

    @classmethod
    def estimated(cls, prompt: int | None, completion: int | None) -> Usage:
        """Return estimated counts; None = unknown."""
        total = None if prompt is None or completion is None else prompt + completion
        return cls(prompt, completion, total, "estimated")

    @classmethod
    def total(cls, usages: Iterable[Usage]) -> Usage:
        """Return the sum, as certain as the least certain of them; unknown counts are left out."""
        parts = list(usages)
        if not parts:
            return cls(0, 0, 0, "measured")
        states = {part.state for part in parts}
        state: UsageState = "unknown" if "unknown" in states else "estimated" if "estimated" in states else "measured"
        return cls(
            _sum(part.prompt_tokens for part in parts),
            _sum(part.completion_tokens for part in parts),
            _sum(part.total_tokens for part in parts),
            state,
            _sum(part.cached_tokens for part in parts),
            _sum(part.reasoning_tokens for part in parts),
            _sum(part.cost for part in parts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files and tables: the counts that are known."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, usage: Mapping[str, Any]) -> Usage:
        """The inverse of `to_dict`; anything that is not a count is unknown, and unknown names are ignored."""
        state = usage.get("state")
        counts = {name: _count(usage.get(name)) for name in _COUNTS}
        return cls(
            state=state if state in ("measured", "estimated") else "unknown", cost=_amount(usage.get("cost")), **counts
        )


_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")

UNKNOWN = Usage()
"""No count was sent, and there is nothing to estimate one from."""


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text (characters / 4, at least 1 for any text)."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(usage: Mapping[str, Any], names: Iterable[str]) -> int | None:
    """The count under the first of the names that has one, preferring a count above zero."""
    counts = [count for name in names if name in usage and (count := _count(usage[name])) is not None]
    return next(filter(None, counts), counts[0] if counts else None)


def prompt_tokens(body: Mapping[str, Any]) -> int | None:
    """Estimate the tokens of a request, tools included; None = it has images, whose tokens are unknown."""
    count = estimate_tokens(json.dumps(body["tools"])) if body.get("tools") else 0
    for message in body.get("messages", ()):
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if any(part.get("type") != "text" for part in parts):
            return None
        count += sum(estimate_tokens(part.get("text", "")) for part in parts)
    return count


def _detail(usage: Mapping[str, Any], holders: Iterable[str], names: Iterable[str]) -> int | None:
    """A count from a details object (`prompt_tokens_details`), or from beside it."""
    inner = (_mapping(usage[f"{holder}_details"]) for holder in holders if f"{holder}_details" in usage)
    return next((count for part in (*inner, usage) if (count := _first(part, names)) is not None), None)


def _count(value: object) -> int | None:
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < 2**53 else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 2**53 else None


def _sum(values: Iterable[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


class RateLimits(Struct, frozen=True):
    """Limits from the response headers; None = not reported. `reset_*`: seconds until the limit is fully restored."""

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None
