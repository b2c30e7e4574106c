"""Numbers that callers and files give, checked before anything is sent."""

from __future__ import annotations

import math
import operator
from typing import Any

from nbchat.values.errors import ParameterError
from nbchat.values.wording import shown

__all__ = ["MOST", "is_finite", "seconds", "whole_number"]

MOST = {"repeat": 10_000, "pilot": 100_000, "concurrency": 10_000, "at_once": 10_000, "retries": 100}
"""The greatest values of options that count something."""

LONGEST_SECONDS = 1e6
"""Some 12 days. Python's own timers overflow at about 290 years."""


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Return an option that counts something, also NumPy's integers. Raises ParameterError."""
    most = MOST[name]
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        raise ParameterError(f"{name} must be a whole number from {least} to {most:,}; got {shown(value)}.")
    return number


def seconds(name: str, value: Any) -> float | None:
    """Return a duration; None = the default. Raises ParameterError."""
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value <= LONGEST_SECONDS:
        raise ParameterError(f"{name} must be a number of seconds above 0, at most 1,000,000; got {shown(value)}.")
    return float(value)


def is_finite(number: float) -> bool:
    """Whether a number is neither infinite nor NaN, nor an integer larger than any float."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
