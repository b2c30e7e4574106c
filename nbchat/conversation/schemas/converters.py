"""Forms of values: each says itself as a JSON schema, and makes a value of its Python type out of JSON.

JSON becomes another type only where nothing is lost: 3 is a float, "2025-01-31" a date, "3" no number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbchat.conversation.schemas.json_text import Bare, resolved

__all__ = [
    "MISSING",
    "Anything",
    "Deferred",
    "Field",
    "Fixed",
    "Form",
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
"""No default."""

LONGEST_MESSAGE = 200
"""Characters of a validator's words."""

LONGEST_QUOTE = 60
"""Characters of a value that an error quotes."""


class Misfit(ValueError):
    """A value has another form: `said` is what was expected and what came, `path` where in it ("" = the whole)."""

    def __init__(self, path: str, said: str) -> None:
        super().__init__(f"{path}: {said}" if path else said)
        self.path = path
        self.said = said


class Form(Protocol):
    """What values are asked for."""

    @property
    def schema(self) -> dict[str, Any]:
        """The form as a JSON schema."""

    def load(self, value: Any, path: str = "") -> Any:
        """The value that this JSON, found at `path`, stands for. Raises Misfit."""


def inside(path: str, key: str | int) -> str:
    """The path of an item: `rows[2].name`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.isidentifier():
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def shown(value: object) -> str:
    """JSON in an error's words, cut short."""
    match value:
        case list():
            return f"a list of {len(value)}"
        case Mapping():
            return "an object"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def shortened(words: str) -> str:
    """A validator's words as one line; they may quote a whole value."""
    line = " ".join(words[: 4 * LONGEST_MESSAGE].split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def made(make: Callable[[Any], Any], value: Any, path: str) -> Any:
    """What a class of the user's, or its validators, makes of a value. Whatever it raises is a Misfit."""
    try:
        return make(value)
    except (Exception, SystemExit) as error:
        try:
            words = f"{type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001  # an exception's own __str__ may raise too
            words = type(error).__name__
        raise Misfit(path, shortened(words).removesuffix(": ")) from error


def expected(what: str, value: object, path: str) -> Misfit:
    """The error for a value of another kind."""
    return Misfit(path, f"expected {what}, got {shown(value)}")


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON."""

    @property
    def schema(self) -> dict[str, Any]:
        """No condition."""
        return {}

    def load(self, value: Any, path: str = "") -> Any:  # every form is asked alike
        """The JSON as it is."""
        return resolved(value)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, truth value or null. `type` is the Python type."""

    type: type

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON type."""
        return {"type": _SCALARS[self.type][0]}

    def load(self, value: Any, path: str = "") -> Any:
        """The value; 3.0 is a whole number, 3 a decimal one, where both are exactly the same."""
        if isinstance(value, Bare):
            read = _YES_NO.get(value.lower(), value.constant) if self.type is bool else value.constant
            value = value if isinstance(read, str) else read
        if type(value) is self.type:
            return value
        if self.type in (int, float) and type(value) in (int, float):
            try:
                number = self.type(value)
            except (OverflowError, ValueError):  # too large; infinite or no number
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


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value written as text: `parse` raises ValueError where it isn't one. `keywords` go into the schema."""

    what: str
    parse: Callable[[str], Any]
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """Text of a format."""
        return {"type": "string", **self.keywords}

    def load(self, value: Any, path: str = "") -> Any:
        """The parsed value."""
        if isinstance(value, str):
            try:
                return self.parse(value)
            except (ValueError, ArithmeticError):
                pass
        raise expected(self.what, value, path)


@dataclass(frozen=True, slots=True)
class Options:
    """One of some values: pairs of the JSON (text, number, truth value, null) and the value it stands for."""

    options: Sequence[tuple[Any, Any]]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON types and the values."""
        written = [option for option, _ in self.options]
        types = sorted({_SCALARS[type(option)][0] for option in written})
        return {"type": types[0] if len(types) == 1 else types, "enum": written}

    def load(self, value: Any, path: str = "") -> Any:
        """What the JSON stands for; true is not 1. A bare word may be in another letter case."""
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


@dataclass(frozen=True, slots=True)
class Items:
    """Any number of one form: a list, set or tuple."""

    item: Form
    make: Callable[[list[Any]], Any] = list

    @property
    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.item.schema}

    def load(self, value: Any, path: str = "") -> Any:
        """The collection of its items."""
        if not isinstance(value, list):
            raise expected("a list", value, path)
        return made(self.make, [self.item.load(one, inside(path, index)) for index, one in enumerate(value)], path)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A tuple: so many items, each of its own form."""

    items: Sequence[Form]

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


@dataclass(frozen=True, slots=True)
class Keyed:
    """A dict: any keys of one form (of texts), values of another."""

    key: Form
    value: Form

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


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of a record, which may lack unless `required`. `default` is JSON for the schema; MISSING = none."""

    name: str
    form: Form
    required: bool = True
    default: Any = MISSING
    description: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The form's schema, with what is known of this part."""
        schema = dict(self.form.schema)
        if "$ref" not in schema:  # its neighbours are ignored by some servers and refused by others
            schema |= {"description": self.description} if self.description else {}
            schema |= {"default": self.default} if self.default is not MISSING else {}
        return schema


@dataclass(frozen=True, slots=True)
class Record:
    """An object of named fields, made into a value by `make`, which gets those that came."""

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
        """The made value. Whatever `make` raises is a Misfit too."""
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
            each.name: each.form.load(value[each.name], inside(path, each.name))
            for each in self.fields
            if each.name in value
        }
        return made(self.make, loaded, path)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A union: the first of these forms, of which there is at least one, that takes the value."""

    forms: Sequence[Form]

    @property
    def schema(self) -> dict[str, Any]:
        """Any of the schemas."""
        return {"anyOf": [form.schema for form in self.forms]}

    def load(self, value: Any, path: str = "") -> Any:
        """What the first form that takes it makes of it; but of numbers, the form that leaves it as it is."""
        taken: list[Any] = []
        misfits: list[Misfit] = []
        for form in self.forms:
            try:
                loaded = form.load(value, path)
            except Misfit as misfit:
                misfits.append(misfit)
                continue
            if type(value) in (int, float) and type(loaded) is type(value):
                return loaded  # of float | int, 1 is the int
            taken.append(loaded)
        if taken:
            return taken[0]
        raise max(misfits, key=lambda misfit: len(misfit.path))  # the one that got furthest says most


class Deferred:
    """A class's form while it is still being made: how a class refers to itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.used = False
        """Whether anything refers to the class, so that it needs a definition."""
        self.form: Form = Anything()
        """The class's form once it is made; until then it takes anything."""

    @property
    def schema(self) -> dict[str, Any]:
        """A reference to the definition."""
        return {"$ref": f"#/$defs/{self.name}"}

    def load(self, value: Any, path: str = "") -> Any:
        """As the form, once it is made."""
        return self.form.load(value, path)
