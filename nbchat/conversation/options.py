"""The options of one request, told apart: parameters of the table, and what is nbchat's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from nbchat.conversation.turn import Turn
from nbchat.values.errors import ParameterError, PromptError
from nbchat.values.messages import Content, Message
from nbchat.values.params import PARAMETERS, nearest

__all__ = ["UNSET", "Plan", "user_message"]

UNSET: Any = object()
"""Not given, where None has a meaning of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one message is asked. `None` and `UNSET` = as the session has it."""

    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Changes of the session's parameters; None unsets one."""
    system: str | None = UNSET
    """The system text; None = none at all."""
    once: bool = False
    """Neither reads nor joins the history."""
    tools: Sequence[Any] | str | None = None
    """Functions or JSON schemas in place of the session's; "none" offers none."""
    schema: Any = None
    """What the answer must be, in any form that `Schema.of` takes; None = anything."""
    base_url: str | None = None
    key_env: str | None = None
    timeout: float | None = None
    """Longest silence, in seconds."""
    slot: str | None = None
    """The place the message comes from: asked from there again, its turn is answered anew."""
    unguarded: bool = False
    """Send even what the guard would refuse."""
    replaces: Turn | None = None
    """The turn whose place the new one takes."""
    resumes: Turn | None = None
    """The turn whose answer is taken up."""

    @classmethod
    def of(cls, options: Mapping[str, Any], *, replaces: Turn | None = None, resumes: Turn | None = None) -> Self:
        """The plan that these keyword arguments of a user's mean. Raises ParameterError for an unknown one."""
        own = {field.name for field in dataclasses.fields(cls)} - {"params", "replaces", "resumes"}
        params = {name: value for name, value in options.items() if name not in own}
        for name in params:
            if name not in PARAMETERS and name != "extra":
                hint = nearest(name, [*PARAMETERS, *own]) or " What only your server knows goes into extra={...}."
                raise ParameterError(f"There is no option {name}.{hint}")
        for name in ("base_url", "key_env"):
            if not isinstance(options.get(name, ""), str | None):
                raise ParameterError(f"{name} must be one text for all requests; got {options[name]!r}.")
        given = {name: value for name, value in options.items() if name in own}
        plan = cls(params=params, replaces=replaces, resumes=resumes, **given)
        if plan.timeout is not None and not (isinstance(plan.timeout, (int, float)) and plan.timeout > 0):
            raise ParameterError(f"timeout must be a number of seconds above 0; got {plan.timeout!r}.")
        return plan


def user_message(message: Any) -> Message:
    """The user's message of whatever was given. Raises PromptError for one that says nothing."""
    if isinstance(message, Message):
        return message
    content: Content = message if isinstance(message, str) else tuple(message)
    asked = Message("user", content)
    if not asked.text.strip() and not asked.images:
        raise PromptError("The message is empty: write what you want to ask. Nothing was sent.")
    return asked
