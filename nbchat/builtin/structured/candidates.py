"""Weighted candidates for the scalar values of a JSON answer.

They come from the value's schema and the prompt's material; those that the prompt names are the likeliest.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct

from nbchat.builtin.model.material import Material, words_of
from nbchat.builtin.model.relevance import words
from nbchat.builtin.structured.json_schema import SchemaError, is_number, types_of
from nbchat.builtin.structured.pattern import example

__all__ = ["Candidate", "as_json", "fixed_values", "scalars"]

Node = Mapping[str, Any]

GIVEN, QUOTED, NAMED, SPOKEN, DULL = 60.0, 12.0, 6.0, 2.0, 0.2
"""Weights: a value that the message gives to this name, a quoted text, a proper name, any other word, an invented value."""

_FORMATS = {
    "date-time": "2024-05-17T09:30:00Z",
    "date": "2024-05-17",
    "time": "09:30:00Z",
    "duration": "P3D",
    "email": "reader@example.org",
    "idn-email": "reader@example.org",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "12345678-1234-4234-8234-123456789abc",
    "uri": "https://docs.python.org/3/",
    "uri-reference": "https://docs.python.org/3/",
    "iri": "https://docs.python.org/3/",
    "json-pointer": "/a",
    "regex": "[a-z]+",
}
_FORMAT_IN_TEXT = {
    "date-time": r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)",
    "date": r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])\b",
    "email": r"\b[\w.+-]{1,60}@[\w-]{1,60}\.[a-z]{2,10}\b",
    "uri": r"https?://[\w./?=&%-]{1,200}[\w/]",
    "uuid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "ipv4": r"\b(?:1?\d?\d\.){3}1?\d?\d\b",
}
_PROSE = words("answer summary text description reason explanation content message comment sentence body")
_ONLY_SHORT = 24  # most characters to match a user's pattern against; a bad one may take exponential time


class Candidate(Struct, frozen=True):
    """A possible next text, and its weight."""

    text: str
    weight: float


def as_json(value: object) -> str:
    """Encode as JSON on one line without escaping non-ASCII characters, except for lone surrogates."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def scalars(kind: str, node: Node, name: str, material: Material, taken: Iterable[str] = ()) -> list[Candidate]:
    """Return the candidates, as JSON, for a value of one type, except those in `taken`. Raises SchemaError if there are none."""
    excluded = set(taken)
    pairs: Iterable[tuple[object, float]]
    if kind in ("integer", "number"):
        pairs = _numbers(node, name, material, whole=kind == "integer", at_least=len(excluded) + 8)
    elif kind == "string":
        pairs = _strings(node, name, material, at_least=len(excluded) + 4)
    elif kind == "boolean":
        no = material.denies(name)
        pairs = [(True, 1.0 if no else 4.0), (False, 4.0 if no else 1.0)]
    else:
        pairs = [(None, 1.0)]
    found: dict[str, float] = {}
    for value, weight in pairs:
        text = as_json(value)
        if text not in excluded:
            found[text] = max(weight, found.get(text, 0.0))
    if not found:
        raise SchemaError(f"No {kind} was found that fits the schema of {name!r}.")
    return [Candidate(text, weight) for text, weight in found.items()]


def fixed_values(node: Node) -> list[Any] | None:
    """Return the values of `const` or `enum` that the schema's type and limits allow; None if it has neither."""
    if "const" not in node and "enum" not in node:
        return None
    values = [node["const"]] if "const" in node else node["enum"]
    admitted = [value for value in values if _admits(node, value)]
    if not admitted:
        raise SchemaError("None of the fixed values fits the rest of its schema.")
    return admitted


def _admits(node: Node, value: Any) -> bool:
    if "enum" in node and value not in node["enum"]:
        return False
    if "type" in node and not any(_is_type(value, kind) for kind in types_of(node)):
        return False
    if _is_type(value, "number"):
        return _fits(value, node, whole=False)
    if isinstance(value, str):
        low, high, pattern = node.get("minLength", 0), node.get("maxLength", math.inf), node.get("pattern")
        return bool(low <= len(value) <= high) and (pattern is None or _matches(pattern, value))
    return True


def _is_type(value: Any, kind: str) -> bool:
    if kind in ("integer", "number"):
        return is_number(value) and (kind == "number" or value % 1 == 0)
    python = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}[kind]
    return isinstance(value, python)


def _numbers(node: Node, name: str, material: Material, *, whole: bool, at_least: int) -> Iterator[tuple[float, float]]:
    given = [_number(text) for text in material.given(name)]
    pool = [(value, GIVEN) for value in given if value is not None]
    pool += [(value, QUOTED) for value in material.numbers]
    yield from ((_plain(value), weight) for value, weight in pool if _fits(value, node, whole=whole))
    made = (value for value in _made_numbers(node, whole=whole, at_least=at_least) if _fits(value, node, whole=whole))
    yield from ((_plain(value), DULL / (1 + i)) for i, value in enumerate(islice(made, 2 * at_least)))


def _plain(value: float) -> float:
    """Convert 5.0 to 5."""
    return int(value) if value % 1 == 0 else value


def _number(text: str) -> float | None:
    try:
        value = float(text.replace("_", "").rstrip("%"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _made_numbers(node: Node, *, whole: bool, at_least: int) -> Iterator[float]:
    """Yield numbers in the range of a schema: from its lower end up, from its upper end down, and between."""
    low = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
    high = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
    step = node.get("multipleOf", 1 if whole else None)
    if step is None and low > -math.inf and high < math.inf and high - low < at_least:
        yield from (low, high)
        gap = (high - low) / (at_least + 1)
        if gap > 0:
            digits = math.ceil(-math.log10(gap))  # the fewest that keep them distinct
            yield from (round(low + gap * i, digits) for i in range(1, at_least + 1))
        return
    step = step or 1
    first = math.ceil(low / step) if low > -math.inf else min(1, math.floor(high / step)) if high < math.inf else 1
    last = math.floor(high / step) if high < math.inf else first + at_least * (2 if whole else 1)
    for i in range(at_least + 2):
        yield (first + i) * step
        yield (last - i) * step


def _fits(value: float, node: Node, *, whole: bool) -> bool:
    """Whether a number is within a schema's range and a multiple of its factor."""
    if whole and value % 1:
        return False
    if value < node.get("minimum", -math.inf) or value > node.get("maximum", math.inf):
        return False
    if value <= node.get("exclusiveMinimum", -math.inf) or value >= node.get("exclusiveMaximum", math.inf):
        return False
    factor = node.get("multipleOf")
    return factor is None or (value / factor) % 1 == 0


def _strings(node: Node, name: str, material: Material, *, at_least: int) -> Iterator[tuple[str, float]]:
    low, high = int(node.get("minLength", 0)), node.get("maxLength", math.inf)
    pattern = node.get("pattern")
    for text, weight in _texts(node, name, material):
        if low <= len(text) <= high and (pattern is None or _matches(pattern, text)):
            yield text, weight
    if node.get("format") in _FORMATS:
        return
    for i in range(at_least):
        made = example(pattern, i) if pattern is not None else _stretched(_word(material, i), low, high, i)
        if made is not None and low <= len(made) <= high:
            yield made, DULL / (1 + i)


def _texts(node: Node, name: str, material: Material) -> Iterator[tuple[str, float]]:
    form = node.get("format")
    if form in _FORMATS:
        pattern = _FORMAT_IN_TEXT.get(form)
        yield from ((text, GIVEN) for text in (re.findall(pattern, material.text) if pattern else ()))
        yield _FORMATS[form], DULL
        return
    is_prose = bool(_PROSE & set(words_of(name)))
    yield from ((text, GIVEN) for text in material.given(name))
    yield from ((text, QUOTED) for text in material.quoted)
    yield from ((text, NAMED) for text in material.names)
    yield from ((text, SPOKEN / 4 if is_prose else SPOKEN) for text in material.words)
    yield from ((text, QUOTED if is_prose else DULL) for text in material.sentences)


def _matches(pattern: str, text: str) -> bool:
    try:
        return len(text) <= _ONLY_SHORT and re.search(pattern, text) is not None
    except re.error:
        return False


def _word(material: Material, i: int) -> str:
    known = [*material.words, "value", "item"]
    return str(known[i % len(known)]) + (str(i // len(known)) if i >= len(known) else "")


def _stretched(text: str, low: int, high: float, i: int) -> str:
    """Repeat or cut a text to a length; since cut texts would be equal, for `i` > 0 use letters that encode `i`."""
    while len(text) < low:
        text = f"{text} {text}"
    if len(text) <= high or i == 0:
        return text if len(text) <= high else text[: int(high)]
    letters = ""
    while not letters or i:
        i, letter = divmod(i, 26)
        letters += chr(ord("a") + letter)
    return letters.ljust(low, "x")[: int(high)]
