"""One request parameter: what it means, which values it takes, and how they are written as an option."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from nbchat.values.errors import ParameterError
from nbchat.values.frozen import FrozenDict
from nbchat.values.wording import shown

__all__ = ["Kind", "Parameter", "json_line", "shown", "written_as_json"]

Kind = Literal["number", "integer", "text", "texts", "biases", "flag", "choice", "json"]
"""How a value is parsed and checked: "texts" is up to `high` strings, "biases" a mapping of token id to number."""


class Parameter(Struct, frozen=True):
    """One row of the table. `low`, `high` and `step` are in `unit`; None = unbounded, or not a number."""

    name: str
    """The name in the request and in Python."""
    kind: Kind
    meaning: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    short: str = ""
    """The one-letter option, without its dash; empty = none."""
    sampling: bool = True
    """Whether it affects sampling: then several values form a sweep axis, and the panel has a control."""

    @property
    def flag(self) -> str:
        """The magic's option: `--top-p`."""
        return "--" + self.name.replace("_", "-")

    @property
    def expected(self) -> str:
        """A description of valid values: "a number from 0 to 2"."""
        match self.kind:
            case "number" | "integer":
                noun = "a number" if self.kind == "number" else "a whole number"
                return noun + self._range_in_words()
            case "text":
                return "text"
            case "texts":
                return f"up to {self.high:g} texts, none of them empty"
            case "biases":
                return f"token ids with a bias from {self.low:g} to {self.high:g} each, as ID=BIAS or a JSON object"
            case "flag":
                return "true or false"
            case "choice":
                return "one of " + ", ".join(self.choices)
            case "json":
                return "JSON" + (" or one of " + ", ".join(self.choices) if self.choices else " (an object)")

    def check(self, value: object) -> Any:
        """Return the value in its normal form; None stays None (not sent). Raises ParameterError."""
        if value is None:
            return None
        try:
            return _CHECKS[self.kind](self, value)
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(f"{self.name} must be {self.expected}; got {shown(value)}.") from None

    def parse(self, text: str) -> Any:
        """Parse an option's text; "none" is None. Raises ParameterError."""
        if text.strip().lower() == "none" and "none" not in self.choices:
            return None
        try:
            return self.check(_parsed(self, text))
        except (ValueError, OverflowError):  # a ParameterError is a ValueError too
            raise ParameterError(f"{self.name} must be {self.expected}; got {shown(text)}.") from None

    def written(self, value: Any) -> list[str]:
        """Return the value as option texts, one for each time the option is given. Inverse of `parse`."""
        match self.kind:
            case "texts":
                return [str(item) for item in value]
            case "biases":
                return [f"{token}={_number_text(bias)}" for token, bias in value.items()]
            case "number" | "integer":
                return [_number_text(value)]
            case "flag":
                return ["true" if value else "false"]
            case "json":
                return [value if isinstance(value, str) else json_line(value)]
            case _:
                return [str(value)]

    def _range_in_words(self) -> str:
        if self.low is not None and self.high is not None:
            return f" from {self.low:g} to {self.high:g}"
        return f" of at least {self.low:g}" if self.low is not None else ""


def json_line(value: Any) -> str:
    """Encode as JSON on one line, escaping the characters that some readers take for line breaks."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _number_text(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def _parsed(parameter: Parameter, text: str) -> object:
    match parameter.kind:
        case "number":
            return float(text)
        case "integer":
            return int(text)
        case "flag":
            return {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}.get(
                text.strip().lower(), text
            )
        case "texts":
            return (text,)
        case "biases":
            return _parsed_biases(text)
        case "json":
            return text if text in parameter.choices else _loads(text)
        case _:
            return text


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _parsed_biases(text: str) -> object:
    if text.lstrip().startswith("{"):
        return _loads(text)
    return {token: float(bias) for token, _, bias in (item.rpartition("=") for item in text.split(","))}


def _check_number(parameter: Parameter, value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise TypeError
    number = float(value)
    _check_range(parameter, number)
    return int(number) if number.is_integer() else number  # some servers require an integer


def _check_integer(parameter: Parameter, value: Any) -> int:
    if isinstance(value, (bool, str)) or int(value) != value:
        raise TypeError
    _check_range(parameter, int(value))
    return int(value)


def _check_range(parameter: Parameter, number: float) -> None:
    low, high = parameter.low, parameter.high
    if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
        raise ValueError


def _check_text(_parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _check_texts(parameter: Parameter, value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else () if isinstance(value, Mapping) else tuple(value)
    if not 1 <= len(texts) <= (parameter.high or math.inf) or not all(isinstance(t, str) and t for t in texts):
        raise ValueError
    return texts


def _check_biases(parameter: Parameter, value: Any) -> FrozenDict[float]:
    biases = {str(int(token)): bias for token, bias in dict(value).items()}
    if not biases or any(int(token) < 0 for token in biases):
        raise ValueError
    return FrozenDict({token: _check_number(parameter, bias) for token, bias in biases.items()})


def _check_flag(_parameter: Parameter, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _check_choice(parameter: Parameter, value: Any) -> str:
    if value not in parameter.choices:
        raise ValueError
    return str(value)


def _check_json(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str) and value in parameter.choices:
        return value
    if not isinstance(value, Mapping):
        raise TypeError
    return written_as_json(FrozenDict(value))


def written_as_json(value: Any) -> Any:
    """Return the value itself. Raises TypeError for what JSON can't represent, such as a NumPy number or a set."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise TypeError from None
    return value


_CHECKS = {
    "number": _check_number,
    "integer": _check_integer,
    "text": _check_text,
    "texts": _check_texts,
    "biases": _check_biases,
    "flag": _check_flag,
    "choice": _check_choice,
    "json": _check_json,
}
