"""One tool: a Python function with the JSON schema of its parameters, or a schema alone."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from nbchat.conversation.schemas.annotations import Annotations, Untypable, default_json, description_of
from nbchat.conversation.schemas.converters import MISSING, Field, Misfit, Record
from nbchat.conversation.schemas.docstring import Docstring
from nbchat.values.errors import ToolError
from nbchat.values.messages import ToolCall
from nbchat.values.wording import nearest

__all__ = ["Tool"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

LONGEST_DESCRIPTION = 1024
"""Most characters of a description that are sent: OpenAI's limit."""

NO_ARGUMENTS = Record(())

WRAPPERS = frozenset({"arguments", "args", "kwargs", "parameters", "params", "input", "properties"})
"""Names under which models put all arguments as one object."""


class Tool(Struct, frozen=True):
    """A tool that the model may call. `schema` is its JSON for the API; `function` None = calls are only shown.

    `safe` tools run without approval.
    """

    name: str
    schema: Mapping[str, Any]
    function: Callable[..., Any] | None = None
    arguments: Record = NO_ARGUMENTS
    safe: bool = False

    @classmethod
    def of(cls, what: Any, *, safe: bool = False) -> Self:
        """Make a tool from a function, by its name, docstring, signature and annotations, or from its JSON.

        Raises ToolError, which names the parameter that can't be described, and what to do.
        """
        if isinstance(what, cls):
            return replace(what, safe=what.safe or safe)
        if isinstance(what, Mapping):
            return cls._of_json(what)
        if not callable(what) or inspect.isclass(what):
            raise ToolError(f"A tool is a function, or its JSON schema as a dict; got {_kind_of(what)}.")
        name = _name_of(what)
        if not _NAME.fullmatch(name):
            raise ToolError(
                f"A tool's name must be up to 64 plain letters, digits and underscores; got {name!r}: use def."
            )
        annotations = Annotations()
        doc = Docstring.of(_doc_of(what))
        record = Record(_fields(what, name, annotations, doc), noun="parameter")
        schema = {
            "type": "function",
            "function": {
                "name": name,
                "description": doc.summary[:LONGEST_DESCRIPTION],
                "parameters": annotations.root_schema(record),
            },
        }
        return cls(name, schema, what, record, safe)

    @classmethod
    def _of_json(cls, what: Mapping[str, Any]) -> Self:
        function = what.get("function", what)
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ToolError(
                'A tool as JSON is {"type": "function", "function": {"name": …, "parameters": …}}, its name of plain'
                f" letters, digits and underscores; got the name {name!r}."
            )
        try:
            schema = json.loads(json.dumps(what if "function" in what else {"type": "function", "function": what}))
        except (TypeError, ValueError, RecursionError) as error:
            raise ToolError(f"The tool {name} must hold only JSON values: {error}.") from None
        return cls(name, schema)

    def call(self, call: ToolCall) -> Callable[[], Any]:
        """Return the call with its arguments parsed and checked. Raises Misfit, worded for the model."""
        try:
            given = call.parsed()
        except (ValueError, RecursionError) as error:
            raise Misfit("", f"The arguments are not valid JSON: {error}") from None
        values = self._values({} if given is None else given)
        function = self.function
        if function is None:
            raise ToolError(f"The tool {self.name} is only a schema: there is no function to run.")
        bound = inspect.BoundArguments(inspect.signature(function), values)
        bound.apply_defaults()
        return functools.partial(function, *bound.args, **bound.kwargs)

    def _values(self, given: Any) -> dict[str, Any]:
        """Return the arguments by name.

        Raises Misfit. Models also wrap them in one object (`{"arguments": {…}}`), give a single parameter's value
        without its name, and write null for omitted ones.
        """
        names = [each.name for each in self.arguments.fields]
        if isinstance(given, dict):
            given = {name: value for name, value in given.items() if value is not None or name not in self._left_out}
        try:
            return dict(self.arguments.load(given))
        except Misfit as error:
            misfit = error
        misspelt = isinstance(given, dict) and any(nearest(str(name), names) for name in given)
        others = [{names[0]: given}] if len(names) == 1 and not misspelt else []
        if isinstance(given, dict) and len(given) == 1:
            [(name, inner)] = given.items()
            others += [inner] if name in WRAPPERS and name not in names and isinstance(inner, dict) else []
        for other in others:
            with contextlib.suppress(Misfit):
                return dict(self.arguments.load(other))
        raise misfit

    @property
    def _left_out(self) -> frozenset[str]:
        """Return the parameters whose default is None."""
        return frozenset(each.name for each in self.arguments.fields if not each.required and each.default is None)


def _fields(function: Callable[..., Any], name: str, annotations: Annotations, doc: Docstring) -> list[Field]:
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError, NameError) as error:
        raise ToolError(f"The signature of {name} can't be read ({error}): wrap it in a def of your own.") from None
    return [_field(function, name, parameter, annotations, doc) for parameter in parameters.values()]


def _field(
    function: Callable[..., Any], tool: str, parameter: inspect.Parameter, annotations: Annotations, doc: Docstring
) -> Field:
    where = f"The tool {tool} has the parameter {parameter.name}"
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        raise ToolError(
            f"The tool {tool} has the parameter {stars}{parameter.name}, which a tool's schema can't describe:"
            " name each parameter, or take one list or dict."
        )
    if parameter.name == "self" and parameter.annotation is parameter.empty:
        raise ToolError(f"{where}: give an object's method, such as obj.{tool}, not the function of its class.")
    try:
        hint = _hint(function, parameter)
        if hint is MISSING:
            raise Untypable("no annotation")
        converter = annotations.converter(hint)
    except Untypable as error:
        what = "without an annotation" if str(error) == "no annotation" else f"of the type {error}"
        raise ToolError(
            f"{where} {what}: annotate it with str, int, float, bool, Literal, Enum, list, dict, date or a dataclass."
        ) from None
    has_default = parameter.default is not parameter.empty
    default = default_json(parameter.default) if has_default else MISSING
    description = description_of(hint) or doc.parameters.get(parameter.name, "")
    return Field(parameter.name, converter, not has_default, default, description)


def _hint(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return a parameter's annotation, evaluated in the function's module; else its default's type. Raises Untypable."""
    hint = parameter.annotation
    if hint is parameter.empty:
        return type(parameter.default) if type(parameter.default) in (str, int, float, bool) else MISSING
    plain = _plain(function)
    around = inspect.getclosurevars(plain).nonlocals if plain.__closure__ else {}
    holder = types.SimpleNamespace(__annotations__={parameter.name: hint})
    try:
        return typing.get_type_hints(holder, plain.__globals__, dict(around), include_extras=True)[parameter.name]
    except (NameError, TypeError, SyntaxError, AttributeError, ValueError) as error:
        raise Untypable(f"{hint!r}, which can't be read ({error})") from None


def _plain(function: Any) -> types.FunctionType:
    """Return the `def` function under decorators, partials, methods and callable objects."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)  # also for objects that are not functions, as from functools.cache
    if not isinstance(function, (types.FunctionType, types.MethodType)):
        function = getattr(type(function), "__call__", function)  # noqa: B004  # the method itself, not whether it exists
    plain = inspect.unwrap(getattr(function, "__func__", function))
    if not isinstance(plain, types.FunctionType):
        raise Untypable(f"{function!r}, which was not written in Python")
    return plain


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _doc_of(function: Any) -> str | None:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.getdoc(function if hasattr(function, "__name__") else type(function).__call__)


def _kind_of(what: object) -> str:
    return f"the class {what.__name__}" if inspect.isclass(what) else type(what).__name__
