"""The options of one request: parameters from the table, and nbchat's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from msgspec import Struct, field
from msgspec.structs import replace

from nbchat.conversation.turn import Turn
from nbchat.values.arguments import kinds_of, refuse_others
from nbchat.values.errors import ParameterError, PromptError
from nbchat.values.messages import ImagePart, Message, Part, TextPart
from nbchat.values.numbers import seconds
from nbchat.values.params import PARAMETERS
from nbchat.values.presenter import Approve
from nbchat.values.wording import nearest

__all__ = ["UNSET", "RequestOptions", "user_message"]

UNSET: Any = object()
"""Marks an option as not given, where None is a meaningful value."""


class RequestOptions(Struct, frozen=True, kw_only=True):
    """Options for one message. `None` and `UNSET` = the session's value."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """Changes to the session's parameters; None unsets one."""
    system: str | None = UNSET
    """The system text; None = no system text."""
    once: bool = False
    """Neither read nor join the history."""
    tools: Sequence[Any] | str | None = None
    """Functions or JSON schemas in place of the session's; "none" offers none."""
    approve: Approve | None = None
    """Decides whether a tool call may run."""
    schema: Any = None
    """The schema of the answer, in any form that `Schema.of` accepts; None = any text."""
    base_url: str | None = None
    key_env: str | None = None
    timeout: float | None = None
    """Longest silence, in seconds."""
    cell_id: str | None = None
    """The id of the message's cell; asking again from the same cell answers its turn again."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the values inserted into the message, by name."""
    cache: bool | None = None
    """Whether a stored answer to an identical request may be replayed; None = the session's setting."""
    continue_with: str = "session.resume()"
    """How to continue an incomplete answer, for messages; empty = not possible."""
    unguarded: bool = False
    """Send even messages that the guard would refuse."""
    replaces: Turn | None = None
    """The turn to answer again."""
    resumes: Turn | None = None
    """The turn whose answer to continue."""

    @classmethod
    def of(cls, options: Mapping[str, Any], *, replaces: Turn | None = None, resumes: Turn | None = None) -> Self:
        """Make options from keyword arguments. Raises ParameterError for an unknown one."""
        own = set(cls.__struct_fields__) - {"params", "replaces", "resumes"}
        params = {name: value for name, value in options.items() if name not in own}
        for name in params:
            if name not in PARAMETERS and name != "extra":
                hint = f"{nearest(name, [*PARAMETERS, *own])} Parameters that only your server knows go into extra={{...}}."
                raise ParameterError(f"There is no option {name}.{hint}")
        given = {name: value for name, value in options.items() if name in own}
        refuse_others(_KINDS, given.items())
        given["timeout"] = seconds("timeout", given.get("timeout"))
        return cls(params=params, replaces=replaces, resumes=resumes, **given)


_KINDS = kinds_of(RequestOptions.__annotations__, globals())


def user_message(message: Any) -> Message:
    """Make a user message from a text, or a list of texts and images.

    Raises PromptError for anything else, and for an empty message.
    """
    made = message if isinstance(message, Message) else Message("user", message)
    if not isinstance(made.content, str):
        made = replace(made, content=_parts(made.content))
    if not made.text.strip() and not made.images:
        raise PromptError("The message is empty: write what you want to ask. Nothing was sent.")
    return made


def _parts(message: Any) -> tuple[Part, ...]:
    given = tuple(message) if isinstance(message, (list, tuple)) else ()
    parts = tuple(TextPart(part) if isinstance(part, str) else part for part in given)
    if parts and all(map(_is_part, parts)):
        return parts
    if given and all(isinstance(part, Mapping) and "role" in part for part in given):
        raise PromptError(
            "Only one message can be asked at a time; got a list of messages. To continue a conversation, write it to a JSON"
            " file and use Session.load(FILE). Nothing was sent."
        )
    got = "None" if message is None else type(message).__name__
    raise PromptError(f"A message is a text, or a list of texts and images; got {got}. Nothing was sent.")


def _is_part(part: object) -> bool:
    return isinstance(part.text, str) if isinstance(part, TextPart) else isinstance(part, ImagePart)
