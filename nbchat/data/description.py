"""What a description of a value is: text for a prompt, within a budget, and what the footer says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbchat.values.errors import PromptError

if TYPE_CHECKING:
    from nbchat.data.images import Image

__all__ = ["ASKED", "DESCRIBED", "STOPS", "Description", "UnknownFormat", "class_name", "failed_line"]

STOPS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What ends the user's code as a whole; whatever else a value's own code raises is described."""

CHARS_PER_TOKEN = 4
"""A usual estimate for English text; a budget is a courtesy to the context window, not an account."""

DESCRIBED = 2_000
"""Tokens for a value that is described (a schema, statistics, masked rows, an object)."""

ASKED = 250_000
"""Tokens for what was asked for whole (a string, `:head N`, `:all`, `:text`, `:source`): a guard against accidents."""

SMALLEST = 60
"""The least budget in tokens: below it there is no room to say what was cut."""


class UnknownFormat(PromptError):
    """Nothing takes this format: interpolation leaves the placeholder as it was written."""


@dataclass(frozen=True, slots=True)
class Description:
    """A value as text for a prompt.

    `label` is a short noun phrase ("schema of 31 columns"); `rung` the step of the privacy ladder ("" = the value is
    not on it); `rows_shown` counts rows whose values are in `text`, masked or not; `cut` says that the budget left
    something out, which `text` then says too; `images` travel beside the text.
    """

    text: str
    label: str
    rung: str = ""
    rows_shown: int = 0
    cut: bool = False
    images: tuple[Image, ...] = ()


def room(budget: int | None, default: int = DESCRIBED) -> int:
    """Characters that a budget in tokens (None = `default`) allows."""
    tokens = default if budget is None else budget
    return max(tokens, SMALLEST) * CHARS_PER_TOKEN


def shorten(text: str, chars: int) -> tuple[str, bool]:
    """The text within `chars` characters, ending with a note of what was cut if it was; and whether it was."""
    if len(text) <= chars:
        return text, False
    note = f"\n[cut: the first {{}} of {len(text):,} characters are shown]"
    kept = max(chars - len(note) - len(f"{chars:,}"), 0)
    return text[:kept] + note.format(f"{kept:,}"), True


def missing(value: object) -> bool:
    """Whether a cell holds no value: None, NaN, NaT, pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN and NaT differ from themselves
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - NA has no truth value; nor has an array (each library's error), which is a value
        return type(value).__name__ == "NAType"


def failed_line(value: object, error: BaseException) -> str:
    """What stands for a value whose own code fails where it is looked at."""
    return f"<{class_name(value)}, whose own code fails with {class_name(error)}>"


def class_name(value: object) -> str:
    """The name of a value's class; a metaclass may fail at that too."""
    return str(type.__dict__["__name__"].__get__(type(value)))


def said_of(value: object) -> str:
    """`str(value)`, or its class where that fails: a cell of a frame may hold anything."""
    try:
        return str(value)
    except STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - any class may fail in its own way
        return f"<{type(value).__name__}, whose str fails with {type(error).__name__}>"
