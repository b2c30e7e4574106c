"""Talk to a language model from a notebook: `%load_ext nbchat`, then `%%chat`; or `from nbchat import Session`.

Importing this imports next to nothing: each name is fetched when it is first used.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbchat.cells.private import private
    from nbchat.conversation.session import Session
    from nbchat.conversation.turn import Turn
    from nbchat.tuning.result import Sweep
    from nbchat.tuning.sweep import SweepInterrupted
    from nbchat.values.errors import (
        AuthenticationFailed,
        BudgetExceeded,
        ConfigError,
        ConnectionFailed,
        ContextTooLong,
        CutOff,
        GuardError,
        Interrupted,
        ModelNotFound,
        NbchatError,
        ParameterError,
        ParameterRefused,
        PromptError,
        ProtocolError,
        QuotaExceeded,
        RateLimited,
        SchemaError,
        ServerError,
        ServerSilent,
        SessionError,
        ToolError,
    )
    from nbchat.values.events import (
        Ended,
        Event,
        Failed,
        Finished,
        FirstToken,
        ImageDelta,
        LogprobsDelta,
        Notice,
        ReasoningDelta,
        RefusalDelta,
        Responded,
        Retrying,
        Sent,
        SourcesDelta,
        Started,
        TextDelta,
        ThoughtBefore,
        ToolCallDelta,
        Unshown,
        UsageReport,
    )
    from nbchat.values.messages import ImagePart, Message, Source, TextPart, ToolCall
    from nbchat.values.params import Params
    from nbchat.values.reply import Choice, Reply, Request, Timing
    from nbchat.values.usage import Usage
    from nbchat.views.what_if import what_if

__all__ = [
    "AuthenticationFailed",
    "BudgetExceeded",
    "Choice",
    "ConfigError",
    "ConnectionFailed",
    "ContextTooLong",
    "CutOff",
    "Ended",
    "Event",
    "Failed",
    "Finished",
    "FirstToken",
    "GuardError",
    "ImageDelta",
    "ImagePart",
    "Interrupted",
    "LogprobsDelta",
    "Message",
    "ModelNotFound",
    "NbchatError",
    "Notice",
    "ParameterError",
    "ParameterRefused",
    "Params",
    "PromptError",
    "ProtocolError",
    "QuotaExceeded",
    "RateLimited",
    "ReasoningDelta",
    "RefusalDelta",
    "Reply",
    "Request",
    "Responded",
    "Retrying",
    "SchemaError",
    "Sent",
    "ServerError",
    "ServerSilent",
    "Session",
    "SessionError",
    "Source",
    "SourcesDelta",
    "Started",
    "Sweep",
    "SweepInterrupted",
    "TextDelta",
    "TextPart",
    "ThoughtBefore",
    "Timing",
    "ToolCall",
    "ToolCallDelta",
    "ToolError",
    "Turn",
    "Unshown",
    "Usage",
    "UsageReport",
    "load_ipython_extension",
    "private",
    "session",
    "unload_ipython_extension",
    "what_if",
]

_HOMES = {
    "private": "nbchat.cells.private",
    "what_if": "nbchat.views.what_if",
    "Session": "nbchat.conversation.session",
    "Turn": "nbchat.conversation.turn",
    "Sweep": "nbchat.tuning.result",
    "SweepInterrupted": "nbchat.tuning.sweep",
    "AuthenticationFailed": "nbchat.values.errors",
    "BudgetExceeded": "nbchat.values.errors",
    "ConfigError": "nbchat.values.errors",
    "ConnectionFailed": "nbchat.values.errors",
    "ContextTooLong": "nbchat.values.errors",
    "CutOff": "nbchat.values.errors",
    "GuardError": "nbchat.values.errors",
    "Interrupted": "nbchat.values.errors",
    "ModelNotFound": "nbchat.values.errors",
    "NbchatError": "nbchat.values.errors",
    "ParameterError": "nbchat.values.errors",
    "ParameterRefused": "nbchat.values.errors",
    "PromptError": "nbchat.values.errors",
    "ProtocolError": "nbchat.values.errors",
    "QuotaExceeded": "nbchat.values.errors",
    "RateLimited": "nbchat.values.errors",
    "SchemaError": "nbchat.values.errors",
    "ServerError": "nbchat.values.errors",
    "ServerSilent": "nbchat.values.errors",
    "SessionError": "nbchat.values.errors",
    "ToolError": "nbchat.values.errors",
    "Ended": "nbchat.values.events",
    "Event": "nbchat.values.events",
    "Failed": "nbchat.values.events",
    "Finished": "nbchat.values.events",
    "FirstToken": "nbchat.values.events",
    "ImageDelta": "nbchat.values.events",
    "LogprobsDelta": "nbchat.values.events",
    "Notice": "nbchat.values.events",
    "ReasoningDelta": "nbchat.values.events",
    "RefusalDelta": "nbchat.values.events",
    "Responded": "nbchat.values.events",
    "Retrying": "nbchat.values.events",
    "Sent": "nbchat.values.events",
    "SourcesDelta": "nbchat.values.events",
    "Started": "nbchat.values.events",
    "TextDelta": "nbchat.values.events",
    "ThoughtBefore": "nbchat.values.events",
    "ToolCallDelta": "nbchat.values.events",
    "Unshown": "nbchat.values.events",
    "UsageReport": "nbchat.values.events",
    "ImagePart": "nbchat.values.messages",
    "Message": "nbchat.values.messages",
    "Source": "nbchat.values.messages",
    "TextPart": "nbchat.values.messages",
    "ToolCall": "nbchat.values.messages",
    "Params": "nbchat.values.params",
    "Choice": "nbchat.values.reply",
    "Reply": "nbchat.values.reply",
    "Request": "nbchat.values.reply",
    "Timing": "nbchat.values.reply",
    "Usage": "nbchat.values.usage",
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
    from nbchat.conversation.registry import registry

    return registry.open(name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext nbchat`: register `%%chat`, `%chat` and their completion."""
    from nbchat.magics.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext nbchat`."""
    from nbchat.magics.extension import unload

    unload(shell)


class _Face(types.ModuleType):
    """The package itself. Importing the room of conversations joins it with what stands above it."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "conversation" and isinstance(value, types.ModuleType):
            importlib.import_module("nbchat.joints")


sys.modules[__name__].__class__ = _Face
