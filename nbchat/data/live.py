"""What a placeholder stands for: values looked up in a namespace, without calls, and expressions evaluated in it."""

from __future__ import annotations

import builtins
import difflib
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from types import CodeType, CoroutineType

from nbchat.data.description import STOPS, class_name, said_of
from nbchat.data.placeholders import Expression, Placeholder, Step
from nbchat.data.tables import library, table_of
from nbchat.values.errors import PromptError

__all__ = ["Unresolved", "evaluate", "lookup", "nearest"]

SHELL_NAMES = frozenset({"exit", "quit", "get_ipython", "open"})
"""IPython puts these into the user's namespace; the user did not."""


class Unresolved(Exception):
    """A path leads to no live value: no error, the text stays. `nearest` is a close name that would (None = none).

    `why` is what the value's own code raised on the way; empty = there is just nothing of that name.
    """

    def __init__(self, nearest: str | None = None, why: str = "") -> None:
        super().__init__(nearest)
        self.nearest = nearest
        self.why = why


def lookup(placeholder: Placeholder, namespace: Mapping[str, object]) -> object:
    """The value of a path: attributes and items only. Raises Unresolved where it ends in nothing.

    PromptError for a column that a frame does not have: no other notation asks a live frame for a column by name.
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
                raise KeyError(step.key)  # a class would be subscripted, a defaultdict would grow
            return value[step.key]  # type: ignore[index] # what has no items raises, as any bad key does
    except STOPS:
        raise
    except BaseException as error:
        if not step.attribute and library(value):
            _no_column(value, step.key, path, error)
        if _is_of_value(value, step, error):
            raise Unresolved(None, f"it raises {class_name(error)}: {_short(said_of(error))}".rstrip(": ")) from error
        raise Unresolved(_nearest_or_none(value, step, path)) from error


def _nearest_or_none(value: object, step: Step, path: str) -> str | None:
    try:
        return _nearest_part(value, step, path)
    except STOPS:
        raise
    except BaseException:  # noqa: BLE001 - a value's own code may fail at being searched too
        return None


def _is_of_value(value: object, step: Step, error: BaseException) -> bool:
    """Whether an error is that of a value's own code, a property, rather than says that there is no such part."""
    if not isinstance(error, (AttributeError, LookupError, TypeError)):
        return True
    return step.attribute and any(str(step.key) in vars(base) for base in type(value).__mro__)


def _attribute(value: object, name: str) -> object:
    """An attribute; the `columns` of a pandas frame as their names, for as an Index they would show as values."""
    found = getattr(value, name)
    return list(found) if name == "columns" and type(found).__module__.startswith("pandas") else found


def _no_column(value: object, key: int | str, path: str, error: BaseException) -> None:
    table = table_of(value)
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
    except Exception:  # noqa: BLE001 - a class may fail in its own __dir__; then nothing is near
        return []


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name most like another: the same but for case, else a close match; None when none is close."""
    candidates = [one for one in names if isinstance(one, str) and (not one.startswith("_") or name.startswith("_"))]
    for one in candidates:
        if one.casefold() == name.casefold():
            return one
    found = difflib.get_close_matches(name[:100], candidates, 1, 0.6)
    return found[0] if found else None


def evaluate(expression: Expression, namespace: Mapping[str, object]) -> object:
    """The value of `{= …}` in the namespace. Whatever it raises becomes a PromptError that names it."""
    shown = f"{{= {_short(expression.source or '')}}}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            code: CodeType = compile(expression.source or "", "<prompt>", "eval")
        scope = {"__builtins__": builtins, **namespace}
        value = eval(code, scope)  # noqa: S307 - the user's own expression, in the user's own kernel
    except STOPS:
        raise
    except BaseException as error:
        raise PromptError(f"{shown} failed: {class_name(error)}: {_short(said_of(error), 300)}") from error
    if hasattr(type(value), "__await__"):
        if isinstance(value, CoroutineType):
            value.close()
        raise PromptError(f"{shown} gives a coroutine: await it in a cell before, and put in its result.")
    return value


def _short(text: str, chars: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= chars else line[: chars - 1] + "…"
