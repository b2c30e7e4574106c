"""The options of one request: parameters of the table, and nbchat's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from nbchat.conversation.turn import Turn
from nbchat.values.errors import ParameterError, PromptError
from nbchat.values.messages import ImagePart, Message, Part, TextPart
from nbchat.values.params import PARAMETERS, nearest
from nbchat.values.presenter import Approve

__all__ = ["UNSET", "RequestOptions", "user_message"]

UNSET: Any = object()
"""Not given, where None has a meaning of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """How one message is asked. `None` and `UNSET` = as the session has it."""

    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Changes of the session's parameters; None unsets one."""
    system: str | None = UNSET
    """The system text; None = none at all."""
    once: bool = False
    """Neither read nor join the history."""
    tools: Sequence[Any] | str | None = None
    """Functions or JSON schemas in place of the session's; "none" offers none."""
    approve: Approve | None = None
    """Says whether a tool call may run."""
    schema: Any = None
    """What the answer must be, in any form that `Schema.of` takes; None = anything."""
    base_url: str | None = None
    key_env: str | None = None
    timeout: float | None = None
    """Longest silence, in seconds."""
    cell_id: str | None = None
    """The cell that the message comes from: asked from there again, its turn is answered anew."""
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Fingerprints of the values that were put into the message, by name."""
    cache: bool | None = None
    """Whether an identical request's answer may be replayed; None = as the session has it."""
    continue_with: str = "session.resume()"
    """What continues the answer where it does not come whole, in words for the reader; empty = nothing does."""
    unguarded: bool = False
    """Send even what the guard would refuse."""
    replaces: Turn | None = None
    """The turn that is answered again."""
    resumes: Turn | None = None
    """The turn whose answer is continued."""

    @classmethod
    def of(cls, options: Mapping[str, Any], *, replaces: Turn | None = None, resumes: Turn | None = None) -> Self:
        """The options that a user's keyword arguments mean. Raises ParameterError for an unknown one."""
        own = {field.name for field in dataclasses.fields(cls)} - {"params", "replaces", "resumes"}
        params = {name: value for name, value in options.items() if name not in own}
        for name in params:
            if name not in PARAMETERS and name != "extra":
                hint = f"{nearest(name, [*PARAMETERS, *own])} Parameters that only your server knows go into extra={{...}}."
                raise ParameterError(f"There is no option {name}.{hint}")
        for name in ("base_url", "key_env"):
            if not isinstance(options.get(name, ""), str | None):
                raise ParameterError(f"{name} must be one text for all requests; got {options[name]!r}.")
        given = {name: value for name, value in options.items() if name in own}
        made = cls(params=params, replaces=replaces, resumes=resumes, **given)
        if made.timeout is not None and not (isinstance(made.timeout, (int, float)) and made.timeout > 0):
            raise ParameterError(f"timeout must be a number of seconds above 0; got {made.timeout!r}.")
        return made


def user_message(message: Any) -> Message:
    """The user's message of a text, or of a list of texts and images. Raises PromptError for anything else.

    A message that says nothing is refused too.
    """
    content = message if isinstance(message, str | Message) else _parts(message)
    asked = content if isinstance(content, Message) else Message("user", content)
    if not asked.text.strip() and not asked.images:
        raise PromptError("The message is empty: write what you want to ask. Nothing was sent.")
    return asked


def _parts(message: Any) -> tuple[Part, ...]:
    given = tuple(message) if isinstance(message, (list, tuple)) else ()
    parts = tuple(TextPart(part) if isinstance(part, str) else part for part in given)
    if parts and all(isinstance(part, (TextPart, ImagePart)) for part in parts):
        return parts
    if given and all(isinstance(part, Mapping) and "role" in part for part in given):
        raise PromptError(
            "One message is asked at a time; got a list of messages. Written to a JSON file, Session.load(FILE) opens it"
            " as a conversation. Nothing was sent."
        )
    got = "None" if message is None else type(message).__name__
    raise PromptError(f"A message is a text, or a list of texts and images; got {got}. Nothing was sent.")
