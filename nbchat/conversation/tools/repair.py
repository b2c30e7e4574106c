"""Repair of tool calls, so that servers accept them in the history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from nbchat.values.answer.reply import Reply
from nbchat.values.messages import Message, ToolCall

__all__ = ["CUT_SHORT", "cut_short", "failed", "valid_calls", "with_unique_ids"]

FAILURES = ("Error: ", "Not run")
"""How results of failed or refused calls begin."""

CUT_SHORT = "Not run: the answer ended at its limit, before this call's arguments. Call it again."

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")


def with_unique_ids(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    """Return the calls with unique ids, which results refer to; some servers repeat one id."""
    seen: set[str] = set()
    apart: list[ToolCall] = []
    for call in calls:
        name, number = call.id, 1
        while not name or name in seen:
            number += 1
            name = f"{call.id or 'call'}_{number}"
        seen.add(name)
        apart.append(call if name == call.id else replace(call, id=name))
    return tuple(apart)


def valid_calls(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Return the calls with valid names and arguments that are a JSON object.

    Models may write anything, and many servers parse it again and fail (PROTOCOL 3.7: arguments may be invalid JSON). The
    original is quoted in the call's result.
    """
    return tuple(
        replace(
            call,
            name=_NOT_IN_NAMES.sub("_", call.name)[:64] or "unnamed",
            arguments=call.arguments if _is_object(call) else "{}",
        )
        for call in calls
    )


def cut_short(calls: Sequence[ToolCall], reply: Reply) -> ToolCall | None:
    """Return the last call if its answer was cut there, perhaps before its arguments; None = it was not."""
    is_cut = reply.is_cut or reply.finish_reason == "content_filter"
    return calls[-1] if is_cut and not calls[-1].arguments.strip("{} \n") else None


def failed(results: Sequence[Message]) -> bool:
    """Whether all of these calls failed."""
    return bool(results) and all(result.text.startswith(FAILURES) for result in results)


def _is_object(call: ToolCall) -> bool:
    try:
        return isinstance(call.parsed(), dict) and bool(call.arguments.strip())
    except (ValueError, RecursionError):
        return False
