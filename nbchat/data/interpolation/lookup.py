"""Resolve placeholders: look up paths in a namespace without calling anything, and evaluate expressions."""

from __future__ import annotations

import builtins
import difflib
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from types import CodeType, CoroutineType

from nbchat.data.description import STOPS, class_name, safe_str
from nbchat.data.interpolation.placeholders import Expression, Placeholder, Step
from nbchat.data.tables.table import library, table_of
from nbchat.values.errors import PromptError
from nbchat.values.limits import one_line

__all__ = ["Unresolved", "evaluate", "lookup", "nearest"]

SHELL_NAMES = frozenset({"exit", "quit", "get_ipython", "open"})
"""Names that IPython, not the user, puts into the user's namespace."""


class Unresolved(Exception):
    """A path resolves to no live value, so the text stays. `nearest` is a close live name (None = none).

    `why` is what the value's own code raised; empty = the name does not exist.
    """

    def __init__(self, nearest: str | None = None, why: str = "") -> None:
        super().__init__(nearest)
        self.nearest = nearest
        self.why = why


def lookup(placeholder: Placeholder, namespace: Mapping[str, object]) -> object:
    """Return the value of a path of attributes and items. Raises Unresolved if it does not exist.

    Raises PromptError for a missing column of a frame, since no other notation looks up a column of a live frame.
    """
    name = placeholder.name
    if name not in namespace:
        name = unicodedata.normalize("NFKC", name)
    if name not in namespace or (name in SHELL_NAMES and _is_shells(namespace[name])):
        raise Unresolved(nearest(name, namespace))
    value = namespace[name]
    path = placeholder.name
    for step in placeholder.steps:
        value = _step(value, step, path)
        path += f".{step.key}" if step.attribute else f"[{step.key!r}]"
    return value


def _is_shells(value: object) -> bool:
    module = str(getattr(value, "__module__", None) or type(value).__module__)
    return module.partition(".")[0] in ("IPython", "ipykernel", "io", "_io")


def _step(value: object, step: Step, path: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if step.attribute:
                return _attribute(value, str(step.key))
            if isinstance(value, type) or (isinstance(value, Mapping) and step.key not in value):
                raise KeyError(step.key)  # subscripting would specialise a class, and insert into a defaultdict
            return value[step.key]  # type: ignore[index] # a value without items raises, as a bad key does
    except STOPS:
        raise
    except BaseException as error:
        if not step.attribute and library(value):
            _no_column(value, step.key, path, error)
        if _is_of_value(value, step, error):
            raise Unresolved(
                None, f"it raises {class_name(error)}: {one_line(safe_str(error), 80)}".rstrip(": ")
            ) from error
        raise Unresolved(_nearest_or_none(value, step, path)) from error


def _nearest_or_none(value: object, step: Step, path: str) -> str | None:
    try:
        return _nearest_part(value, step, path)
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - listing a value's names may run its own code too
        return None


def _is_of_value(value: object, step: Step, error: BaseException) -> bool:
    """Whether the value's own code (a property) raised the error, rather than the part being absent."""
    if not isinstance(error, (AttributeError, LookupError, TypeError)):
        return True
    return step.attribute and any(str(step.key) in vars(base) for base in type(value).__mro__)


def _attribute(value: object, name: str) -> object:
    """Return an attribute; `columns` of a pandas frame as a list of names, since an Index would be described as values."""
    found = getattr(value, name)
    return list(found) if name == "columns" and type(found).__module__.startswith("pandas") else found


def _no_column(value: object, key: int | str, path: str, error: BaseException) -> None:
    try:
        table = table_of(value)
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - a frame that can't be read, such as one that was never initialized
        return
    if table is None or table.single or not isinstance(key, str):
        return
    near = nearest(key, (str(field.name) for field in table.fields))
    hint = f"; did you mean {near!r}?" if near else ""
    raise PromptError(f"{path} has no column {key!r}{hint}") from error


def _nearest_part(value: object, step: Step, path: str) -> str | None:
    if step.attribute:
        near = nearest(str(step.key), _public_names(value))
        return f"{path}.{near}" if near else None
    if isinstance(value, Mapping):
        near = nearest(str(step.key), (key for key in value if isinstance(key, str)))
        return f"{path}[{near!r}]" if near else None
    return None


def _public_names(value: object) -> list[str]:
    try:
        return [name for name in dir(value) if not name.startswith("_")]
    except Exception:  # noqa: BLE001 - a class's own __dir__ may raise; then there is no suggestion
        return []


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the closest of `names`: equal except for case, else a close match; None if none is close."""
    candidates = [one for one in names if isinstance(one, str) and (not one.startswith("_") or name.startswith("_"))]
    for one in candidates:
        if one.casefold() == name.casefold():
            return one
    found = difflib.get_close_matches(name[:100], candidates, 1, 0.6)
    return found[0] if found else None


def evaluate(expression: Expression, namespace: Mapping[str, object]) -> object:
    """Evaluate `{= …}` in the namespace. Anything it raises becomes a PromptError."""
    shown = f"{{= {one_line(expression.source or '', 80)}}}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            code: CodeType = compile(expression.source or "", "<prompt>", "eval")
        scope = {"__builtins__": builtins, **namespace}
        value = eval(code, scope)  # noqa: S307 - the user's own expression, in the user's own kernel
    except STOPS:
        raise
    except BaseException as error:
        raise PromptError(f"{shown} failed: {class_name(error)}: {one_line(safe_str(error), 300)}") from error
    if hasattr(type(value), "__await__"):
        if isinstance(value, CoroutineType):
            value.close()
        raise PromptError(f"{shown} gives a coroutine: await it in an earlier cell and insert its result.")
    return value
