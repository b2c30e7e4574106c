"""Approval of tool calls at the keyboard."""

from __future__ import annotations

import builtins
import sys
import types
from typing import TYPE_CHECKING

from nbchat.values.messages import ToolCall
from nbchat.values.wording import pluralize

if TYPE_CHECKING:
    from nbchat.conversation.tools.call_view import CallView

__all__ = ["ask_user"]

MOST_ANSWERS = 100
"""Most questions asked about a call before it counts as refused."""


def ask_user(call: ToolCall) -> bool:
    """Ask on standard input, or at the kernel's input prompt, whether a call may run.

    Only "y" or "yes" allows it. While part of the call is not shown, the rest must be shown first, or the tool's name
    typed. Raises EOFError, OSError or NotImplementedError if nobody can be asked: standard input is not a terminal, or
    the front end takes no input (a notebook run as a batch).
    """
    in_kernel = not isinstance(builtins.input, types.BuiltinFunctionType)  # a kernel puts its own prompt there
    if not in_kernel and not (sys.stdin is not None and sys.stdin.isatty()):
        raise EOFError("standard input is not a terminal")
    from nbchat.conversation.tools.call_view import CallView

    view = CallView.of(call)
    shown, warned = f"The model wants to run\n{view}", False
    for _ in range(MOST_ANSWERS):
        if not view.unseen:
            return input(f"{shown}\nAllow it? [y/N] ").strip().lower() in ("y", "yes")
        answer = input(f"{shown}\n{_choices(view)}").strip()
        if answer == call.name:
            return True
        if answer.lower() in ("m", "more"):
            view = view.more()
            shown = view.latest
        elif answer.lower() in ("y", "yes") and not warned:
            shown, warned = "Part of the call is not shown, so y is not enough.", True
        else:
            return False
    return False


def _choices(view: CallView) -> str:
    return (
        f"{pluralize(view.unseen, 'row')} of {len(view.rows):,} not shown. Type more to see them, {view.name} to run it"
        " unseen; anything else refuses: "
    )
