"""The table of request parameters: each field of the frozen class `Params` describes itself.

The magic's options, their help and completion, the panel's controls, range checks, the request body and the README's
table are generated from it, so a new parameter is one entry here. Ranges and meanings follow the chat-completions
reference (302.AI's page, which follows OpenAI's).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from nbchat.values.errors import ParameterError
from nbchat.values.frozen import FrozenDict
from nbchat.values.key_shapes import SECRET_FIELDS, holds_key
from nbchat.values.parameter import Kind, Parameter, written_as_json
from nbchat.values.wording import nearest, shown

__all__ = ["PARAMETERS", "Params"]


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
        _check_extra(self.extra)
        clash = sorted(set(self.extra) & ({*PARAMETERS, "messages", "tools", "stream_options"}))
        if clash:
            raise ParameterError(f"{clash[0]} is not an extra parameter: give it as {clash[0]} itself.")
        extra = FrozenDict({key: value for key, value in self.extra.items() if value is not None})
        for key, value in extra.items():
            try:
                written_as_json({key: value})
            except TypeError:
                raise ParameterError(f"{key} must be a JSON value; got {shown(value)}.") from None
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
        if (extra := changes.get("extra")) is not None:
            _check_extra(extra)
        if "extra" in changes:
            changes["extra"] = {**self.extra, **(extra or {})}
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


def _check_extra(extra: object) -> None:
    if not isinstance(extra, Mapping) or not all(isinstance(name, str) for name in extra):
        raise ParameterError(f"extra must be a dictionary of parameters' names and JSON values; got {shown(extra)}.")


def _no_secret(name: str) -> ParameterError:
    return ParameterError(
        f"{name} would hold a secret, and parameters are shown and saved: give a key with %chat key, --key-env or --header."
    )


def _unknown_parameter(name: str) -> str:
    """The error message for a name outside the table."""
    hint = nearest(name, PARAMETERS) or " Pass server-specific parameters in extra={...} (--param in a cell)."
    return f"There is no parameter {name}.{hint}"
