"""Describe functions, classes, modules, records and any other object."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable

from nbchat.data.description import ASKED, STOPS, Description, UnknownFormat, room, shorten
from nbchat.values.errors import PromptError
from nbchat.values.wording import pluralize

__all__ = ["describe_code", "describe_object", "describe_self", "is_code", "one_line_repr", "record_line"]

Brief = Callable[[object, int], str]
"""Returns a value on one line within a number of characters."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
PLAIN = (int, float, complex, str, bytes, bool, type(None))


def describe_self(value: object, spec: str, *, budget: int | None = None) -> Description | None:
    """Describe a value by its `__nbchat__(spec, budget)` method; None if it has none.

    The method may take fewer arguments. Raises UnknownFormat if there is a format and it takes none, and PromptError if
    it raises: falling back to the repr could show what it was written to hide.
    """
    method = getattr(type(value), "__nbchat__", None)
    if method is None:
        return None
    chars = room(budget)
    takes = _takes(method) - 1
    if spec and takes < 1:
        raise UnknownFormat(f"{type(value).__name__} does not support formats in __nbchat__: got {spec!r}.")
    try:
        result = method(value, *(spec, chars // 4)[:takes])
    except PromptError:
        raise
    except Exception as error:
        raise PromptError(f"{type(value).__name__}.__nbchat__ failed: {type(error).__name__}: {error}") from error
    if not isinstance(result, str):
        raise PromptError(f"{type(value).__name__}.__nbchat__ returned {type(result).__name__}; it must return a str.")
    text, cut = shorten(result, chars)
    return Description(text, type(value).__name__, cut=cut)


def _takes(method: Callable[..., object]) -> int:
    """The number of positional arguments that a method takes, including self."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return 3
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 3
    return sum(parameter.kind in (0, 1) for parameter in parameters)


def is_code(value: object) -> bool:
    """Whether a value is a function, a method, a class or a module."""
    return isinstance(value, (type, types.ModuleType)) or inspect.isroutine(value)


def describe_code(value: object, spec: str, *, budget: int | None = None) -> Description:
    """Describe code: signature and docstring of a function, methods of a class, names of a module; or `:source`."""
    kind = "module" if inspect.ismodule(value) else "class" if isinstance(value, type) else "function"
    title = str(getattr(value, "__name__", kind))
    if spec.strip() == "source":
        try:
            text, cut = shorten(inspect.getsource(value).rstrip(), room(budget, ASKED))  # type: ignore[arg-type]  # anything but a function raises TypeError
        except (OSError, TypeError) as error:
            raise PromptError(
                f"The source of {title} is not available: it is not Python, or its file is gone."
            ) from error
        return Description(text, f"source of {kind} {title}", cut=cut)
    if spec.strip():
        raise UnknownFormat(f"A {kind} can be inserted without a format or as source, not as {spec!r}.")
    parts = [_head(value, kind, title), inspect.getdoc(value) or ""]
    if kind != "function":
        parts.append(_members(value))
    text, cut = shorten("\n".join(filter(None, parts)), room(budget))
    what = f"signature of {title}" if kind == "function" else f"{kind} {title}"
    return Description(text, what, cut=cut)


def _head(value: object, kind: str, title: str) -> str:
    if kind == "module":
        return f"module {title}"
    if kind == "class":
        return f"class {title}{_signature(value)}"
    word = "async def" if inspect.iscoroutinefunction(value) else "def"
    return f"{word} {title}{_signature(value)}"


def _signature(value: object) -> str:
    """The signature, with defaults that are not plain values written as `...`, since their repr may contain data."""
    try:
        signature = inspect.signature(value)  # type: ignore[arg-type]  # anything but a function raises TypeError
    except (TypeError, ValueError):
        return "(...)"
    parameters = [
        parameter
        if parameter.default is parameter.empty or _is_plain(parameter.default)
        else parameter.replace(default=...)
        for parameter in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=parameters))
    return _ADDRESS.sub("", text.replace("=Ellipsis", "=...").replace("= Ellipsis", "= ..."))


def _is_plain(default: object) -> bool:
    return type(default) in PLAIN and len(repr(default)) <= 60


def _members(value: object) -> str:
    """The public names of a class or module, functions with their signatures."""
    lines = []
    for name, member in sorted(vars(value).items()):
        if name.startswith("_"):
            continue
        function = member.__func__ if isinstance(member, (staticmethod, classmethod)) else member
        if inspect.isfunction(function):
            lines.append(f"- {_head(function, 'function', name)}")
        else:
            lines.append(f"- {name}: {type(member).__name__}")
    return "\n".join(lines)


def describe_object(value: object, brief: Brief, *, budget: int | None = None) -> Description:
    """Describe an object by the first of `_repr_llm_`, `_repr_markdown_`, its fields if it is a record, and its repr."""
    chars = room(budget)
    kind = type(value).__name__
    text = _hook(value)
    label = kind
    if text is None:
        fields = _fields(value)
        if fields is not None:
            text = "\n".join([f"{kind} with {pluralize(len(fields), 'field')}", *_field_lines(fields, brief, chars)])
            label = f"{kind} with {pluralize(len(fields), 'field')}"
        else:
            text = one_line_repr(value)
    text, cut = shorten(text, chars)
    return Description(text, label, cut=cut)


def _hook(value: object) -> str | None:
    for hook in ("_repr_llm_", "_repr_markdown_"):
        method = getattr(type(value), hook, None)
        if method is None:
            continue
        try:
            result = method(value)
        except Exception:  # noqa: BLE001, S112 - like IPython, try the next display method
            continue
        if isinstance(result, tuple) and result:
            result = result[0]
        if isinstance(result, str):
            return result
    return None


def _fields(value: object) -> list[tuple[str, str, object]] | None:
    """Name, type and value of the fields of a dataclass, pydantic model, or object with the default repr.

    Fields that the class excludes from its repr (such as a password) are excluded here too.
    """
    if dataclasses.is_dataclass(value):
        shown = [field for field in dataclasses.fields(value) if field.repr]
        return [(field.name, _type_name(field.type), getattr(value, field.name, None)) for field in shown]
    model = getattr(type(value), "model_fields", None)
    if isinstance(model, dict) and hasattr(type(value), "__pydantic_validator__"):
        shown_names = [name for name, info in model.items() if getattr(info, "repr", True)]
        return [(name, _type_name(model[name].annotation), getattr(value, name, None)) for name in shown_names]
    plain = type(value).__repr__ in (object.__repr__, types.SimpleNamespace.__repr__)
    if plain and isinstance(getattr(value, "__dict__", None), dict):
        attributes = {name: inner for name, inner in vars(value).items() if not name.startswith("_")}
        return [(name, type(inner).__name__, inner) for name, inner in attributes.items()]
    return None


def _type_name(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _field_lines(fields: list[tuple[str, str, object]], brief: Brief, chars: int) -> list[str]:
    each = max(chars // max(len(fields), 1) - 40, 40)
    return [f"- {name}: {kind} = {brief(value, each)}" for name, kind, value in fields]


def record_line(value: object, line: Callable[[object], str]) -> str | None:
    """Return a record on one line, `Point(x=1, y=2)`; None if the value is not a record."""
    fields = _fields(value) if not isinstance(value, type) else None
    if fields is None:
        return None
    return f"{type(value).__name__}({', '.join(f'{name}={line(inner)}' for name, _, inner in fields)})"


def one_line_repr(value: object) -> str:
    """Return the repr without memory addresses, so that it is reproducible; a placeholder if there is none."""
    try:
        return _ADDRESS.sub("", repr(value))
    except STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - any class may fail in its own way
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
