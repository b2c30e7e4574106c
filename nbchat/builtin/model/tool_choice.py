"""Decide whether the model calls tools, and which."""

from __future__ import annotations

from collections.abc import Sequence

from nbchat.builtin.http.chat_messages import Message
from nbchat.builtin.http.request import Request, Tool
from nbchat.builtin.model.material import words_of
from nbchat.builtin.model.relevance import stem, terms, words

__all__ = ["chosen_tools"]

_NAME, _PARAMETER, _DESCRIPTION = 3.0, 1.0, 1.0
_ENOUGH = 3.0
_VERBS = words("get set do run make find fetch call show list read tool function by of the to for and")


def chosen_tools(request: Request) -> tuple[Tool, ...]:
    """Return the tools to call, best match first; empty = answer with text.

    A tool's result is always answered with text. Otherwise `required` and a named tool are obeyed, and `auto` calls the
    tools that share enough words with the user's message, words of their names counting most.
    """
    last = request.messages[-1]
    if last.role == "tool" or not request.tools or request.tool_choice == "none":
        return ()
    named = [tool for tool in request.tools if tool.name == request.tool_choice]
    if named:
        return (named[0],)
    ranked = sorted(request.tools, key=lambda tool: -_score(tool, _stems(request.messages)))
    matching = [tool for tool in ranked if _score(tool, _stems(request.messages)) >= _ENOUGH]
    if request.tool_choice == "required":
        matching = matching or ranked[:1]
    elif last.role != "user":
        return ()
    return tuple(matching if request.parallel_tool_calls else matching[:1])


def _stems(messages: Sequence[Message]) -> set[str]:
    """The stems of the user's last message."""
    text = next((message.text for message in reversed(messages) if message.role == "user"), "")
    return {stem(word) for word in [*words_of(text), *terms(text)]}


def _score(tool: Tool, stems: set[str]) -> float:
    """Score the overlap of a tool's name, description and parameters with the message's stems."""
    name = {stem(word) for word in words_of(tool.name)} - _VERBS
    properties = tool.parameters.get("properties")
    parameters = {stem(word) for key in (properties if isinstance(properties, dict) else ()) for word in words_of(key)}
    description = set(terms(tool.description)) - name
    by_name = _NAME * len(name & stems) / max(1, len(name)) + (_NAME / 2 if len(name & stems) > 1 else 0.0)
    spelled_out = _ENOUGH if stem(tool.name) in stems else 0.0
    by_parameters = _PARAMETER * len((parameters - _VERBS) & stems)
    return by_name + spelled_out + by_parameters + _DESCRIPTION * len(description & stems)
