"""`nbchat.describe`: the text of a value, for messages that are written in Python."""

from __future__ import annotations

from nbchat.data import describe as describer
from nbchat.values.arguments import checked
from nbchat.values.errors import PromptError

__all__ = ["describe"]


@checked
def describe(value: object, spec: str = "", *, budget: int | None = None) -> str:
    """Return the text that `{value}` or `{value:spec}` inserts in a cell: of a data frame the schema, never its rows.

    `chat.ask(f"What should I check? {nbchat.describe(df)}")`. `spec` is "stats", "sample N", "head N" or "all" for data
    frames, columns and arrays, else a format; `budget` the most tokens, of 4 characters each (None = 2,000, or 250,000
    for what is requested in full). Raises PromptError for a `spec` that the value does not support, and for a picture.
    """
    description = describer.describe(value, spec, budget=budget)
    if description.images:
        raise PromptError("A picture has no text: insert it in a cell, as {name}, or attach it with --image.")
    return description.text
