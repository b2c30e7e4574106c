"""The schema of a structured answer: how to ask for it, and how to read it from the text."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct

from nbchat.conversation.schemas.annotations import Annotations, Untypable, shown_type
from nbchat.conversation.schemas.columns import is_type, parse_columns
from nbchat.conversation.schemas.converters import Anything, Converter, Misfit, expected
from nbchat.conversation.schemas.json_text import has_words, problem_in, values_in, word_in
from nbchat.conversation.schemas.jsonschemas import Given, closed, is_strict, moved
from nbchat.conversation.schemas.type_names import TypeNames
from nbchat.values.errors import ParameterError
from nbchat.values.surrogates import paired_json

__all__ = ["NoJson", "Schema"]

_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_KEYWORDS = {"type", "properties", "items", "$ref", "$defs", "anyOf", "oneOf", "allOf", "enum", "const", "$schema"}


class NoJson(Misfit):
    """The text contains no JSON."""


class Schema(Struct, frozen=True):
    """The schema of an answer. `json_schema` is the schema sent to servers, always an object.

    `wrapped` names the property that holds a value that is not an object; None = the value is the object.
    """

    name: str
    converter: Converter
    json_schema: Mapping[str, Any]
    wrapped: str | None = None

    @classmethod
    def of(cls, what: Any, names: Mapping[str, Any] | None = None) -> Self:
        """Make a schema from any supported description.

        Raises ParameterError. Supported are a pydantic model, dataclass, typed or named tuple, list[…] or other
        annotation; a JSON schema; a dict of names and types; or text: a JSON schema, the name of a type, which may be
        among `names`, or `city:str,temp:float` (in brackets: a list of these).
        """
        if isinstance(what, cls):
            return what
        try:
            converter, schema, name = _read(what, names or {})
        except Untypable as error:
            raise ParameterError(f"The schema has the type {error}.") from None
        except RecursionError:
            raise ParameterError("The schema is nested too deep.") from None
        wrapped = None if _is_object(schema) else "items" if schema.get("type") == "array" else "value"
        outer = schema if wrapped is None else _wrapped(schema, wrapped)
        outer = outer if isinstance(converter, Given) else closed(outer)
        return cls(_NAME.sub("_", name).strip("_")[:64] or "answer", converter, outer, wrapped)

    @property
    def response_format(self) -> dict[str, Any]:
        """The request's `response_format`; strict if the schema follows the rules of strict mode."""
        strict = {"strict": True} if is_strict(self.json_schema) else {}
        return {
            "type": "json_schema",
            "json_schema": {"name": self.name, "schema": dict(self.json_schema), **strict},
        }

    @property
    def instruction(self) -> str:
        """The schema as an instruction, for servers without `response_format`."""
        written = json.dumps(self.json_schema, ensure_ascii=False)
        return f"Answer with JSON alone, no other text and no code fence, that fits this JSON schema:\n{written}"

    def parse(self, text: str) -> Any:
        """Return the value in an answer; of several that fit, the last. Raises Misfit with the place."""
        fitting: list[tuple[int, Any]] = []
        misfits: list[tuple[int, Misfit]] = []
        for start, value in values_in(text):
            try:
                fitting.append((start, self._load(paired_json(value))))
            except Misfit as misfit:
                if not has_words(value):  # then "not JSON" is the better message
                    misfits.append((start, misfit))
            except RecursionError:
                misfits.append((start, Misfit("", "it is nested too deep")))
        if fitting:
            return max(fitting, key=lambda pair: pair[0])[1]
        if (word := word_in(text)) is not None:
            with contextlib.suppress(Misfit):
                return self._load(word)
        if misfits:
            raise max(misfits, key=lambda pair: pair[0])[1]
        if not text.strip():
            raise NoJson("", "the answer is empty")
        problem = problem_in(text)
        raise NoJson("", "there is no JSON in it") if problem is None else Misfit("", problem)

    def _load(self, value: Any) -> Any:
        if self.wrapped is None:
            return self.converter.load(value)
        if isinstance(value, Mapping) and value.keys() == {self.wrapped}:
            return self.converter.load(value[self.wrapped], self.wrapped)
        try:
            return self.converter.load(value)  # models asked in the prompt may omit the wrapper
        except Misfit as misfit:
            if isinstance(value, Mapping):
                raise expected(f"an object with {self.wrapped!r} alone", value, "") from None
            raise misfit


def _read(what: Any, names: Mapping[str, Any]) -> tuple[Converter, Mapping[str, Any], str]:
    """Return the converter, its JSON schema and a name."""
    annotations = Annotations()
    if isinstance(what, str) and what.lstrip().startswith("{"):
        return _read_given(_json_schema(what))
    if isinstance(what, str) and is_type(what):
        what = TypeNames(names).resolve(what)
        if isinstance(what, (str, Mapping)):  # a variable that holds a schema
            return _read(what, {})
    if isinstance(what, str):
        converter, name = parse_columns(what, annotations, names), "answer"
    elif isinstance(what, Mapping) and not _is_record_of_types(what):
        return _read_given(what)
    elif isinstance(what, Mapping):
        converter, name = annotations.record(what), "answer"
    elif callable(what) or hasattr(what, "__origin__") or hasattr(what, "__args__"):
        converter, name = annotations.converter(what), getattr(what, "__name__", "answer")
    else:
        raise ParameterError(
            "A schema is a pydantic model, a dataclass, a type, a JSON schema or text such as city:str,temp:float;"
            f" got {type(what).__name__}."
        )
    if isinstance(converter, Anything):
        raise ParameterError(f"The schema {shown_type(what)} allows everything: name the type that you expect.")
    return converter, annotations.root_schema(converter), name


def _read_given(what: Mapping[str, Any]) -> tuple[Converter, Mapping[str, Any], str]:
    """As `_read`, for a JSON schema or the whole `response_format` around one."""
    inner = what.get("json_schema") if what.get("type") == "json_schema" else None
    name, schema = (inner.get("name"), inner.get("schema")) if isinstance(inner, Mapping) else (what.get("title"), what)
    if not isinstance(schema, Mapping) or not _KEYWORDS & schema.keys():
        raise ParameterError("A dict must be a JSON schema with a type, or map names to types, such as {'a': int}.")
    converter = Given.of(schema)
    return converter, converter.schema, str(name or "answer")


def _json_schema(text: str) -> Mapping[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"The schema looks like JSON but is not valid: {error}.") from None
    return schema if isinstance(schema, Mapping) else {}


def _is_record_of_types(what: Mapping[Any, Any]) -> bool:
    """Whether a dict maps names to types, rather than being a JSON schema."""
    return bool(what) and all(
        isinstance(key, str) and (isinstance(value, type) or hasattr(value, "__origin__") or hasattr(value, "__args__"))
        for key, value in what.items()
    )


def _is_object(schema: Mapping[str, Any]) -> bool:
    """Whether a given schema's top level is an object, as servers require."""
    return schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _wrapped(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object schema with the schema as its only property; definitions stay at the top."""
    at_top = ("$defs", "definitions", "$schema")
    inner = {key: value for key, value in schema.items() if key not in at_top}

    def rename(reference: str) -> str:
        stays = reference.startswith(("#/$defs/", "#/definitions/"))
        return reference if stays else f"#/properties/{name}{reference.removeprefix('#')}"

    outer = {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}
    return moved({**outer, **{key: schema[key] for key in at_top if key in schema}}, rename)
