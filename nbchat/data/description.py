"""`Description`: a value as prompt text within a budget, with its label for the footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from nbchat.values.errors import PromptError

if TYPE_CHECKING:
    from nbchat.data.images import Image

__all__ = ["ASKED", "DESCRIBED", "STOPS", "Description", "UnknownFormat", "class_name", "failed_line"]

STOPS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""Exceptions that propagate; anything else that a value's own code raises is described in the text."""

CHARS_PER_TOKEN = 4
"""A usual estimate for English text; budgets need no precision."""

DESCRIBED = 2_000
"""Default token budget for a description (schema, statistics, masked rows, object)."""

ASKED = 250_000
"""Default token budget for what is requested in full (string, `:head N`, `:all`, `:text`, `:source`), against accidents."""

SMALLEST = 60
"""The smallest token budget: it leaves room to say what was cut."""


class UnknownFormat(PromptError):
    """The value does not support this format; interpolation leaves the placeholder as written."""


class Description(Struct, frozen=True):
    """A value as text for a prompt.

    `label` is a short noun phrase ("schema of 31 columns"); `rung` the rung of the privacy ladder ("" = the value is
    not on it); `cut` is whether the budget left something out, which `text` then mentions; `images` follow the text.
    """

    text: str
    label: str
    rung: str = ""
    cut: bool = False
    images: tuple[Image, ...] = ()


def room(budget: int | None, default: int = DESCRIBED) -> int:
    """Return the characters that a token budget (None = `default`) allows."""
    tokens = default if budget is None else budget
    return max(tokens, SMALLEST) * CHARS_PER_TOKEN


def shorten(text: str, chars: int) -> tuple[str, bool]:
    """Cut a text to `chars` characters with a note on what was cut; return it and whether it was cut."""
    if len(text) <= chars:
        return text, False
    note = f"\n[cut: the first {{}} of {len(text):,} characters are shown]"
    kept = max(chars - len(note) - len(f"{chars:,}"), 0)
    return text[:kept] + note.format(f"{kept:,}"), True


def missing(value: object) -> bool:
    """Whether a cell is missing: None, NaN, NaT, pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN and NaT differ from themselves
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - NA has no truth value; neither has an array, which is not missing
        return type(value).__name__ == "NAType"


def failed_line(value: object, error: BaseException) -> str:
    """The placeholder for a value whose own code raises while it is inspected."""
    return f"<{class_name(value)}, whose own code raises {class_name(error)}>"


def class_name(value: object) -> str:
    """The name of a value's class, even if its metaclass raises."""
    return str(type.__dict__["__name__"].__get__(type(value)))


def safe_str(value: object) -> str:
    """Return `str(value)`, or a placeholder naming its class if that raises."""
    try:
        return str(value)
    except STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - any class may fail in its own way
        return f"<{type(value).__name__}, whose str raises {type(error).__name__}>"
