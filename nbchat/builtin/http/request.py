"""Parse a chat-completions request from JSON: every field is checked by type and range, unknown fields are ignored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from nbchat.builtin.http.chat_messages import Message, read_messages
from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.model.sampling import Sampling
from nbchat.builtin.structured.json_schema import is_number

__all__ = ["JSON_OBJECT", "Request", "Tool", "parse_json", "read_request"]

T = TypeVar("T")

MOST_CHOICES = 128
MOST_TOOLS = 128
MOST_STOPS = 4
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
        raise Refusal(f"The body must be a JSON object, not {kind(value)}.")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def read_request(body: Mapping[str, Any], vocabulary: int) -> Request:
    """Validate the request in a body's JSON object; `vocabulary` is the number of token ids. Raises Refusal."""
    fields = Fields(body)
    tools = _tools(fields)
    chosen = _tool_choice(fields, tools)
    fields.text("user")
    limits = [fields.integer(name, 1) for name in ("max_completion_tokens", "max_tokens")]
    options = fields.mapping("stream_options") or {}
    stream = bool(fields.boolean("stream"))
    if options and not stream:
        raise Refusal("stream_options is only allowed with stream: true.", param="stream_options")
    return Request(
        model=fields.required_text("model"),
        messages=read_messages(body.get("messages")),
        sampling=_sampling(fields, vocabulary),
        n=fields.integer("n", 1, MOST_CHOICES) or 1,
        stream=stream,
        include_usage=bool(Fields(options, "stream_options.").boolean("include_usage")),
        stop=_stop(body.get("stop")),
        max_tokens=next((limit for limit in limits if limit is not None), None),
        seed=fields.integer("seed", -(2**63), 2**63 - 1),
        tools=tools,
        tool_choice=chosen,
        parallel_tool_calls=fields.boolean("parallel_tool_calls") is not False,
        schema=_schema(fields),
    )


def _sampling(fields: Fields, vocabulary: int) -> Sampling:
    wanted = fields.boolean("logprobs")
    top = fields.integer("top_logprobs", 0, 20)
    if top is not None and not wanted:
        raise Refusal("top_logprobs is only allowed with logprobs: true.", param="top_logprobs")
    return Sampling(
        temperature=fields.number("temperature", 0, 2, default=1.0),
        top_p=fields.number("top_p", 0, 1, default=1.0),
        presence_penalty=fields.number("presence_penalty", -2, 2, default=0.0),
        frequency_penalty=fields.number("frequency_penalty", -2, 2, default=0.0),
        bias=_bias(fields.mapping("logit_bias") or {}, vocabulary),
        top_logprobs=(top or 0) if wanted else None,
    )


def _bias(given: Mapping[str, Any], vocabulary: int) -> dict[int, float]:
    bias: dict[int, float] = {}
    for key in given:
        if not (key.isascii() and key.isdigit() and len(key) < 10 and int(key) < vocabulary):
            message = f"logit_bias maps token ids from 0 to {vocabulary - 1} to a bias; {key[:40]!r} is not such an id."
            raise Refusal(message, param="logit_bias")
        bias[int(key)] = Fields(given, "logit_bias.").number(key, -100, 100, default=0.0)
    return bias


def _stop(given: object) -> tuple[str, ...]:
    stops = [] if given is None else [given] if isinstance(given, str) else given
    if not isinstance(stops, list) or len(stops) > MOST_STOPS or not all(isinstance(s, str) and s for s in stops):
        raise Refusal(f"stop must be a string or up to {MOST_STOPS} strings, none of them empty.", param="stop")
    return tuple(stops)


def _tools(fields: Fields) -> tuple[Tool, ...]:
    given = fields.sequence("tools") or ()
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
    function = outer.mapping("function")
    if function is None:
        raise Refusal(f'{where} must have a "function" object.', param=f"{where}.function")
    inner = Fields(function, f"{where}.function.")
    name = inner.required_text("name")
    if len(name) > 64 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        message = "A tool's name must be 1 to 64 letters, digits, underscores or dashes."
        raise Refusal(message, param=f"{where}.function.name")
    parameters = inner.mapping("parameters") or {"type": "object", "properties": {}}
    return Tool(name, inner.text("description") or "", parameters)


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
    given = fields.mapping("response_format")
    wanted = given.get("type") if given is not None else "text"
    if given is None or wanted == "text":
        return None
    if wanted == "json_object":
        return JSON_OBJECT
    if wanted != "json_schema":
        message = 'response_format.type must be "text", "json_object" or "json_schema".'
        raise Refusal(message, param="response_format.type")
    outer = Fields(given, "response_format.").mapping("json_schema")
    if outer is None:
        raise Refusal("response_format.json_schema is required.", param="response_format.json_schema")
    inner = Fields(outer, "response_format.json_schema.")
    inner.required_text("name")
    return inner.mapping("schema") or {}


class Fields:
    """Reads typed fields of a JSON object; null counts as not given. `path` prefixes error messages."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.values = values
        self._path = path

    def text(self, name: str) -> str | None:
        """A string."""
        return self._typed(name, str, "a string")

    def required_text(self, name: str) -> str:
        """A required, non-empty string."""
        value = self.text(name)
        if not value:
            raise Refusal(f"{self._path}{name} is required.", param=self._path + name)
        return value

    def boolean(self, name: str) -> bool | None:
        """True or false."""
        return self._typed(name, bool, "true or false")

    def mapping(self, name: str) -> dict[str, Any] | None:
        """An object."""
        return self._typed(name, dict, "an object")

    def sequence(self, name: str) -> list[Any] | None:
        """An array."""
        return self._typed(name, list, "an array")

    def integer(self, name: str, low: int, high: int | None = None) -> int | None:
        """A whole number from `low` to `high`; 3.0 counts, true does not."""
        wanted = f"an integer from {low} to {high}" if high is not None else f"an integer of {low} or more"
        value = self._get(name, wanted, lambda value: _is_whole(value) and low <= value <= _or_more(high, value))
        return None if value is None else int(value)

    def number(self, name: str, low: float, high: float, *, default: float) -> float:
        """A number from `low` to `high`."""
        wanted = f"a number from {low} to {high}"
        value = self._get(name, wanted, lambda value: is_number(value) and low <= value <= high)
        return default if value is None else float(value)

    def _typed(self, name: str, kind: type[T], wanted: str) -> T | None:
        value: T | None = self._get(name, wanted, lambda value: isinstance(value, kind))
        return value

    def _get(self, name: str, wanted: str, is_good: Callable[[Any], bool]) -> Any:
        value = self.values.get(name)
        if value is not None and not is_good(value):
            shown = kind(value) if isinstance(value, (str, list, dict)) else json.dumps(value)[:40]
            raise Refusal(f"{self._path}{name} must be {wanted}, not {shown}.", param=self._path + name)
        return value


def _is_whole(value: Any) -> bool:
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def _or_more(high: int | None, value: float) -> float:
    return value if high is None else high


def kind(value: object) -> str:
    """Name the kind of a JSON value."""
    names = {str: "a string", list: "an array", dict: "an object", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
