"""Converters for Python annotations: builtins, literals, enums, unions, collections, dates, records, pydantic models."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Struct

from nbchat.conversation.schemas.converters import (
    MISSING,
    Anything,
    Converter,
    Deferred,
    Field,
    Fixed,
    Items,
    Keyed,
    Misfit,
    OneOf,
    Options,
    Parsed,
    Record,
    Scalar,
    inside,
    made,
    shortened,
)
from nbchat.conversation.schemas.docstring import Docstring
from nbchat.conversation.schemas.json_text import resolved
from nbchat.conversation.schemas.jsonschemas import moved

__all__ = ["Annotations", "Untypable", "default_json"]


class Untypable(TypeError):
    """An annotation without a JSON form; the text names it and says what to do."""


class Annotations:
    """Makes converters from annotations. `definitions` are the schemas that they refer to, for `$defs`."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self._classes: dict[type, Converter] = {}

    def converter(self, annotation: Any) -> Converter:
        """Return the converter of an annotation. Raises Untypable."""
        annotation = _PLAIN.get(annotation, annotation) if _hashable(annotation) else annotation
        if annotation is Any or annotation is object:
            return Anything()
        if annotation in _SIMPLE:
            return _SIMPLE[annotation]
        origin = get_origin(annotation)
        if origin is not None:
            return self._generic(annotation, origin, get_args(annotation))
        if isinstance(annotation, typing.NewType):
            return self.converter(annotation.__supertype__)
        if isinstance(annotation, typing.TypeVar):
            return self._variable(annotation)
        if hasattr(annotation, "__value__"):  # type X = …
            return self.converter(annotation.__value__)
        if isinstance(annotation, type):
            return self._collection(annotation, ()) or self._class(annotation)
        raise Untypable(f"{shown_type(annotation)}, which can't be written as JSON")

    def record(self, types: Mapping[str, Any]) -> Record:
        """Return the converter of a record with these types. Raises Untypable."""
        return Record([Field(name, self.converter(annotation)) for name, annotation in types.items()])

    def root_schema(self, converter: Converter) -> dict[str, Any]:
        """Return a converter's schema with all its definitions."""
        schema = converter.schema
        if schema.keys() == {"$ref"}:  # servers want an object at the top level, not a reference
            schema = dict(self.definitions[schema["$ref"].removeprefix("#/$defs/")])
        return {**schema, "$defs": self.definitions} if self.definitions else schema

    def _generic(self, annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Converter:
        if origin is Annotated:
            documented = all(isinstance(note, str) for note in annotation.__metadata__)
            return (
                self.converter(arguments[0])
                if documented
                else self._pydantic(annotation) or self.converter(arguments[0])
            )
        if origin in (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar):
            return self.converter(arguments[0])
        if origin is Literal:
            return self._literal(annotation, arguments)
        if origin in (Union, types.UnionType):
            return OneOf([self.converter(argument) for argument in arguments])
        converter = self._collection(origin, arguments) if isinstance(origin, type) else None
        if converter is None and hasattr(origin, "__value__") and arguments:
            converter = self.converter(origin.__value__[arguments])
        converter = converter or self._pydantic(annotation)
        if converter is None:
            raise Untypable(f"{shown_type(annotation)}, which can't be written as JSON")
        return converter

    def _literal(self, annotation: Any, arguments: tuple[Any, ...]) -> Converter:
        options = [(value.value if isinstance(value, enum.Enum) else value, value) for value in arguments]
        if not all(_is_plain(written) for written, _ in options):
            raise Untypable(f"{shown_type(annotation)}, whose values can't all be written as JSON")
        return Options(options)

    def _collection(self, origin: type, arguments: tuple[Any, ...]) -> Converter | None:
        """Return the converter of a list, set, tuple or dict; None = another type."""
        if origin is tuple:
            if len(arguments) == 2 and arguments[1] is ...:
                return Items(self.converter(arguments[0]), tuple)
            return (
                Fixed([self.converter(argument) for argument in arguments]) if arguments else Items(Anything(), tuple)
            )
        if origin in _COLLECTIONS:
            return Items(self.converter(arguments[0]) if arguments else Anything(), _COLLECTIONS[origin])
        if origin in _MAPPINGS:
            key, value = arguments or (str, Any)
            keys = self.converter(key)
            named = isinstance(keys, Options) and all(isinstance(written, str) for written, _ in keys.options)
            if not (keys == Scalar(str) or named):
                raise Untypable(f"{shown_type(origin)} with keys of {shown_type(key)}, but JSON's keys are text")
            return Keyed(keys, self.converter(value))
        return None

    def _variable(self, variable: typing.TypeVar) -> Converter:
        if variable.__constraints__:
            return OneOf([self.converter(each) for each in variable.__constraints__])
        return self.converter(variable.__bound__) if variable.__bound__ is not None else Anything()

    def _class(self, cls: type) -> Converter:
        if cls in self._classes:
            converter = self._classes[cls]
            if isinstance(converter, Deferred):
                converter.used = True
            return converter
        if issubclass(cls, enum.Enum):
            return _enumeration(cls)
        taken = {converter.name for converter in self._classes.values() if isinstance(converter, Deferred)}
        self._classes[cls] = deferred = Deferred(_unused(cls.__name__, {*self.definitions, *taken}))
        made = (None if _is_pydantic(cls) else self._record(cls)) or self._pydantic(cls)
        if made is None:
            raise Untypable(f"{shown_type(cls)}, which can't be written as JSON")
        deferred.converter = made
        if not deferred.used:
            self._classes[cls] = made
            return made
        self.definitions[deferred.name] = made.schema
        return deferred

    def _record(self, cls: type) -> Converter | None:
        """Return the converter of a class with annotated fields; None = another class."""
        if dataclasses.is_dataclass(cls):
            fields = {each.name: _dataclass_default(each) for each in dataclasses.fields(cls) if each.init}
            notes = {each.name: str(each.metadata.get("description", "")) for each in dataclasses.fields(cls)}
        elif typing.is_typeddict(cls):
            fields, notes = dict.fromkeys(typing.get_type_hints(cls), (True, MISSING)), {}
        elif issubclass(cls, tuple) and hasattr(cls, "_field_defaults"):
            fields = {name: _plain_default(cls._field_defaults, name) for name in cls._fields}  # type: ignore[attr-defined]  # a named tuple
            notes = {}
        else:
            return None
        doc = Docstring.of("" if (cls.__doc__ or "").startswith(f"{cls.__name__}(") else cls.__doc__)
        hints = _hints(cls)
        parts = [
            Field(
                name,
                self.converter(hints.get(name, Any)),
                required and not _may_lack(cls, name, hints.get(name)),
                default,
                notes.get(name) or description_of(hints.get(name)) or doc.parameters.get(name, ""),
            )
            for name, (required, default) in fields.items()
        ]
        make: Any = dict if typing.is_typeddict(cls) else lambda values: cls(**values)
        return Record(parts, make, doc.summary)

    def _pydantic(self, annotation: Any) -> Converter | None:
        """Return a converter based on pydantic; None = not installed, or pydantic does not support the annotation."""
        try:
            from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter
        except ImportError:
            return None
        try:
            adapter = TypeAdapter(annotation)
            schema = adapter.json_schema()
        except (PydanticSchemaGenerationError, PydanticUserError):
            return None
        except Exception as error:  # a class's hooks for pydantic may raise anything
            words = shortened(f"{type(error).__name__}: {error}")
            raise Untypable(f"{shown_type(annotation)}, for which pydantic makes no schema ({words})") from error
        names: dict[str, str] = {}
        for name in schema.get("$defs", {}):
            names[name] = _unused(name, {*self.definitions, *names.values()})
        renamed = {f"#/$defs/{old}": f"#/$defs/{new}" for old, new in names.items()}
        schema = moved(schema, lambda reference: renamed.get(reference, reference))
        for old, new in names.items():
            self.definitions[new] = schema["$defs"][old]
        return _Pydantic(adapter, {key: value for key, value in schema.items() if key != "$defs"})


class _Pydantic(Struct, frozen=True):
    """A converter based on a pydantic TypeAdapter."""

    adapter: Any
    schema: dict[str, Any]

    def load(self, value: Any, path: str = "") -> Any:
        """Validate the JSON with pydantic."""
        from pydantic import ValidationError

        try:
            return made(self.adapter.validate_json, json.dumps(resolved(value)), path)
        except Misfit as misfit:
            if not isinstance(misfit.__cause__, ValidationError):
                raise
            first = misfit.__cause__.errors(include_url=False, include_context=False, include_input=False)[0]
        for step in first["loc"]:
            path = inside(path, step)
        raise Misfit(path, shortened(first["msg"]))


def default_json(value: object) -> Any:
    """Return a default as JSON for the schema; MISSING = not expressible."""
    written = value.value if isinstance(value, enum.Enum) else value
    try:
        return written if json.loads(json.dumps(written, allow_nan=False)) == written else MISSING
    except (TypeError, ValueError, RecursionError):
        return MISSING


def description_of(annotation: Any) -> str:
    """Return the text of `Annotated[type, "text"]`; empty = none."""
    if get_origin(annotation) in (typing.Required, typing.NotRequired):
        annotation = get_args(annotation)[0]
    notes = getattr(annotation, "__metadata__", ())
    return next((note for note in notes if isinstance(note, str)), "")


def shown_type(annotation: Any) -> str:
    """Return an annotation's name as its author wrote it."""
    return annotation.__qualname__ if isinstance(annotation, type) and not get_args(annotation) else repr(annotation)


def _hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:
        raise Untypable(f"{annotation!r}, which is not a type") from None
    return True


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise Untypable(f"{cls.__qualname__}, whose annotations can't be read ({error})") from None


def _may_lack(cls: type, name: str, hint: Any) -> bool:
    """Whether a typed dict's key is optional; its own key sets miss string annotations."""
    if not typing.is_typeddict(cls):
        return False
    if get_origin(hint) in (typing.Required, typing.NotRequired):
        return get_origin(hint) is typing.NotRequired
    return name in getattr(cls, "__optional_keys__", ())


def _dataclass_default(field: dataclasses.Field[Any]) -> tuple[bool, Any]:
    """Whether a field is required, and its default as JSON."""
    if field.default is not dataclasses.MISSING:
        return False, default_json(field.default)
    return field.default_factory is dataclasses.MISSING, MISSING


def _plain_default(defaults: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    return (False, default_json(defaults[name])) if name in defaults else (True, MISSING)


def _enumeration(cls: type[enum.Enum]) -> Converter:
    """Use the members' values if JSON can hold them, else their names."""
    by_value = all(_is_plain(member.value) for member in cls)
    return Options([(member.value if by_value else member.name, member) for member in cls])


def _is_plain(value: object) -> bool:
    return type(value) in (str, int, bool, float, type(None))


def _is_pydantic(cls: type) -> bool:
    return hasattr(cls, "__pydantic_core_schema__") or hasattr(cls, "__pydantic_validator__")


def _unused(name: str, taken: set[str]) -> str:
    number, unused = 2, name
    while unused in taken:
        unused, number = f"{name}_{number}", number + 1
    return unused


_PLAIN: dict[Any, Any] = {None: type(None), typing.LiteralString: str}

_SIMPLE: dict[Any, Converter] = {
    **{kind: Scalar(kind) for kind in (str, int, float, bool, type(None))},
    datetime.date: Parsed("a date as YYYY-MM-DD", datetime.date.fromisoformat, {"format": "date"}),
    datetime.datetime: Parsed(
        "a date and time in ISO 8601 form", datetime.datetime.fromisoformat, {"format": "date-time"}
    ),
    datetime.time: Parsed("a time as HH:MM:SS", datetime.time.fromisoformat, {"format": "time"}),
    decimal.Decimal: Parsed("a decimal number as text", decimal.Decimal),
    uuid.UUID: Parsed("a UUID", uuid.UUID, {"format": "uuid"}),
    pathlib.Path: Parsed("a path", pathlib.Path),
    pathlib.PurePath: Parsed("a path", pathlib.PurePath),
}

_COLLECTIONS: dict[Any, Any] = {
    **dict.fromkeys(
        (
            list,
            collections.abc.Sequence,
            collections.abc.MutableSequence,
            collections.abc.Iterable,
            collections.abc.Collection,
        ),
        list,
    ),
    **dict.fromkeys((set, collections.abc.Set, collections.abc.MutableSet), set),
    frozenset: frozenset,
}

_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
