"""Detect parameters that a server silently ignored, as far as its answer shows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbchat.values.answer.reply import Choice
from nbchat.values.answer.tool_arguments import call_in_text
from nbchat.values.answer.usage import Usage
from nbchat.values.modelname import same_model

__all__ = ["ignored_parameters"]


def ignored_parameters(
    body: Mapping[str, Any], choices: Sequence[Choice], usage: Usage, model: str | None, *, whole: bool
) -> list[str]:
    """Yield a note for each parameter of the request's body that the answer contradicts.

    `model` is the one that reports to have answered (None = not reported). An answer that is not `whole` is checked for
    that alone.
    """
    notes = [*_of_choices(body, choices), *_of_texts(body, choices), *_of_counts(body, usage)] if whole else []
    wanted = str(body.get("model") or "")
    if model and wanted and not same_model(wanted, model):
        notes.append(f"asked for {wanted}")
    if body.get("tools") and not any(choice.tool_calls for choice in choices):
        written = next(filter(None, (call_in_text(choice.text) for choice in choices)), "")
        if written:
            notes.append(
                f"the model wrote a tool call as text ({written}…) that the server did not parse: it was not run"
            )
        elif whole and any(not choice.text and choice.finish_reason == "tool_calls" for choice in choices):
            notes.append("the server announced a tool call, and sent none that can be read")
    return notes


def _of_choices(body: Mapping[str, Any], choices: Sequence[Choice]) -> Iterator[str]:
    count = body.get("n", 1)
    if isinstance(count, int) and len(choices) < count:
        yield f"only {len(choices)} of {count} choices arrived"
    answered = [choice for choice in choices if choice.text]
    if body.get("logprobs") is True and answered and not any(choice.logprobs for choice in choices):
        yield "no logprobs arrived"
    elif body.get("top_logprobs") and any(c.logprobs for c in choices) and not _has_tops(choices):
        yield "no top_logprobs arrived"
    if body.get("reasoning_effort") == "none" and any(choice.reasoning for choice in choices):
        yield "the model reasoned although reasoning_effort is none"
    yield from _of_calls(body, choices)


def _has_tops(choices: Sequence[Choice]) -> bool:
    return any(token.get("top_logprobs") for choice in choices for token in choice.logprobs)


def _of_calls(body: Mapping[str, Any], choices: Sequence[Choice]) -> Iterator[str]:
    wanted = body.get("tool_choice")
    names = {call.name for choice in choices for call in choice.tool_calls}
    if wanted == "none":
        if names:
            yield "the model called tools although tool_choice is none"
    elif wanted not in (None, "auto"):
        function = wanted.get("function") if isinstance(wanted, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if not names or (name and name not in names):
            yield f"the model did not call {name or 'a tool'} although tool_choice requires it"
    if body.get("parallel_tool_calls") is False and any(len(choice.tool_calls) > 1 for choice in choices):
        yield "the model called several tools although parallel_tool_calls is off"


def _of_texts(body: Mapping[str, Any], choices: Sequence[Choice]) -> Iterator[str]:
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop if isinstance(stop, (list, tuple)) else ()
    for text in stops:
        if isinstance(text, str) and text and any(text in choice.text.removesuffix(text) for choice in choices):
            yield f"the answer continues past the stop sequence {text!r}"
    form = body.get("response_format")
    if isinstance(form, Mapping) and form.get("type") in ("json_object", "json_schema"):
        answered = [choice for choice in choices if choice.text and not choice.tool_calls]
        if answered and not all(_is_json(choice.text) for choice in answered if choice.finish_reason != "length"):
            yield "the answer is not JSON although response_format asks for it"


def _is_json(text: str) -> bool:
    """Whether a text is JSON, in a fence or not."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.partition("\n")[2].removesuffix("```")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _of_counts(body: Mapping[str, Any], usage: Usage) -> Iterator[str]:
    """Report tokens beyond the limit. Reasoning is subtracted, since some servers count it separately."""
    written, count = usage.completion_tokens, body.get("n", 1)
    if usage.state != "measured" or written is None or not isinstance(count, int):
        return
    for name in ("max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if isinstance(limit, int) and limit > 0 and written - (usage.reasoning_tokens or 0) > limit * count:
            yield f"{written:,} tokens arrived although {name} is {limit:,}"
            return
