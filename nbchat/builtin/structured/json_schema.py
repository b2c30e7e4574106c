"""Prepare JSON schemas for generation: resolve references, merge `allOf`, refuse what is not supported.

Supported keywords are those of OpenAI's structured outputs and of pydantic's schemas (JSON Schema 2020-12).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbchat.builtin.model.relevance import words

__all__ = ["Schema", "SchemaError", "is_number", "item_schema", "property_schema", "types_of"]

Node = Mapping[str, Any]

_UNSUPPORTED = words(
    "not if then else contains minContains maxContains dependentRequired dependentSchemas dependencies propertyNames "
    "unevaluatedItems unevaluatedProperties $dynamicRef $recursiveRef"
)
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_SHAPES = {"properties": dict, "patternProperties": dict, "$defs": dict, "definitions": dict, "required": list}
_SHAPES |= {
    "enum": list,
    "anyOf": list,
    "oneOf": list,
    "allOf": list,
    "prefixItems": list,
    "$ref": str,
    "pattern": str,
    "format": str,
}
_LONGEST_TEXT = 10_000
_MOST_VISITS = 20_000
_DEEPEST = 60
_LARGEST = 1e300


class SchemaError(Exception):
    """A schema is not supported or not satisfiable; the message is one sentence. The server turns it into a refusal."""


class Schema:
    """A schema with its definitions. Raises SchemaError if it is not supported or only infinite values fit."""

    def __init__(self, root: object) -> None:
        self._visits = 0
        self._root = root if isinstance(root, dict) else {}
        try:
            for node in self._all(root):
                self.branches(self.flat(node))
            self.root = self.flat(root)
            depth = self.depth(self.root)
        except RecursionError:
            depth = math.inf
        if depth == math.inf:
            raise SchemaError("The schema is nested too deeply, or contains itself without end.")

    def flat(self, node: object) -> Node:
        """Return a schema object without `$ref` and `allOf`."""
        if node is True:
            return {}
        if not isinstance(node, dict):
            raise SchemaError(
                "A schema must be an object, or true; here it is " + ("false." if node is False else "not.")
            )
        seen: set[str] = set()
        while "$ref" in node:
            reference = node["$ref"]
            if reference in seen:
                raise SchemaError(f"{reference} refers to itself.")
            seen.add(reference)
            rest = {key: value for key, value in node.items() if key != "$ref"}
            target = self._find(reference)
            node = merged(target, rest) if _constrains(rest) else target
        for part in node.get("allOf", ()):
            node = merged({key: value for key, value in node.items() if key != "allOf"}, self.flat(part))
        return node

    def branches(self, node: Node) -> list[Node]:
        """Return a flat schema's alternatives: itself, or one for each of its `anyOf` or `oneOf`, each flat."""
        for keyword in ("anyOf", "oneOf"):
            if keyword in node:
                rest = {key: value for key, value in node.items() if key != keyword}
                found: list[Node] = []
                for part in node[keyword]:
                    try:
                        flat = self.flat(part)
                        found += self.branches(self.flat(merged(rest, flat)) if _constrains(rest) else flat)
                    except SchemaError:
                        continue
                if not found:
                    raise SchemaError(f"No branch of {keyword} can be satisfied.")
                return found
        return [node]

    def depth(self, node: Node, inside: tuple[int, ...] = ()) -> float:
        """Return the depth of the shallowest value that fits a flat schema; infinite if none is finite."""
        self._visits += 1
        if self._visits > _MOST_VISITS:
            raise SchemaError("The schema is too large or refers to itself in too many ways.")
        if len(inside) > _DEEPEST:
            return math.inf
        branches = [branch for branch in self.branches(node) if id(branch) not in inside]
        return min((self._depth_of(branch, (*inside, id(branch))) for branch in branches), default=math.inf)

    def _depth_of(self, node: Node, inside: tuple[int, ...]) -> float:
        kinds = types_of(node)
        if "enum" in node or "const" in node or any(kind not in ("object", "array") for kind in kinds):
            return 0
        least = math.inf
        if "object" in kinds:
            needed = [self.flat(property_schema(node, name)) for name in node.get("required", ())]
            least = 1 + max((self.depth(each, inside) for each in needed), default=0)
        if "array" in kinds:
            count = int(node.get("minItems", 0))
            items = [self.flat(item_schema(node, i)) for i in range(min(count, len(node.get("prefixItems", ())) + 1))]
            least = min(least, 1 + max((self.depth(each, inside) for each in items), default=0))
        return least

    def _find(self, reference: str) -> Node:
        found: Any = self._root
        if not reference.startswith("#"):
            raise SchemaError(f"$ref must point into the schema itself (#/…), not to {reference!r}.")
        for step in reference[1:].strip("/").split("/") if reference.strip("#/") else ():
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                raise SchemaError(f"$ref points to {reference!r}, which does not exist.")
        if found is True:
            return {}
        if not isinstance(found, dict):
            raise SchemaError(f"$ref points to {reference!r}, which is not a schema.")
        return found

    def _all(self, node: object) -> Iterator[Node]:
        """Yield every schema in `node`, after checking its keywords."""
        if isinstance(node, bool):
            return
        if not isinstance(node, dict):
            raise SchemaError("A schema must be an object or a boolean.")
        check_keywords(node)
        yield node
        for keyword in ("properties", "patternProperties", "$defs", "definitions"):
            for child in node.get(keyword, {}).values():
                yield from self._all(child)
        for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for child in node.get(keyword, ()):
                yield from self._all(child)
        for keyword in ("items", "additionalProperties"):
            if isinstance(node.get(keyword), dict):
                yield from self._all(node[keyword])


def check_keywords(node: Node) -> None:
    """Raise SchemaError for a keyword that is not supported or has the wrong type."""
    for keyword in _UNSUPPORTED:
        if keyword in node:
            raise SchemaError(f"The keyword {keyword} is not supported by this model.")
    for keyword, shape in _SHAPES.items():
        if keyword in node and not isinstance(node[keyword], shape):
            raise SchemaError(
                f"{keyword} must be {'an object' if shape is dict else 'an array' if shape is list else 'a string'}."
            )
    for keyword in ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"):
        if keyword in node and not (is_number(node[keyword]) and node[keyword] >= 0 and node[keyword] % 1 == 0):
            raise SchemaError(f"{keyword} must be a whole number of 0 or more.")
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        if keyword in node and not (is_number(node[keyword]) and abs(node[keyword]) <= _LARGEST):
            raise SchemaError(f"{keyword} must be a number, of at most {_LARGEST:g}.")
    if node.get("minLength", 0) > _LONGEST_TEXT:
        raise SchemaError(f"minLength must be at most {_LONGEST_TEXT} for this model.")
    if node.get("multipleOf", 1) <= 0:
        raise SchemaError("multipleOf must be more than 0.")
    for keyword in ("items", "additionalProperties"):
        if not isinstance(node.get(keyword, {}), (dict, bool)):
            raise SchemaError(f"{keyword} must be a schema.")
    if not all(isinstance(name, str) for name in node.get("required", ())):
        raise SchemaError("required must name properties.")
    types_of(node)


def is_number(value: object) -> bool:
    """Whether a JSON value is a number; true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def types_of(node: Node) -> tuple[str, ...]:
    """Return the types that a schema allows; without `type`, those of its keywords, else all."""
    given = node.get("type")
    kinds = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else ()
    if given is not None and (not kinds or not all(kind in _TYPES for kind in kinds)):
        raise SchemaError(f"type must be one or more of {', '.join(_TYPES)}, not {given!r}.")
    if kinds:
        return kinds
    if {"properties", "required", "additionalProperties", "minProperties"} & node.keys():
        return ("object",)
    if {"items", "prefixItems", "minItems"} & node.keys():
        return ("array",)
    if {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"} & node.keys():
        return ("number",)
    return (
        ("string",)
        if {"pattern", "format", "minLength", "maxLength"} & node.keys()
        else ("string", "number", "boolean")
    )


def property_schema(node: Node, name: str) -> object:
    """Return the schema of a property. Raises SchemaError if no such property is allowed."""
    if name in node.get("properties", {}):
        return node["properties"][name]
    other = node.get("additionalProperties", True)
    if other is False:
        raise SchemaError(f"The property {name!r} is required, but only the listed ones are allowed.")
    return other


def item_schema(node: Node, index: int) -> object:
    """Return the schema of an item of an array. Raises SchemaError if none is allowed."""
    first = node.get("prefixItems", ())
    if index < len(first):
        return first[index]
    other = node.get("items", True)
    if other is False:
        raise SchemaError("minItems asks for more items than are allowed.")
    return other


def _constrains(node: Node) -> bool:
    return bool(
        node.keys() - {"title", "description", "default", "examples", "deprecated", "$comment", "$defs", "definitions"}
    )


def merged(one: Node, other: Node) -> dict[str, Any]:
    """Return the intersection of two schemas. Raises SchemaError if it is obviously empty."""
    both: dict[str, Any] = dict(one)
    for keyword, value in other.items():
        merge: Callable[[Any, Any], Any] = _MERGE.get(keyword, _last)
        both[keyword] = merge(both[keyword], value) if keyword in both else value
    closed = [each for each in (one, other) if each.get("additionalProperties") is False]
    for each in closed:
        allowed = each.get("properties", {})
        both["properties"] = {name: value for name, value in both.get("properties", {}).items() if name in allowed}
    if closed:
        both["additionalProperties"] = False
    if isinstance(both.get("enum"), list) and not both["enum"]:
        raise SchemaError("No value of enum is in all the schemas that must be satisfied.")
    return both


def _last(_: Any, value: Any) -> Any:
    return value


def _same(one: Any, other: Any) -> Any:
    if one != other:
        raise SchemaError(
            "Two different patterns, formats, factors or constants must hold at once, which this model does not support."
        )
    return one


def _properties(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for name, value in other.items():
        both[name] = {"allOf": [both[name], value]} if name in both and both[name] != value else value
    return both


def _types(one: Any, other: Any) -> list[str]:
    first, second = types_of({"type": one}), types_of({"type": other})
    shared = [kind for kind in first if kind in second]
    if "integer" not in shared and {"integer", "number"} <= {*first, *second}:
        shared.append("integer")
    if not shared:
        raise SchemaError(f"A value can't be {one} and {other} at once.")
    return shared


def _alternatives(one: list[Any], other: list[Any]) -> list[Any]:
    return [{"allOf": [first, second]} for first in one for second in other]


_MERGE: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
    **dict.fromkeys(("pattern", "format", "multipleOf", "const", "items", "prefixItems"), _same),
    **dict.fromkeys(("anyOf", "oneOf"), _alternatives),
    "allOf": lambda one, other: [*one, *other],
    "enum": lambda one, other: [value for value in one if value in other],
    "properties": _properties,
    "required": lambda one, other: list(dict.fromkeys([*one, *other])),
    "type": _types,
    "uniqueItems": lambda one, other: one or other,
}
