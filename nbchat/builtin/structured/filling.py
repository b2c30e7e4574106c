"""Constrained generation: a JSON value that fits a schema, token by token.

The value is generated from left to right as a script of choices. Each is a weighted list of possible next texts; a
mandatory text is a choice of one. The distribution of the next *token* follows exactly: the share of the weight of the
texts that continue with it. So bias, penalties, temperature and top_p affect JSON as they affect prose, and
log-probabilities are real: 0 if only one token is possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from nbchat.builtin.model.material import Material
from nbchat.builtin.model.sampling import Distribution
from nbchat.builtin.model.tokenizer import END, Tokenizer
from nbchat.builtin.structured.candidates import Candidate, as_json, fixed_values, scalars
from nbchat.builtin.structured.json_schema import Schema, SchemaError, item_schema, property_schema, types_of

__all__ = ["Filling", "Script", "Writer", "rehearse"]

Node = Mapping[str, Any]
Script = Generator[Sequence[Candidate], str, str]
"""Yields the candidates for the next text, is sent the chosen one, returns the last one chosen."""

SHALLOW = 3
"""Levels of nesting within which a value may have optional parts."""
USED = 0.3
"""Factor on a value's weight for each earlier occurrence in the answer, up to eight."""
MOST_ITEMS = 4
"""Optional items of an array."""


class Filling:
    """A source of tokens that follows a script; at its end comes `<|end|>`."""

    def __init__(self, script: Script, tokenizer: Tokenizer) -> None:
        self._script = script
        self._tokenizer = tokenizer
        self._ids = range(END, len(tokenizer))
        self._options: list[tuple[Sequence[int], Candidate]] = []
        self._at = 0
        self._offer(next(script))

    def next(self) -> Distribution:
        """The distribution of the next token: only possible tokens have any probability."""
        shares: dict[int, float] = {}
        for tokens, candidate in self._options:
            token = tokens[self._at]
            shares[token] = shares.get(token, 0.0) + candidate.weight
        total = sum(shares.values())
        return Distribution({token: share / total for token, share in shares.items()} or {END: 1.0}, 0.0, self._ids)

    def take(self, token: int) -> None:
        """Append this token."""
        self._options = [option for option in self._options if option[0][self._at] == token]
        self._at += 1
        tokens, candidate = self._options[0]
        if self._at == len(tokens):
            try:
                self._offer(self._script.send(candidate.text))
            except StopIteration:
                self._options = []

    def _offer(self, candidates: Sequence[Candidate]) -> None:
        self._at = 0
        self._options = [(self._tokenizer.encode(each.text), each) for each in _prefix_free(candidates)]


def rehearse(writer: Writer, most: int = 3000) -> None:
    """Follow the likeliest script for up to `most` steps. Raises SchemaError if it can't be completed."""
    script = writer.script()
    try:
        candidates = next(script)
        for _ in range(most):
            candidates = script.send(max(candidates, key=lambda each: each.weight).text)
    except StopIteration:
        return


def _prefix_free(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Drop candidates of which a likelier one is a prefix, or vice versa: their end would be ambiguous."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: -each.weight):
        text = candidate.text
        if not any(text.startswith(other.text) or other.text.startswith(text) for other in kept):
            kept.append(candidate)
    return kept


class Writer:
    """Writes the script of a value. `choose` makes choices that no token represents: it returns an index, given weights."""

    def __init__(self, schema: Schema, material: Material, choose: Callable[[Sequence[float]], int]) -> None:
        self._schema = schema
        self._material = material
        self._choose = choose
        self._used: Counter[str] = Counter()

    def script(self) -> Script:
        """Return the script of a value of the whole schema."""
        return self._value(self._schema.root, "", 0, [Candidate("", 1.0)], set())

    def _value(self, node: Node, name: str, level: int, ends: Sequence[Candidate], taken: set[str]) -> Script:
        """Script a value and one of `ends`, the texts that may follow it; return the chosen end.

        The end is part of the choice of the value, since 1 and 12 would be ambiguous without it. `taken` holds the values
        to avoid, and the new one is added.
        """
        branch = self._branch(node, level)
        fixed = fixed_values(branch)
        if fixed is not None:
            return (yield from self._one_of(_weighted(fixed, self._material), ends, taken))
        kinds = self._kinds(branch, level)
        kind = kinds[self._choose([0.1 if kind == "null" else 1.0 for kind in kinds])] if len(kinds) > 1 else kinds[0]
        if kind == "object":
            return (yield from self._object(branch, level, ends))
        if kind == "array":
            return (yield from self._array(branch, name, level, ends))
        return (yield from self._one_of(scalars(kind, branch, name, self._material, taken), ends, taken))

    def _branch(self, node: Node, level: int) -> Node:
        branches = self._schema.branches(node)
        if len(branches) == 1:
            return branches[0]
        depths = [self._schema.depth(branch) for branch in branches]
        if level > SHALLOW:
            return branches[depths.index(min(depths))]
        finite = [branch for branch, depth in zip(branches, depths, strict=True) if depth != float("inf")]
        return finite[self._choose([_appeal(branch, self._material) for branch in finite])]

    def _kinds(self, node: Node, level: int) -> Sequence[str]:
        kinds = types_of(node)
        flat = [kind for kind in kinds if kind not in ("object", "array")]
        return flat if flat and level > SHALLOW else kinds

    def _one_of(self, candidates: Sequence[Candidate], ends: Sequence[Candidate], taken: set[str]) -> Script:
        free = [each for each in candidates if each.text not in taken]
        if not free:
            raise SchemaError("There are fewer distinct values than uniqueItems requires.")
        pairs = {value.text + end.text: (value, end) for value in free for end in ends}
        chosen = yield [
            Candidate(text, value.weight * end.weight * USED ** min(self._used[value.text], 8))
            for text, (value, end) in pairs.items()
        ]
        value, end = pairs[chosen]
        taken.add(value.text)
        self._used[value.text] += 1
        return end.text

    def _object(self, node: Node, level: int, ends: Sequence[Candidate]) -> Script:
        names = self._names(node, level)
        if not names:
            return (yield from self._close("{}", ends))
        for i, name in enumerate(names):
            yield [Candidate(("{" if i == 0 else "") + as_json(name) + ": ", 1.0)]
            after = Candidate(", " if i + 1 < len(names) else "}", 1.0)
            child = self._schema.flat(property_schema(node, name))
            yield from self._value(child, name, level + 1, [after], set())
        return (yield from self._close("", ends))

    def _close(self, text: str, ends: Sequence[Candidate]) -> Script:
        """Script the closing bracket and what follows it, if anything."""
        options = {text + end.text: end.text for end in ends}
        if list(options) == [""]:
            return ""
        chosen = yield [Candidate(text + end.text, end.weight) for end in ends]
        return options[chosen]

    def _names(self, node: Node, level: int) -> list[str]:
        """Choose an object's properties: the required ones, optional ones unless deeply nested, more for minProperties."""
        required = list(dict.fromkeys(node.get("required", ())))
        names = [name for name in node.get("properties", {}) if name in required or self._wanted(node, name, level)]
        names += [name for name in required if name not in names]
        most = int(node.get("maxProperties", len(names)))
        for name in [name for name in reversed(names) if name not in required][: max(0, len(names) - most)]:
            names.remove(name)
        if node.get("additionalProperties", True) is not False:
            least = int(node.get("minProperties", 0 if names or "properties" in node else 1))
            spare = [*self._material.words, *(f"key{i}" for i in range(1, least + 1))]
            allowed = (
                word for word in dict.fromkeys(spare) if word not in names and word not in node.get("properties", {})
            )
            names += [word for word, _ in zip(allowed, range(min(least, most or least) - len(names)), strict=False)]
        return names

    def _wanted(self, node: Node, name: str, level: int) -> bool:
        if level >= SHALLOW:
            return False
        try:
            return self._schema.depth(self._schema.flat(property_schema(node, name))) != float("inf")
        except SchemaError:
            return False

    def _array(self, node: Node, name: str, level: int, ends: Sequence[Candidate]) -> Script:
        least, most = self._length(node, level)
        if least > most:
            raise SchemaError("minItems requires more items than are allowed.")
        if most == 0 or (least == 0 and self._choose([0.1, 1.0]) == 0):
            return (yield from self._close("[]", ends))
        yield [Candidate("[", 1.0)]
        taken: set[str] = set()
        for i in range(most):
            child = self._schema.flat(item_schema(node, i))
            go_on, stop = Candidate(", ", 1.0), Candidate("]", 1.0 + i / 2)
            after = [go_on] if i + 1 < least else [stop] if i + 1 == most else [go_on, stop]
            end = yield from self._value(child, name, level + 1, after, taken if node.get("uniqueItems") else set())
            if end == "]":
                break
        return (yield from self._close("", ends))

    def _length(self, node: Node, level: int) -> tuple[int, int]:
        """The minimum and maximum number of items."""
        least = int(node.get("minItems", 0))
        most = least if level > SHALLOW else max(least, 1) + MOST_ITEMS
        fixed = len(node.get("prefixItems", ()))
        if node.get("items") is False:
            most = min(most, fixed)
        elif fixed:
            most = max(least, fixed)
        return max(least, min(fixed, int(node.get("maxItems", fixed)))), min(most, int(node.get("maxItems", most)))


def _weighted(values: Sequence[object], material: Material) -> list[Candidate]:
    """Weight fixed values, strongly preferring those that the message mentions."""
    return [Candidate(as_json(value), 20.0 if material.mentions(str(value)) else 1.0) for value in values]


def _appeal(node: Node, material: Material) -> float:
    """The weight of a branch of `anyOf`: low for null, high if the message has its words."""
    if types_of(node) == ("null",):
        return 0.1
    names = [*node.get("properties", {}), str(node.get("title", ""))]
    constants = [
        str(child["const"])
        for child in node.get("properties", {}).values()
        if isinstance(child, dict) and "const" in child
    ]
    return 1.0 + 10.0 * sum(material.mentions(word) for word in [*names, *constants])
