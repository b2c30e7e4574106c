"""Operations on JSON schemas: validation, renaming of references, and closing for strict mode."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from msgspec import Struct

from nbchat.conversation.schemas.converters import Misfit, inside, shortened, shown
from nbchat.conversation.schemas.json_text import resolved
from nbchat.values.errors import ParameterError

__all__ = ["Given", "closed", "is_strict", "moved"]

Node = Mapping[str, Any]

_TYPES = "object, array, string, integer, number, boolean, null"
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_SINGLE = (
    "items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "unevaluatedItems",
    "unevaluatedProperties", "additionalItems",
)  # fmt: skip
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems", "items")

_STRICT_KINDS = ("type", "$ref", "anyOf", "enum", "const")
_NOT_STRICT = {
    "oneOf", "allOf", "not", "if", "then", "else", "prefixItems", "patternProperties", "propertyNames", "contains",
    "dependentSchemas", "dependentRequired", "minProperties", "maxProperties", "unevaluatedItems",
    "unevaluatedProperties", "uniqueItems", "default",
}  # fmt: skip


def changed(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Return a copy of a schema with `change` applied to each schema in it, inner ones first."""
    if not isinstance(schema, Mapping):
        return schema
    copy = dict(schema)
    for key in copy.keys() & set(_NAMED):
        if isinstance(copy[key], Mapping):
            copy[key] = {name: changed(child, change) for name, child in copy[key].items()}
    for key in copy.keys() & {*_SINGLE, *_LISTED}:
        if isinstance(copy[key], list):
            copy[key] = [changed(child, change) for child in copy[key]]
        else:
            copy[key] = changed(copy[key], change)
    return change(copy)


def schemas_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema in this one, itself last."""
    found: list[dict[str, Any]] = []

    def note(node: dict[str, Any]) -> dict[str, Any]:
        found.append(node)
        return node

    changed(schema, note)
    return iter(found)


def moved(schema: Node, rename: Callable[[str], str]) -> dict[str, Any]:
    """Return the schema with its references renamed."""

    def change(node: dict[str, Any]) -> dict[str, Any]:
        return {**node, "$ref": rename(node["$ref"])} if isinstance(node.get("$ref"), str) else node

    copy: dict[str, Any] = changed(schema, change)
    return copy


def closed(schema: Node) -> dict[str, Any]:
    """Return the schema as OpenAI's strict mode wants it: all properties required, no others, no defaults.

    Values that fit it also fit the original schema.
    """

    def change(node: dict[str, Any]) -> dict[str, Any]:
        node.pop("default", None)
        if isinstance(node.get("properties"), Mapping) and node.get("additionalProperties", False) in (False, True):
            node |= {"required": list(node["properties"]), "additionalProperties": False}
        return node

    copy: dict[str, Any] = changed(schema, change)
    return copy


def is_strict(schema: Node) -> bool:
    """Whether strict mode certainly accepts it, by OpenAI's rules."""
    return schema.get("type") == "object" and "anyOf" not in schema and all(map(_is_strict, schemas_in(schema)))


def _is_strict(node: Node) -> bool:
    if not any(key in node for key in _STRICT_KINDS) or node.keys() & _NOT_STRICT:
        return False
    if node.get("type") != "object" and "properties" not in node:
        return True
    properties = node.get("properties")
    return (
        isinstance(properties, Mapping)
        and node.get("additionalProperties") is False
        and set(node.get("required", ())) == set(properties)
    )


class Given(Struct, frozen=True):
    """The converter of a JSON schema given by the user: JSON stays JSON."""

    schema: dict[str, Any]

    @classmethod
    def of(cls, schema: Node) -> Given:
        """Make the converter of a schema. Raises ParameterError for an invalid schema, or one that refers outside itself."""
        try:
            copy = json.loads(json.dumps(schema))
            nodes = list(schemas_in(copy))
        except (TypeError, ValueError, RecursionError) as error:
            raise ParameterError(f"A JSON schema holds only JSON values: {error}.") from None
        draft = _draft(copy)
        from jsonschema.exceptions import SchemaError  # imported by now

        try:
            draft.check_schema(copy)
        except SchemaError as error:
            where = "".join(f"[{step!r}]" for step in error.absolute_path)
            if where.endswith("['type']"):
                raise ParameterError(f"A JSON schema's type is one of {_TYPES}; got {shown(error.instance)}.") from None
            raise ParameterError(f"This is not a JSON schema: {where or 'it'}: {shortened(error.message)}.") from None
        for reference in (node["$ref"] for node in nodes if "$ref" in node):
            _check_reference(copy, reference)
        return cls(copy)

    def load(self, value: Any, path: str = "") -> Any:
        """Return the value itself. Raises Misfit."""
        draft, value = _draft(self.schema), resolved(value)
        from jsonschema.exceptions import best_match  # imported by now

        try:
            error = best_match(draft(self.schema).iter_errors(value))
        except RecursionError:
            raise Misfit(path, "it is nested too deep to be checked") from None
        if error is None:
            return value
        for step in error.absolute_path:
            path = inside(path, step)
        raise Misfit(path, shortened(error.message))


def _draft(schema: Node) -> Any:
    """Return the validator class for a schema's draft; without one, for the newest."""
    validators = _validators()
    named = schema if isinstance(schema.get("$schema"), str) else {}
    return validators.validator_for(named, default=validators.Draft202012Validator)


@functools.cache
def _validators() -> Any:
    """Return the module `jsonschema.validators`.

    Where JupyterLab is installed, jsonschema imports `rfc3987_syntax`, which takes 1.2 s of CPU to build a grammar, for a
    format that is not checked here. It gets a function that imports the package when it is called.
    """
    name = "rfc3987_syntax"
    if name not in sys.modules and find_spec(name) is not None:
        until_called = ModuleType(name)
        until_called.is_valid_syntax = lambda *given: import_module(name).is_valid_syntax(*given)  # type: ignore[attr-defined]  # modules take any
        sys.modules[name] = until_called
        try:
            return import_module("jsonschema.validators")
        finally:
            sys.modules.pop(name, None)
    return import_module("jsonschema.validators")


def _check_reference(schema: Node, reference: str) -> None:
    """Raise ParameterError for a reference out of the schema, or to a missing definition."""
    if not reference.startswith("#"):
        raise ParameterError(f"The JSON schema refers to {reference!r}; copy the definition into its own $defs.")
    found: Any = schema
    for step in reference[1:].removeprefix("/").split("/") if reference.strip("#/") else ():
        key = step.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(key) if isinstance(found, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ParameterError(f"The JSON schema refers to {reference!r}, which is not there.") from None
