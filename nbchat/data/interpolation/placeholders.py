r"""The grammar of placeholders: `{name.attr[0]['key']:FORMAT}` and `{= expression:FORMAT}`.

Not placeholders: doubled braces, braces after `$`, `^`, `_`, `}`, a backslash or a `\command` (shells, templates,
LaTeX), `{x!r}`, `{x=}`, calls, JSON, sets.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import unicodedata
import warnings
from collections.abc import Iterator, Mapping

from msgspec import Struct

from nbchat.data.interpolation.markdown_code import Code, code_in

__all__ = [
    "Expression",
    "Finder",
    "Placeholder",
    "Step",
    "belongs_elsewhere",
    "kind_of_expression",
]

_COMPUTES = (ast.Call, ast.Subscript, ast.Attribute, ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.IfExp)
"""Expressions that compute something, unlike the displays that braces often contain."""

_KEY = r"""\[(?:-?\d{1,18}|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")\]"""
_STEP = re.compile(rf"\.(?P<attribute>[^\W\d]\w*)|(?P<key>{_KEY})")
_PLACEHOLDER = re.compile(
    rf"\{{(?P<path>(?P<name>[^\W\d]\w*)(?P<steps>(?:\.[^\W\d]\w*|{_KEY})*))(?::(?P<spec>[^{{}}\r\n]*))?\}}"
)
_COMMAND = re.compile(r"\\[A-Za-z@]+\*?(?:\[[^\[\]\n]*\])*\Z")
_COMMAND_REACH = 200
"""How far back to look for a `\\command[option]`, in characters."""

MOST_ENDS = 50
"""Most closing braces to try as the end of an expression."""

LONGEST_EXPRESSION = 20_000
"""Most characters of an expression."""


class Step(Struct, frozen=True):
    """A step from a value to a part of it: an attribute's name, or an item's index or key."""

    key: int | str
    attribute: bool


class Placeholder(Struct, frozen=True):
    """A path from a name, and a format (None = no colon). `end` is where it ends in the text."""

    end: int
    name: str
    steps: tuple[Step, ...]
    path: str
    spec: str | None

    @property
    def is_name(self) -> bool:
        """Whether it is a bare identifier, which looks like a placeholder even if the name does not exist."""
        return not self.steps and self.spec is None


class Expression(Struct, frozen=True):
    """`{= source:spec}`. `source` is None if no closing brace makes it Python. `end` is where it ends in the text."""

    end: int
    source: str | None
    spec: str


def belongs_elsewhere(text: str, start: int) -> bool:
    """Whether the brace at `start` is part of another notation."""
    before = text[start - 1 : start]
    if before and before in "{$^_}\\":
        return True
    return bool(_COMMAND.search(text, max(start - _COMMAND_REACH, 0), start))


def _placeholder_at(text: str, start: int) -> Placeholder | None:
    """Return the placeholder at `start`, or None."""
    match = _PLACEHOLDER.match(text, start)
    if match is None:
        return None
    names = [match["name"], *(step["attribute"] for step in _STEP.finditer(match["steps"]) if step["attribute"])]
    if any(not _is_name(name) for name in names):
        return None
    try:
        steps = tuple(_steps(match["steps"]))
    except (SyntaxError, ValueError):
        return None
    return Placeholder(match.end(), match["name"], steps, match["path"], match["spec"])


def _is_name(name: str) -> bool:
    dunder = name.startswith("__") and name.endswith("__")
    return name.isidentifier() and not keyword.iskeyword(name) and not dunder


def _steps(text: str) -> Iterator[Step]:
    for match in _STEP.finditer(text):
        if match["attribute"]:
            yield Step(unicodedata.normalize("NFKC", match["attribute"]), attribute=True)
        else:
            yield Step(ast.literal_eval(match["key"][1:-1]), attribute=False)


def _expression_at(text: str, start: int) -> Expression | None:
    """Return the `{= …}` at `start`, up to the first closing brace that makes it Python.

    None if it is unclosed or empty. As in an f-string, a colon that can't be part of the expression starts a format.
    """
    first = 0
    reach = min(len(text), start + LONGEST_EXPRESSION)
    end = start + 2
    for _ in range(MOST_ENDS):
        end = text.find("}", end, reach)
        if end < 0:
            break
        first = first or end
        found = _source_and_spec(text[start + 2 : end])
        if found is not None:
            return Expression(end + 1, *found)
        end += 1
    if not first or not text[start + 2 : first].strip():
        return None
    return Expression(first + 1, None, "")


def kind_of_expression(inner: str, namespace: Mapping[str, object]) -> str:
    """Name the kind of Python expression in braces ("a call") if it computes with a live name; "" = it is none."""
    if not _is_python(inner) or inner[:1] in ("{", "*"):
        return ""
    tree = ast.parse(inner.strip(), mode="eval").body
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in found if isinstance(node.ctx, ast.Store)}
    names = {node.id for node in found} - bound
    known = names.intersection(namespace)
    if not known or not isinstance(tree, _COMPUTES) or any(not hasattr(builtins, name) for name in names - known):
        return ""
    return "a call" if any(isinstance(node, ast.Call) for node in ast.walk(tree)) else "an expression"


def _source_and_spec(inner: str) -> tuple[str, str] | None:
    if _is_python(inner):
        return inner.strip(), ""
    for colon in [match.start() for match in re.finditer(":", inner)][:MOST_ENDS]:
        spec = inner[colon + 1 :]
        if not set(spec) & set("{}\n") and _is_python(inner[:colon]):
            return inner[:colon].strip(), spec
    return None


def _is_python(source: str) -> bool:
    if not source.strip():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


class Finder:
    """Finds the placeholders of one text. The text is searched for code only once a brace looks like a placeholder."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._code: Code | None = None

    def at(self, start: int, *, after_value: bool = False) -> Placeholder | Expression | None:
        """Return the placeholder or expression whose brace is at `start`; None = there is none.

        `after_value`: the text before the brace is another placeholder, whose closing brace must be ignored.
        """
        if not after_value and belongs_elsewhere(self._text, start):
            return None
        if not self._text.startswith("{=", start):
            found = _placeholder_at(self._text, start)
            return None if found is None or self.in_code(start, found.end) else found
        if self._text[start - 1 : start] == "`" or self.in_code(start, start + 2):  # `<b>`{=html} is Pandoc's
            return None
        return _expression_at(self._text, start)

    def in_code(self, start: int, end: int) -> bool:
        """Whether any of `text[start:end]` is in a code span or block."""
        if self._code is None:
            self._code = code_in(self._text)
        return self._code.touches(start, end)
