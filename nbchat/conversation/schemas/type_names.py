"""Types by name: `int`, `list[Weather]`, `models.Weather | None`, looked up among live names without running anything."""

from __future__ import annotations

import ast
import datetime
import typing
from collections.abc import Mapping
from typing import Any, NoReturn, Union

from nbchat.values.errors import ParameterError
from nbchat.values.limits import clipped
from nbchat.values.wording import nearest

__all__ = ["WORDS", "TypeNames"]

WORDS: dict[str, Any] = {
    **dict.fromkeys(("str", "string", "text"), str),
    **dict.fromkeys(("int", "integer"), int),
    **dict.fromkeys(("float", "number"), float),
    **dict.fromkeys(("bool", "boolean"), bool),
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    **dict.fromkeys(("null", "none"), type(None)),
}
"""Types known by name, in any letter case."""

_GENERIC: dict[str, Any] = {
    **{kind.__name__: kind for kind in (list, dict, tuple, set, frozenset)},
    **{name: getattr(typing, name) for name in ("Any", "Literal", "Optional", "Union", "Annotated")},
}


class TypeNames:
    """The types that a text may name: the usual words, typing's generics, and those among `names`."""

    def __init__(self, names: Mapping[str, Any] | None = None) -> None:
        self._names = names or {}

    def __contains__(self, name: str) -> bool:
        """Whether the word, or the part before its first dot, is a type or may contain types."""
        return self._get(name.partition(".")[0]) is not None

    def resolve(self, text: str) -> Any:
        """Return the annotation that a text names. Raises ParameterError, with the nearest name."""
        bare = text.strip()
        try:
            tree = ast.parse(bare.removesuffix("?"), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ParameterError(
                f"The schema {_quoted(text)} is neither a type nor columns such as city:str."
            ) from None
        found = self._of(tree.body, text)
        return found if not bare.endswith("?") else Union[found, None]  # noqa: UP007  # of any annotation

    def _of(self, node: ast.expr, text: str) -> Any:
        match node:
            case ast.Name(id=name):
                found = self._get(name)
                return self.unknown(name) if found is None else found
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self._of(owner, text), name)
            case ast.Constant(value=None):
                return type(None)
            case ast.Constant(value=str(word)):
                return typing.Literal[word]
            case ast.List(elts=[item]):
                return list[self._of(item, text)]  # type: ignore[misc]  # a type known only at run time
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return Union[self._of(left, text), self._of(right, text)]  # noqa: UP007  # of any two annotations
            case ast.Subscript(value=generic, slice=inner):
                return self._generic(self._of(generic, text), inner, text)
        raise ParameterError(f"The schema {_quoted(text)} holds {_quoted(ast.unparse(node))}, which is not a type.")

    def _generic(self, generic: Any, inner: ast.expr, text: str) -> Any:
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if generic is typing.Literal:
            arguments = [self._option(part) for part in parts]
        else:
            arguments = [... if ast.unparse(part) == "..." else self._of(part, text) for part in parts]
        try:
            return generic[tuple(arguments) if len(arguments) != 1 else arguments[0]]
        except Exception as error:  # noqa: BLE001  # a user's class may raise anything
            raise ParameterError(
                f"The schema {_quoted(text)} is not a type: {type(error).__name__}: {error}."
            ) from None

    def _option(self, node: ast.expr) -> Any:
        """Return one value of a Literal; a word that lost its quotes on a magic's line is a text."""
        try:
            return ast.literal_eval(node)
        except ValueError:
            if isinstance(node, ast.Attribute) and ast.unparse(node) in self:
                return self._of(node, "")
            return ast.unparse(node)

    def _attribute(self, owner: Any, name: str) -> Any:
        try:
            return getattr(owner, name)
        except Exception:  # noqa: BLE001  # an attribute may be computed, and raise anything
            known = [each for each in dir(owner) if not each.startswith("_")]
            where = getattr(owner, "__name__", type(owner).__name__)
            raise ParameterError(f"{where} has no type {name!r}.{nearest(name, known)}") from None

    def _get(self, name: str) -> Any:
        """Look up a live type, then a known word, then a module or class that may contain types; None = not found."""
        live = self._names.get(name)
        if live is not None and (isinstance(live, type) or hasattr(live, "__origin__") or hasattr(live, "__value__")):
            return live
        return WORDS.get(name.lower(), _GENERIC.get(name, live))

    def unknown(self, name: str) -> NoReturn:
        """Raise the ParameterError for a name that is not a type."""
        types = [key for key, value in self._names.items() if isinstance(value, type) and not key.startswith("_")]
        known = [*WORDS, *_GENERIC, *types]
        hint = nearest(name, known) or " Types are str, int, float, bool, date, datetime, time and classes."
        raise ParameterError(
            f"There is no type {_quoted(name)}.{hint} A column is written name:type, a fixed text in quotes."
        )


def _quoted(text: str) -> str:
    return repr(clipped(text, 80))
