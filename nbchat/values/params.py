"""The table of request parameters: each field of the frozen class `Params` describes itself.

The magic's options, their help and completion, the panel's controls, range checks, the request body and the README's
table are generated from it, so a new parameter is one entry here. Ranges and meanings follow the chat-completions
reference (302.AI's page, which follows OpenAI's).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Self

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from nbchat.values.errors import ParameterError
from nbchat.values.frozen import FrozenDict
from nbchat.values.key_shapes import SECRET_FIELDS, holds_key

__all__ = ["PARAMETERS", "Kind", "Parameter", "Params", "json_line", "nearest"]

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
            raise ParameterError(f"{self.name} must be {self.expected}; got {_shown(value)}.") from None

    def parse(self, text: str) -> Any:
        """Parse an option's text; "none" is None. Raises ParameterError."""
        if text.strip().lower() == "none" and "none" not in self.choices:
            return None
        try:
            return self.check(_parsed(self, text))
        except (ValueError, OverflowError):  # a ParameterError is a ValueError too
            raise ParameterError(f"{self.name} must be {self.expected}; got {_shown(text)}.") from None

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


def _no_secret(name: str) -> ParameterError:
    return ParameterError(
        f"{name} would hold a secret, and parameters are shown and saved: give a key with %chat key, --key-env or --header."
    )


def json_line(value: Any) -> str:
    """Encode as JSON on one line, escaping the characters that some readers take for line breaks."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _number_text(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return repr(text) if isinstance(value, str) else text


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
    return _written_as_json(FrozenDict(value))


def _written_as_json(value: Any) -> Any:
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


def _row(kind: Kind, meaning: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """Describe the next field of `Params`, and return its default: None = not sent."""
    _ROWS.append({"kind": kind, "meaning": meaning, "low": low, "high": high, **more})


_ROWS: list[dict[str, Any]] = []
"""The descriptions of the fields of `Params`, in their order."""


class Params(Struct, frozen=True, kw_only=True):
    """The parameters of a request. None = not sent: the server decides. Values are validated on construction.

    Raises ParameterError, which names the parameter, what was expected and what was given.
    """

    model: str | None = _row("text", "the model's id", short="m")
    temperature: float | None = _row(
        "number",
        "higher is more random, 0 nearly always the likeliest token; alter this or top_p, not both",
        0,
        2,
        step=0.1,
        short="t",
    )
    top_p: float | None = _row(
        "number", "nucleus: sample only from the likeliest tokens that together have this probability", 0, 1, step=0.05
    )
    n: int | None = _row("integer", "choices to generate; every one is billed", 1, step=1, unit="choices")
    max_tokens: int | None = _row(
        "integer",
        "most tokens to generate; prompt and reply together are limited by the model's context",
        1,
        step=16,
        unit="tokens",
    )
    max_completion_tokens: int | None = _row(
        "integer",
        "most tokens to generate, reasoning included; newer models want it in place of max_tokens",
        1,
        step=16,
        unit="tokens",
    )
    stop: tuple[str, ...] | None = _row("texts", "the answer ends before any of these texts", high=4)
    presence_penalty: float | None = _row(
        "number", "positive: tokens that already occurred become less likely (new topics)", -2, 2, step=0.1
    )
    frequency_penalty: float | None = _row(
        "number", "positive: tokens become less likely the more often they occurred (less repetition)", -2, 2, step=0.1
    )
    logit_bias: Mapping[str, float] | None = _row(
        "biases", "added to the logits of these token ids before sampling; -100 bans, 100 forces", -100, 100, step=1
    )
    seed: int | None = _row(
        "integer", "same seed and request: the same answer, as far as the server supports it", step=1
    )
    user: str | None = _row("text", "an id of the end user, for the provider's abuse monitoring", sampling=False)
    logprobs: bool | None = _row(
        "flag", "also return each token's log probability; nbchat.what_if(reply) shows them", sampling=False
    )
    top_logprobs: int | None = _row(
        "integer", "likeliest alternatives to return for each token; needs logprobs", 0, 20, step=1, sampling=False
    )
    reasoning_effort: str | None = _row(
        "choice",
        "how much a reasoning model thinks first",
        choices=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        sampling=False,
    )
    response_format: Mapping[str, Any] | None = _row(
        "json", 'the answer\'s form: {"type": "json_object"} or {"type": "json_schema", ...}', sampling=False
    )
    tool_choice: str | Mapping[str, Any] | None = _row(
        "json", "whether to call tools", choices=("none", "auto", "required"), sampling=False
    )
    parallel_tool_calls: bool | None = _row("flag", "whether one answer may call several tools", sampling=False)
    stream: bool | None = _row("flag", "stream the answer as it is generated; unset: nbchat streams", sampling=False)
    extra: Mapping[str, Any] = FrozenDict()
    """Anything else the server takes, by wire name."""

    def __post_init__(self) -> None:
        for name, parameter in PARAMETERS.items():
            value = parameter.check(getattr(self, name))
            if parameter.kind == "text" and value is not None and holds_key(value):
                raise _no_secret(name)
            force_setattr(self, name, value)
        clash = sorted(set(self.extra) & ({*PARAMETERS, "messages", "tools", "stream_options"}))
        if clash:
            raise ParameterError(f"{clash[0]} is not an extra parameter: give it as {clash[0]} itself.")
        extra = FrozenDict({key: value for key, value in self.extra.items() if value is not None})
        for key, value in extra.items():
            try:
                _written_as_json({key: value})
            except TypeError:
                raise ParameterError(f"{key} must be a JSON value; got {_shown(value)}.") from None
            if key.lower() in SECRET_FIELDS or holds_key(json.dumps(value)):
                raise _no_secret(key)
        force_setattr(self, "extra", extra)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with these values; None unsets. `extra` is merged by key. Raises ParameterError."""
        if not changes:
            return self
        for name in changes:
            if name not in PARAMETERS and name != "extra":
                raise ParameterError(_unknown_parameter(name))
        if "extra" in changes:
            changes["extra"] = {**self.extra, **(changes["extra"] or {})}
        return replace(self, **changes)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield the parameters that are set, by wire name, in table order; extra ones last."""
        for name in PARAMETERS:
            if (value := getattr(self, name)) is not None:
                yield name, value
        yield from self.extra.items()

    @property
    def most_tokens(self) -> int | None:
        """Most tokens of an answer; None = the request sets no limit."""
        return self.max_completion_tokens or self.max_tokens

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters that are set, by wire name: the JSON form used in files."""
        return dict(self.items())

    @classmethod
    def from_dict(cls, params: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; names outside the table become `extra`. Raises ParameterError."""
        if not isinstance(params, Mapping):
            raise ParameterError(f"Parameters must be an object; got {type(params).__name__}.")
        known = {name: value for name, value in params.items() if name in PARAMETERS}
        return cls(**known, extra={name: value for name, value in params.items() if name not in PARAMETERS})

    def __repr__(self) -> str:
        return "Params(" + ", ".join(f"{name}={value!r}" for name, value in self.items()) + ")"


PARAMETERS: dict[str, Parameter] = {
    name: Parameter(name, **row) for name, row in zip(Params.__struct_fields__, _ROWS, strict=False)
}
"""The table: wire name to parameter, in display order."""


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ' Did you mean …?' with the closest of `words`, to append to a sentence; empty = none is close.

    A word that starts with `word` beats one that is merely similar.
    """
    import difflib

    known = {each.casefold(): each for each in reversed(list(words))}
    folded = word.casefold()
    begun = [each for each in known if each.startswith(folded)] if len(folded.strip("-")) > 1 else []
    close = min(begun, key=len) if begun else next(iter(difflib.get_close_matches(folded, known, n=1)), None)
    return f" Did you mean {known[close]}?" if close else ""


def _unknown_parameter(name: str) -> str:
    """The error message for a name outside the table."""
    hint = nearest(name, PARAMETERS) or " Pass server-specific parameters in extra={...} (--param in a cell)."
    return f"There is no parameter {name}.{hint}"
