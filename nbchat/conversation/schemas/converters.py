"""Converters from JSON to Python values, each with its JSON schema.

JSON is converted only without loss: 3 becomes a float, "2025-01-31" a date, but "3" not a number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from nbchat.conversation.schemas.json_text import Bare, resolved
from nbchat.values.limits import clipped, one_line

__all__ = [
    "MISSING",
    "Anything",
    "Converter",
    "Deferred",
    "Field",
    "Fixed",
    "Items",
    "Keyed",
    "Misfit",
    "OneOf",
    "Options",
    "Parsed",
    "Record",
    "Scalar",
    "expected",
    "inside",
    "made",
    "shortened",
    "shown",
]

MISSING: Any = object()
"""Marks a missing default."""

LONGEST_MESSAGE = 200
"""Longest validator message, in characters."""

LONGEST_QUOTE = 60
"""Longest value quoted in an error, in characters."""


class Misfit(ValueError):
    """A value does not fit: `message` names what was expected and found, `path` the place in the value ("" = the whole)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class Converter(Protocol):
    """Converts JSON to a Python value and describes the JSON it accepts."""

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""

    def load(self, value: Any, path: str = "") -> Any:
        """Convert the JSON found at `path`. Raises Misfit."""


def inside(path: str, key: str | int) -> str:
    """Return the path of an item: `rows[2].name`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.isidentifier():
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def shown(value: object) -> str:
    """Format JSON for an error, shortened."""
    match value:
        case list():
            return f"a list of {len(value)}"
        case Mapping():
            return "an object"
    return clipped(json.dumps(value, ensure_ascii=False, default=repr), LONGEST_QUOTE)


def shortened(words: str) -> str:
    """Return a validator's message as one short line; it may quote a whole value."""
    return one_line(words, LONGEST_MESSAGE)


def made(make: Callable[[Any], Any], value: Any, path: str) -> Any:
    """Call a user's class or validator; any exception becomes a Misfit."""
    try:
        return make(value)
    except (Exception, SystemExit) as error:
        try:
            words = f"{type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001  # an exception's own __str__ may raise too
            words = type(error).__name__
        raise Misfit(path, shortened(words).removesuffix(": ")) from error


def expected(what: str, value: object, path: str) -> Misfit:
    """Return the error for a value of the wrong kind."""
    return Misfit(path, f"expected {what}, got {shown(value)}")


class Anything(Struct, frozen=True):
    """Any JSON."""

    @property
    def schema(self) -> dict[str, Any]:
        """The schema without conditions."""
        return {}

    def load(self, value: Any, path: str = "") -> Any:  # same signature as the others
        """Return the JSON unchanged."""
        return resolved(value)


class Scalar(Struct, frozen=True):
    """A string, number, boolean or null. `type` is the Python type."""

    type: type

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON type."""
        return {"type": _SCALARS[self.type][0]}

    def load(self, value: Any, path: str = "") -> Any:
        """Return the value; 3.0 is accepted as an integer and 3 as a float if both are exactly equal."""
        if isinstance(value, Bare):
            read = _YES_NO.get(value.lower(), value.constant) if self.type is bool else value.constant
            value = value if isinstance(read, str) else read
        if type(value) is self.type:
            return value
        if self.type in (int, float) and type(value) in (int, float):
            try:
                number = self.type(value)
            except (OverflowError, ValueError):  # too large, infinite or NaN
                number = None
            if number is not None and number == value:
                return number
        raise expected(_SCALARS[self.type][1], value, path)


_YES_NO = {"yes": True, "no": False}

_SCALARS: dict[type, tuple[str, str]] = {
    str: ("string", "text"),
    int: ("integer", "a whole number"),
    float: ("number", "a number"),
    bool: ("boolean", "true or false"),
    type(None): ("null", "null"),
}


class Parsed(Struct, frozen=True):
    """A value written as a string: `parse` raises ValueError for an invalid one. `keywords` go into the schema."""

    what: str
    parse: Callable[[str], Any]
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """Return the schema of a text with a format."""
        return {"type": "string", **self.keywords}

    def load(self, value: Any, path: str = "") -> Any:
        """Return the parsed value."""
        if isinstance(value, str):
            try:
                return self.parse(value)
            except (ValueError, ArithmeticError):
                pass
        raise expected(self.what, value, path)


class Options(Struct, frozen=True):
    """One of several values: pairs of JSON (string, number, boolean, null) and the value it stands for."""

    options: Sequence[tuple[Any, Any]]

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON types and the values."""
        written = [option for option, _ in self.options]
        types = sorted({_SCALARS[type(option)][0] for option in written})
        return {"type": types[0] if len(types) == 1 else types, "enum": written}

    def load(self, value: Any, path: str = "") -> Any:
        """Return the value for the JSON; true is not 1. Bare words match in any letter case."""
        spellings = (str(value), value.constant) if isinstance(value, Bare) else (value,)
        for spelling in spellings:
            for written, option in self.options:
                if type(written) is type(spelling) and written == spelling:
                    return option
        if isinstance(value, Bare):
            like = [option for written, option in self.options if str(written).lower() == value.lower()]
            if len(like) == 1:
                return like[0]
        names = ", ".join(shown(written) for written, _ in self.options)
        raise expected(f"one of {names}", value, path)


class Items(Struct, frozen=True):
    """A list, set or tuple of items of one kind."""

    item: Converter
    make: Callable[[list[Any]], Any] = list

    @property
    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.item.schema}

    def load(self, value: Any, path: str = "") -> Any:
        """Return the collection of its items."""
        if not isinstance(value, list):
            raise expected("a list", value, path)
        return made(self.make, [self.item.load(one, inside(path, index)) for index, one in enumerate(value)], path)


class Fixed(Struct, frozen=True):
    """A tuple with a converter for each item."""

    items: Sequence[Converter]

    @property
    def schema(self) -> dict[str, Any]:
        """An array of that length."""
        schemas = [item.schema for item in self.items]
        size = {"minItems": len(schemas), "maxItems": len(schemas)}
        if schemas and all(schema == schemas[0] for schema in schemas):
            return {"type": "array", "items": schemas[0], **size}
        return {"type": "array", "prefixItems": schemas, "items": False, **size}

    def load(self, value: Any, path: str = "") -> Any:
        """The tuple."""
        if not isinstance(value, list) or len(value) != len(self.items):
            raise expected(f"a list of {len(self.items)}", value, path)
        return tuple(
            item.load(one, inside(path, index)) for index, (item, one) in enumerate(zip(self.items, value, strict=True))
        )


class Keyed(Struct, frozen=True):
    """A dict with converters for its keys (strings) and values."""

    key: Converter
    value: Converter

    @property
    def schema(self) -> dict[str, Any]:
        """An object with any properties."""
        schema: dict[str, Any] = {"type": "object", "additionalProperties": self.value.schema}
        return schema if self.key == Scalar(str) else {**schema, "propertyNames": self.key.schema}

    def load(self, value: Any, path: str = "") -> Any:
        """The dict."""
        if not isinstance(value, Mapping):
            raise expected("an object", value, path)
        return {self.key.load(key, path): self.value.load(one, inside(path, key)) for key, one in value.items()}


class Field(Struct, frozen=True):
    """A field of a record, optional unless `required`. `default` is JSON for the schema; MISSING = none."""

    name: str
    converter: Converter
    required: bool = True
    default: Any = MISSING
    description: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """Return the converter's schema with the field's description and default."""
        schema = dict(self.converter.schema)
        if "$ref" not in schema:  # some servers ignore keywords beside a reference, and others refuse them
            schema |= {"description": self.description} if self.description else {}
            schema |= {"default": self.default} if self.default is not MISSING else {}
        return schema


class Record(Struct, frozen=True):
    """An object with named fields, passed to `make` as far as they are given."""

    fields: Sequence[Field]
    make: Callable[[dict[str, Any]], Any] = dict
    description: str = ""
    noun: str = "field"

    @property
    def schema(self) -> dict[str, Any]:
        """An object with these properties and no other."""
        return {
            "type": "object",
            **({"description": self.description} if self.description else {}),
            "properties": {each.name: each.schema for each in self.fields},
            "required": [each.name for each in self.fields if each.required],
            "additionalProperties": False,
        }

    def load(self, value: Any, path: str = "") -> Any:
        """Return the result of `make`, whose exceptions become a Misfit."""
        if not isinstance(value, Mapping):
            raise expected("an object", value, path)
        names = [each.name for each in self.fields]
        for key in value:
            if key not in names:
                raise Misfit(inside(path, key), f"there is no such {self.noun}; expected {', '.join(names) or 'none'}")
        for each in self.fields:
            if each.required and each.name not in value:
                raise Misfit(inside(path, each.name), f"this {self.noun} is missing")
        loaded = {
            each.name: each.converter.load(value[each.name], inside(path, each.name))
            for each in self.fields
            if each.name in value
        }
        return made(self.make, loaded, path)


class OneOf(Struct, frozen=True):
    """A union: the first of these converters (at least one) that accepts the value."""

    converters: Sequence[Converter]

    @property
    def schema(self) -> dict[str, Any]:
        """Any of the schemas."""
        return {"anyOf": [converter.schema for converter in self.converters]}

    def load(self, value: Any, path: str = "") -> Any:
        """Return the result of the first converter that accepts the value; for a number, the one that keeps it unchanged."""
        taken: list[Any] = []
        misfits: list[Misfit] = []
        for converter in self.converters:
            try:
                loaded = converter.load(value, path)
            except Misfit as misfit:
                misfits.append(misfit)
                continue
            if type(value) in (int, float) and type(loaded) is type(value):
                return loaded  # of float | int, 1 is the int
            taken.append(loaded)
        if taken:
            return taken[0]
        raise max(misfits, key=lambda misfit: len(misfit.path))  # the one that got furthest has the best message


class Deferred:
    """A placeholder for a class's converter while it is being made, for recursive classes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.used = False
        """Whether the class is referred to and needs a definition."""
        self.converter: Converter = Anything()
        """The class's converter; until it is made, anything is accepted."""

    @property
    def schema(self) -> dict[str, Any]:
        """A reference to the definition."""
        return {"$ref": f"#/$defs/{self.name}"}

    def load(self, value: Any, path: str = "") -> Any:
        """Convert with the class's converter, once it is made."""
        return self.converter.load(value, path)
