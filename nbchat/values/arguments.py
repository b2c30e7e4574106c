"""Arguments of the wrong kind get one sentence, by the annotations of the functions that take them."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import CO_COROUTINE
from numbers import Integral, Real
from types import FunctionType, UnionType
from typing import Any, Literal, TypeVar, get_origin

from nbchat.values.errors import ParameterError
from nbchat.values.wording import shown

__all__ = ["checked", "checked_methods", "kinds_of", "refuse_others"]

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

Kind = tuple[str, Any]
"""A kind of value: in words, and its class (the values themselves for None, True and False)."""

SECRETS = ("api_key", "headers")
"""Arguments whose values no message quotes."""

WORDS = {"Turn": "one of session.turns, such as session.turns[-1]"}
"""How classes are called in messages, if not by their names."""

NAMED: Mapping[str, Sequence[Kind]] = {
    "None": [("None", None)],
    "bool": [("True", True), ("False", False)],
    "str": [("text", str)],
    "int": [("a whole number", Integral)],
    "float": [("a number", Real)],
    "Path": [("a path", os.PathLike)],
    "Callable": [("a function", Callable)],
    "Mapping": [("a dictionary", Mapping)],
    "Sequence": [("a list", Sequence)],
    "Iterable": [("a list", Iterable)],
}


def checked(function: F) -> F:
    """Return the function with a check of its arguments. Raises ParameterError instead of running it.

    An argument is checked if all that its annotation names is known when the function is defined; protocols are if they
    can be checked at run time. What an annotation can't say, such as a range, remains the function's own business.
    """
    plain: Any = getattr(function, "__wrapped__", function)  # of a context manager, its generator
    kinds = kinds_of(plain.__annotations__, plain.__globals__)
    if not kinds:
        return function
    names = plain.__code__.co_varnames[: plain.__code__.co_argcount]

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        refuse_others(kinds, zip(names, args, strict=False))
        refuse_others(kinds, options.items())
        return function(*args, **options)

    @functools.wraps(function)
    async def call_async(*args: Any, **options: Any) -> Any:
        return await call(*args, **options)

    return call_async if plain.__code__.co_flags & CO_COROUTINE else call  # type: ignore[return-value]  # it is called as F is


def checked_methods(owner: C) -> C:
    """Check the arguments of the class's public methods and of its assignable properties: a decorator."""
    for name, member in [*vars(owner).items()]:
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, FunctionType):
            setattr(owner, name, checked(member))
        elif isinstance(member, classmethod):
            setattr(owner, name, classmethod(checked(member.__func__)))
        elif isinstance(member, property) and member.fset is not None:
            setattr(owner, name, member.setter(checked(member.fset)))
    return owner


def kinds_of(annotations: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Sequence[Kind]]:
    """Return the kinds that each name's annotation allows, without those names of which not all is known."""
    found: dict[str, Sequence[Kind]] = {}
    for name, annotation in annotations.items():
        outer = annotation
        while "[" in outer:
            outer = re.sub(r"\[[^\[\]]*\]", "", outer)
        kinds = [_kinds(word, known.get(word)) for word in outer.split(" | ")]
        if name != "return" and all(kinds):
            found[name] = [kind for each in kinds for kind in each]
    return found


def _kinds(word: str, value: Any) -> Sequence[Kind]:
    """The kinds that a word of an annotation stands for; empty = unknown. `value` is what the word is bound to."""
    bound = get_origin(value) or value
    if bound is Literal:  # whose values the function knows
        return NAMED["str"]
    is_class = isinstance(bound, type) and bound not in (Any, UnionType)
    name = bound.__name__ if is_class else word
    if name in NAMED:
        return NAMED[name]
    checkable = is_class and getattr(bound, "_is_runtime_protocol", not getattr(bound, "_is_protocol", False))
    return [(WORDS.get(name, f"a {name}"), bound)] if checkable else []


def refuse_others(kinds: Mapping[str, Sequence[Kind]], values: Iterable[tuple[str, Any]]) -> None:
    """Raise ParameterError for the first value that is of none of its name's kinds; other names may have any."""
    for name, value in values:
        allowed = kinds.get(name)
        if allowed is not None and not any(_fits(value, kind) for _, kind in allowed):
            *words, last = [word for word, _ in allowed]
            wanted = f"{', '.join(words)} or {last}" if words else last
            got = type(value).__name__ if name in SECRETS else shown(value)
            raise ParameterError(f"{name} must be {wanted}; got {got}.")


def _fits(value: object, kind: Any) -> bool:
    if kind is None or isinstance(kind, bool):
        return value is kind
    return isinstance(value, kind) and not (isinstance(value, bool) and kind in (Integral, Real))
