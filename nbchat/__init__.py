"""Talk to a language model from a notebook: `%load_ext nbchat`, then `%%chat`; or `from nbchat import Session`.

Importing this imports next to nothing: each name is fetched when it is first used.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbchat.data.private import private
    from nbchat.notebook.whatifview import what_if
    from nbchat.session.session import Session
    from nbchat.values.errors import Interrupted, NbchatError
    from nbchat.values.messages import ImagePart, Message, TextPart
    from nbchat.values.params import Params
    from nbchat.values.reply import Reply
    from nbchat.values.usage import Usage

__all__ = [
    "ImagePart",
    "Interrupted",
    "Message",
    "NbchatError",
    "Params",
    "Reply",
    "Session",
    "TextPart",
    "Usage",
    "load_ipython_extension",
    "private",
    "session",
    "unload_ipython_extension",
    "what_if",
]

_HOMES = {
    "ImagePart": "nbchat.values.messages",
    "Interrupted": "nbchat.values.errors",
    "Message": "nbchat.values.messages",
    "NbchatError": "nbchat.values.errors",
    "Params": "nbchat.values.params",
    "Reply": "nbchat.values.reply",
    "Session": "nbchat.session.session",
    "TextPart": "nbchat.values.messages",
    "Usage": "nbchat.values.usage",
    "private": "nbchat.data.private",
    "what_if": "nbchat.notebook.whatifview",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("jupyter-nbchat")
    if name not in _HOMES:
        raise AttributeError(f"module 'nbchat' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def session(name: str | None = None) -> Session:
    """The session of this name, the one that the magics use; None = their current one. A new name opens a new one."""
    from nbchat.session.registry import registry

    return registry.open(name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext nbchat`: register `%%chat`, `%chat` and their completion."""
    from nbchat.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext nbchat`."""
    from nbchat.notebook.extension import unload

    unload(shell)


class _Room(types.ModuleType):
    """The package `nbchat.session`, which answers to the function of the same name."""

    __call__ = staticmethod(session)


class _Face(types.ModuleType):
    """The package itself. Importing a room makes it an attribute here.

    `session` stays callable then, and is joined with what stands above it before anything of it can be used: whoever
    imports a session from its own module has the guard as well.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "session" and isinstance(value, types.ModuleType):
            value.__class__ = _Room
            importlib.import_module("nbchat.joints")


sys.modules[__name__].__class__ = _Face
