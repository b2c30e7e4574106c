"""The footer of an answer: model and parameters, tokens, cost, timing, and notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbchat.values.answer.reply import Reply, Request
from nbchat.values.answer.usage import Usage
from nbchat.values.limits import clipped
from nbchat.values.optionline import option_line
from nbchat.values.wording import dollars

__all__ = ["cost_text", "footer_facts", "made_with", "params_text", "seconds_text", "settings_text", "tokens_text"]

ORDINARY_FINISHES = frozenset({"stop", "end_turn", "eos", "stop_sequence", None})

NOT_SETTINGS = frozenset({"model", "messages", "stream", "stream_options", "tools"})
"""Request fields that are not settings, or that the footer shows separately."""

SETTINGS_CHARACTERS = 90

STATUS_WORDS = {
    "interrupted": "stopped: this answer is incomplete",
    "cut_off": "cut off: this answer is incomplete",
    "failed": "failed: this answer is incomplete",
}


def footer_facts(reply: Reply, notes: Sequence[str] = (), *, continue_with: str = "") -> list[str]:
    """Return the footer's facts in order. `notes` are added by the cell (inserted values).

    `continue_with` names what continues this answer, such as `%chat continue`; empty = nothing does.
    """
    facts = [
        reply.model or "",
        settings_text(reply.request),
        tokens_text(reply.usage),
        cost_text(reply.cost),
        *_speed(reply),
    ]
    facts += ["replayed" if reply.replayed else "", STATUS_WORDS.get(reply.status, "")]
    finishes = {choice.finish_reason for choice in reply.choices} - ORDINARY_FINISHES
    facts += [_finish_words(reason, continue_with) for reason in sorted(filter(None, finishes))]
    if any(choice.refusal for choice in reply.choices):
        facts.append("refused")
    unshown = dict.fromkeys(kind for choice in reply.choices for kind in choice.unshown)
    if unshown:
        facts.append(f"received but not shown: {', '.join(unshown)}")
    if reply.status == "complete":
        facts.append(_nothing_words(reply))
    return [fact for fact in (*facts, *reply.notices, *notes) if fact]


def settings_text(request: Request | None) -> str:
    """Return the request's parameters as `%%chat` options: `-t 0.7 --seed 1`; empty = none, or unknown.

    A long line is cut.
    """
    return "" if request is None else params_text(request.body)


def params_text(params: Mapping[str, Any]) -> str:
    """Like `settings_text`, for parameters by wire name."""
    settings = {name: value for name, value in params.items() if name not in NOT_SETTINGS}
    form = settings.get("response_format")
    by_schema = isinstance(form, Mapping) and form.get("type") == "json_schema"
    if by_schema:
        del settings["response_format"]
    line = option_line({name: _brief(value) for name, value in settings.items()})
    return clipped(" ".join(filter(None, (line, "--schema" if by_schema else ""))), SETTINGS_CHARACTERS)


def made_with(model: str | None, params: Mapping[str, Any]) -> str:
    """Return an answer's model and parameters: `gpt-4o-mini · -t 0.7`."""
    return " · ".join(filter(None, (model, params_text(params))))


def _brief(value: object) -> object:
    """Format a value; nested ones, such as a JSON schema, by their keys only."""
    if isinstance(value, Mapping):
        return {name: "…" if isinstance(part, (Mapping, list)) else part for name, part in value.items()}
    return value


def _nothing_words(reply: Reply) -> str:
    """Describe an answer without text; empty for any other."""
    if any(choice.text or choice.refusal or choice.tool_calls or choice.images for choice in reply.choices):
        return ""
    if any(choice.reasoning for choice in reply.choices):
        return "the model reasoned but gave no answer"
    return "" if any(choice.unshown for choice in reply.choices) else "the model gave an empty answer"


def tokens_text(usage: Usage) -> str:
    """`12 → 34 tokens`; `~` marks an estimate."""
    if usage.state == "unknown":
        return "tokens unknown"
    mark = "~" if usage.state == "estimated" else ""
    sent = "?" if usage.prompt_tokens is None else f"{mark}{usage.prompt_tokens:,}"
    received = "?" if usage.completion_tokens is None else f"{mark}{usage.completion_tokens:,}"
    details = [f"{usage.cached_tokens:,} cached"] if usage.cached_tokens else []
    details += [f"{usage.reasoning_tokens:,} reasoning"] if usage.reasoning_tokens else []
    return f"{sent} → {received} tokens" + (f" ({', '.join(details)})" if details else "")


def cost_text(cost: float | None) -> str:
    """Format a cost in US dollars; empty = unknown."""
    if cost is None:
        return ""
    if cost == 0:
        return "free"
    if cost < 1e-4:
        return "under $0.0001"
    return dollars(cost)


def _speed(reply: Reply) -> list[str]:
    timing = reply.timing
    rate = timing.tokens_per_second(reply.usage.completion_tokens)
    return [
        "" if timing.first_token is None else f"{seconds_text(timing.first_token)} to first token",
        "" if rate is None else f"{rate:.0f} tokens/s" if rate >= 9.5 else f"{rate:.1f} tokens/s",
    ]


def seconds_text(seconds: float) -> str:
    """`<0.01 s`, `0.3 s`, `12 s`, `2 min 5 s`."""
    if seconds < 0.005:
        return "<0.01 s"
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.095 else f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _finish_words(reason: str, continue_with: str) -> str:
    cut = "cut at max_tokens" + (f": {continue_with} resumes it" if continue_with else "")
    words = {
        "length": cut,
        "max_tokens": cut,
        "content_filter": "stopped by the server's content filter",
        "tool_calls": "wants tools called",
        "function_call": "wants tools called",
    }
    return words.get(reason, f"finish: {reason}")
