"""A small JSON Schema validator, for where jsonschema is not installed: the keywords that people write.

Semantics are those of JSON Schema 2020-12. Keywords that it doesn't know are ignored, as that standard says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbchat.conversation.schemas.converters import Misfit, expected, inside, shown
from nbchat.values.errors import ParameterError

__all__ = ["Validator"]

Node = Mapping[str, Any]

_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("an object", lambda value: isinstance(value, Mapping)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("text", lambda value: isinstance(value, str)),
    "integer": ("a whole number", lambda value: _is_number(value) and value == value // 1),
    "number": ("a number", lambda value: _is_number(value)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
}

_LIMITS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("a number of at least {}", lambda value, limit: value >= limit),
    "maximum": ("a number of at most {}", lambda value, limit: value <= limit),
    "exclusiveMinimum": ("a number above {}", lambda value, limit: value > limit),
    "exclusiveMaximum": ("a number below {}", lambda value, limit: value < limit),
    "multipleOf": ("a multiple of {}", lambda value, factor: _is_multiple(value, factor)),
}

_SIZES: dict[str, tuple[type[Any], str, Callable[[int, int], bool]]] = {
    "minLength": (str, "text of at least {} characters", lambda size, limit: size >= limit),
    "maxLength": (str, "text of at most {} characters", lambda size, limit: size <= limit),
    "minItems": (list, "a list of at least {}", lambda size, limit: size >= limit),
    "maxItems": (list, "a list of at most {}", lambda size, limit: size <= limit),
    "minProperties": (dict, "an object of at least {} properties", lambda size, limit: size >= limit),
    "maxProperties": (dict, "an object of at most {} properties", lambda size, limit: size <= limit),
}


class Validator:
    """Checks JSON against one schema with its definitions."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def check_schema(self, nodes: Iterable[Node]) -> None:
        """Look at what the schema is made of. Raises ParameterError for what can be no schema."""
        if not isinstance(self._root, Mapping):
            raise ParameterError(f"A JSON schema is an object; got {shown(self._root)}.")
        for node in nodes:
            kinds = node.get("type", [])
            for kind in kinds if isinstance(kinds, list) else [kinds]:
                if kind not in _TYPES:
                    raise ParameterError(f"A JSON schema's type is one of {', '.join(_TYPES)}; got {shown(kind)}.")
            for keyword, shape in (("properties", Mapping), ("required", list), ("enum", list), ("anyOf", list)):
                if keyword in node and not isinstance(node[keyword], shape):
                    raise ParameterError(f"{keyword} has another form in a JSON schema; got {shown(node[keyword])}.")
            if "$ref" in node:
                self._find(str(node["$ref"]))

    def check(self, value: Any, path: str = "") -> None:
        """Pass, or raise Misfit."""
        try:
            self._check(value, self._root, path)
        except RecursionError:
            raise Misfit(path, "it is nested too deep to be checked") from None

    def _check(self, value: Any, schema: Any, path: str) -> None:
        if schema is True:
            return
        if schema is False:
            raise Misfit(path, "nothing is allowed here")
        if "$ref" in schema:
            self._check(value, self._find(schema["$ref"]), path)
        _check_kind(value, schema, path)
        _check_limits(value, schema, path)
        self._check_branches(value, schema, path)
        if isinstance(value, Mapping):
            self._check_object(value, schema, path)
        elif isinstance(value, list):
            self._check_array(value, schema, path)

    def _check_branches(self, value: Any, schema: Node, path: str) -> None:
        for branch in schema.get("allOf", ()):
            self._check(value, branch, path)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                misfits = [misfit for branch in schema[keyword] if (misfit := self._misfit(value, branch, path))]
                fitting = len(schema[keyword]) - len(misfits)
                if not fitting:
                    raise max(misfits, key=lambda misfit: len(misfit.path))
                if keyword == "oneOf" and fitting > 1:
                    raise Misfit(path, f"{shown(value)} fits more than one of oneOf")
        if "not" in schema and self._misfit(value, schema["not"], path) is None:
            raise Misfit(path, f"{shown(value)} is excluded")

    def _misfit(self, value: Any, schema: Any, path: str) -> Misfit | None:
        try:
            self._check(value, schema, path)
        except Misfit as misfit:
            return misfit
        return None

    def _check_object(self, value: Mapping[str, Any], schema: Node, path: str) -> None:
        for name in schema.get("required", ()):
            if name not in value:
                raise Misfit(inside(path, name), "this field is missing")
        properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, one in value.items():
            where = inside(path, name)
            if "propertyNames" in schema:
                self._check(name, schema["propertyNames"], where)
            matching = [patterns[pattern] for pattern in patterns if re.search(pattern, name)]
            if name in properties:
                matching.append(properties[name])
            if not matching and schema.get("additionalProperties") is False:
                raise Misfit(where, f"there is no such field; expected {', '.join(properties) or 'none'}")
            for child in matching or [schema.get("additionalProperties", True)]:
                self._check(one, child, where)

    def _check_array(self, value: list[Any], schema: Node, path: str) -> None:
        first = schema.get("prefixItems", [])
        for index, one in enumerate(value):
            child = first[index] if index < len(first) else schema.get("items", True)
            self._check(one, child, inside(path, index))
        if schema.get("uniqueItems") and any(_same(one, other) for i, one in enumerate(value) for other in value[:i]):
            raise Misfit(path, "an item occurs twice")

    def _find(self, reference: str) -> Any:
        found = self._root
        for step in reference.removeprefix("#").removeprefix("/").split("/") if reference.strip("#/") else ():
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, Mapping) and key in found:
                found = found[key]
            else:
                raise ParameterError(f"The JSON schema refers to {reference!r}, which is not there.")
        return found


def _check_kind(value: Any, schema: Node, path: str) -> None:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_TYPES[kind][1](value) for kind in kinds):
        raise expected(" or ".join(_TYPES[kind][0] for kind in kinds), value, path)
    if "enum" in schema and not any(_same(value, option) for option in schema["enum"]):
        raise expected("one of " + ", ".join(map(shown, schema["enum"])), value, path)
    if "const" in schema and not _same(value, schema["const"]):
        raise expected(shown(schema["const"]), value, path)


def _check_limits(value: Any, schema: Node, path: str) -> None:
    for keyword in schema.keys() & _LIMITS.keys() if _is_number(value) else ():
        what, holds = _LIMITS[keyword]
        if not holds(value, schema[keyword]):
            raise expected(what.format(schema[keyword]), value, path)
    for keyword in schema.keys() & _SIZES.keys():
        kind, what, fits = _SIZES[keyword]
        if isinstance(value, (str, list, dict)) and isinstance(value, kind) and not fits(len(value), schema[keyword]):
            raise expected(what.format(schema[keyword]), value, path)
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        raise expected(f"text that matches {schema['pattern']}", value, path)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_multiple(value: float, factor: float) -> bool:
    return factor != 0 and math.isclose(value / factor, round(value / factor), abs_tol=1e-9)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)
