"""The user's leave for a tool's call, asked for on the keyboard."""

from __future__ import annotations

import builtins
import sys
import types

from nbchat.values.messages import ToolCall

__all__ = ["ask_user", "call_text"]

LONGEST_SHOWN = 4_000
"""Characters of a call that are shown before it is run; it asks for leave all the same."""


def ask_user(call: ToolCall) -> bool:
    """Ask on standard input, or on the kernel's input prompt in a notebook, whether a call may run.

    Only "y" or "yes" is a yes. Raises EOFError, OSError or NotImplementedError where nobody can be asked: standard
    input is no terminal, or the front end takes no input (a notebook that runs as a batch).
    """
    in_kernel = not isinstance(builtins.input, types.BuiltinFunctionType)  # a kernel puts its own prompt there
    if not in_kernel and not (sys.stdin is not None and sys.stdin.isatty()):
        raise EOFError("standard input is no terminal")
    answer = input(f"The model wants to run\n{call_text(call)}\nAllow it? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def call_text(call: ToolCall) -> str:
    """A call as people read it, arguments one a line; control characters are spelled out, so that none is hidden."""
    try:
        given = call.parsed()
    except (ValueError, RecursionError):
        given = call.arguments
    if isinstance(given, dict):
        lines = [
            f"{name} = {value}" if isinstance(value, str) else f"{name} = {value!r}" for name, value in given.items()
        ]
        text = "\n".join([f"{call.name}:", *(f"  {line}".replace("\n", "\n    ") for line in lines)])
    else:
        text = f"{call.name}: {given}"
    text = "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]}\n[… {len(text) - LONGEST_SHOWN:,} more characters that are not shown]"
