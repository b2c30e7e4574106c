"""Parse a chat-completions request from JSON: every field is checked by type and range, unknown fields are ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from nbchat.builtin.http.chat_messages import Message, read_messages
from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.model.sampling import Sampling
from nbchat.values.errors import ParameterError
from nbchat.values.params import PARAMETERS

__all__ = ["JSON_OBJECT", "Request", "Tool", "parse_json", "read_request"]

T = TypeVar("T")

MOST_TOOLS = 128
ROWS = {
    **{name: row for name, row in PARAMETERS.items() if name != "reasoning_effort"},  # it has no effect here
    "n": replace(PARAMETERS["n"], high=128),
    "seed": replace(PARAMETERS["seed"], low=-(2**63), high=2**63 - 1),
}
"""The parameters that have an effect, by name."""
EMPTY = {"text": "", "texts": [], "biases": {}}
"""Values that count as not given, by kind of parameter."""
JSON_OBJECT: Mapping[str, Any] = {"type": "object"}
"""The schema for response_format json_object; compared by identity."""


class Tool(Struct, frozen=True):
    """A function the model may call. `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class Request(Struct, frozen=True):
    """A validated request. None = not given.

    `tool_choice` is "auto", "none", "required" or the name of a tool. `schema` is the JSON schema of the answer (None =
    free text).
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    seed: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel_tool_calls: bool = True
    schema: Mapping[str, Any] | None = None


def parse_json(body: bytes) -> dict[str, Any]:
    """Parse the JSON object in a request's body. Raises Refusal for anything else."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"The body must be a JSON object, but it is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Refusal(f"The body must be a JSON object, not {kind_of(value)}.")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def read_request(body: Mapping[str, Any], vocabulary: int) -> Request:
    """Validate the request in a body's JSON object; `vocabulary` is the number of token ids. Raises Refusal."""
    fields, given = Fields(body), _parameters(body)
    tools = _tools(fields)
    options, stream = fields.get("stream_options", dict) or {}, bool(given.get("stream"))
    if options and not stream:
        raise Refusal("stream_options is only allowed with stream: true.", param="stream_options")
    return Request(
        model=fields.required_text("model"),
        messages=read_messages(body.get("messages")),
        sampling=_sampling(given, vocabulary),
        n=given.get("n", 1),
        stream=stream,
        include_usage=bool(Fields(options, "stream_options.").get("include_usage", bool)),
        stop=given.get("stop", ()),
        max_tokens=given.get("max_completion_tokens", given.get("max_tokens")),
        seed=given.get("seed"),
        tools=tools,
        tool_choice=_tool_choice(fields, tools),
        parallel_tool_calls=given.get("parallel_tool_calls", True),
        schema=_schema(fields),
    )


def _parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are given, each in its normal form. Raises Refusal."""
    given = {}
    for name, row in ROWS.items():
        value = body.get(name)
        if value is not None and value != EMPTY.get(row.kind):
            try:
                given[name] = row.check(value)
            except ParameterError as error:
                raise Refusal(str(error), param=name) from None
    return given


def _sampling(given: Mapping[str, Any], vocabulary: int) -> Sampling:
    top = given.get("top_logprobs")
    if top is not None and not given.get("logprobs"):
        raise Refusal("top_logprobs is only allowed with logprobs: true.", param="top_logprobs")
    return Sampling(
        **{
            name: given[name]
            for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty")
            if name in given
        },
        bias=_bias(given.get("logit_bias", {}), vocabulary),
        top_logprobs=(top or 0) if given.get("logprobs") else None,
    )


def _bias(given: Mapping[str, float], vocabulary: int) -> dict[int, float]:
    for token in given:
        if int(token) >= vocabulary:
            message = f"logit_bias maps token ids from 0 to {vocabulary - 1} to a bias; {token[:40]} is not such an id."
            raise Refusal(message, param="logit_bias")
    return {int(token): bias for token, bias in given.items()}


def _tools(fields: Fields) -> tuple[Tool, ...]:
    given = fields.get("tools", list) or ()
    if len(given) > MOST_TOOLS:
        raise Refusal(f"tools must be at most {MOST_TOOLS}, not {len(given)}.", param="tools")
    tools = tuple(_tool(item, f"tools[{i}]") for i, item in enumerate(given))
    if len({tool.name for tool in tools}) < len(tools):
        raise Refusal("Two of the tools have the same name.", param="tools")
    return tools


def _tool(given: object, where: str) -> Tool:
    outer = Fields(given, where + ".") if isinstance(given, dict) else None
    if outer is None or outer.values.get("type") != "function":
        raise Refusal(f'{where} must be an object with "type": "function".', param=where)
    function = outer.get("function", dict)
    if function is None:
        raise Refusal(f'{where} must have a "function" object.', param=f"{where}.function")
    inner = Fields(function, f"{where}.function.")
    name = inner.required_text("name")
    if len(name) > 64 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        message = "A tool's name must be 1 to 64 letters, digits, underscores or dashes."
        raise Refusal(message, param=f"{where}.function.name")
    parameters = inner.get("parameters", dict) or {"type": "object", "properties": {}}
    return Tool(name, inner.get("description", str) or "", parameters)


def _tool_choice(fields: Fields, tools: Sequence[Tool]) -> str:
    given = fields.values.get("tool_choice")
    if given is None:
        return "auto"
    if not tools:
        raise Refusal("tool_choice is only allowed with tools.", param="tool_choice")
    if given in ("none", "auto", "required"):
        return str(given)
    function = given.get("function") if isinstance(given, dict) and given.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    if not any(tool.name == name for tool in tools):
        message = 'tool_choice must be "none", "auto", "required", or name one of the tools: {"type": "function", …}.'
        raise Refusal(message, param="tool_choice")
    return str(name)


def _schema(fields: Fields) -> Mapping[str, Any] | None:
    given = fields.get("response_format", dict)
    wanted = given.get("type") if given is not None else "text"
    if given is None or wanted == "text":
        return None
    if wanted == "json_object":
        return JSON_OBJECT
    if wanted != "json_schema":
        message = 'response_format.type must be "text", "json_object" or "json_schema".'
        raise Refusal(message, param="response_format.type")
    outer = Fields(given, "response_format.").get("json_schema", dict)
    if outer is None:
        raise Refusal("response_format.json_schema is required.", param="response_format.json_schema")
    inner = Fields(outer, "response_format.json_schema.")
    inner.required_text("name")
    return inner.get("schema", dict) or {}


class Fields:
    """Reads typed fields of a JSON object; null counts as not given. `path` prefixes error messages."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.values = values
        self._path = path

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return a field of this JSON type; None = not given. Raises Refusal."""
        value = self.values.get(name)
        if value is None or isinstance(value, kind):
            return value
        raise Refusal(f"{self._path}{name} must be {KINDS[kind]}, not {kind_of(value)}.", param=self._path + name)

    def required_text(self, name: str) -> str:
        """Return a non-empty string. Raises Refusal."""
        value = self.get(name, str)
        if not value:
            raise Refusal(f"{self._path}{name} is required.", param=self._path + name)
        return value


KINDS: Mapping[type, str] = {str: "a string", list: "an array", dict: "an object", bool: "a boolean"}


def kind_of(value: object) -> str:
    """Name the kind of a JSON value."""
    return "null" if value is None else KINDS.get(type(value), "a number")
