"""A conversation as a file: Markdown to read, JSON or JSON Lines to load again, a notebook to open and to load again.

The last three keep everything except the requests (`Reply.request`) and the values read from answers (`Reply.data`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from nbchat.conversation.turn import Turn
from nbchat.markdown.inline import inline_text
from nbchat.markdown.json_answers import as_markdown
from nbchat.markdown.render import render
from nbchat.markdown.terminal_text import plain_text
from nbchat.store.private_file import write_private
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import SessionError
from nbchat.values.json_fields import an_object, items_of, optional_text, text_of
from nbchat.values.messages import Message
from nbchat.values.optionline import can_express, option_line, quoted
from nbchat.values.params import Params
from nbchat.values.regular_file import regular

__all__ = ["Conversation", "read", "write"]

FORMAT = 2
"""The format marker of `.json` files."""


class Conversation(Struct, frozen=True):
    """The exported part of a session. `system` None = no system text."""

    name: str
    system: str | None
    params: Params
    turns: tuple[Turn, ...]


def write(path: Path, conversation: Conversation) -> Path:
    """Write a conversation in the format given by the path's suffix; return the path. Raises SessionError.

    The file is private to the user, written atomically, and never through a symbolic link.
    """
    try:
        match path.suffix.lower():
            case ".md":
                data = (_markdown(conversation) + "\n").encode("utf-8", "replace")
            case ".json":
                data = _json_bytes(_to_dict(conversation))
            case ".jsonl":
                data = _json_bytes(_to_dict(conversation), indent=None)
            case ".ipynb":
                data = _json_bytes(_notebook(conversation))
            case ending:
                raise SessionError(
                    f"A conversation is exported as .md, .json, .jsonl or .ipynb; got {ending or 'no suffix'}."
                )
    except (TypeError, ValueError, RecursionError) as error:
        raise SessionError(f"{path} can't be written: a parameter is not JSON ({error}).") from None
    try:
        write_private(path, data)
    except (OSError, ValueError) as error:  # ValueError: the system can't have a file of this name
        raise SessionError(f"{path} can't be written: {getattr(error, 'strerror', error)}.") from None
    return path


def _json_bytes(content: dict[str, Any], indent: int | None = 1) -> bytes:
    """Encode JSON as UTF-8; lone surrogates, which UTF-8 can't carry, are written as JSON escapes."""
    return (json.dumps(content, ensure_ascii=False, indent=indent) + "\n").encode("utf-8", "backslashreplace")


def read(path: Path) -> Conversation:
    """Read a conversation that `write` wrote as JSON, JSON Lines or a notebook, or messages from other programs.

    These are a list of `{role, content}`, or an object with such `messages`; in JSON Lines, that of the first line, or
    a message on each line. Raises SessionError.
    """
    try:
        content = _content(regular(path).read_text(encoding="utf-8"), path.suffix.lower())
    except OSError as error:
        raise SessionError(f"{path} can't be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise SessionError(
            f"{path} is not JSON: only conversations exported as .json, .jsonl or .ipynb can be imported."
        ) from None
    try:
        if isinstance(content, Mapping):
            return _from_dict(content, path.stem)
        return _from_messages(content, path.stem)
    except (TypeError, ValueError) as error:
        raise SessionError(f"{path} holds no conversation: {str(error).rstrip('.')}.") from None


def _content(text: str, ending: str) -> object:
    """Return the JSON in a file's text. Raises ValueError."""
    if ending == ".jsonl":
        lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        is_message = [isinstance(line, Mapping) and "role" in line for line in lines]
        return lines if lines and all(is_message) else next(iter(lines), [])
    content = json.loads(text)
    if isinstance(content, Mapping) and "cells" in content:
        metadata = content.get("metadata")
        return (metadata.get("nbchat") if isinstance(metadata, Mapping) else None) or {}
    return content


def _to_dict(conversation: Conversation) -> dict[str, Any]:
    """Return a conversation as JSON; `messages` is for other programs."""
    messages = [message for turn in conversation.turns for message in turn.messages]
    system = [Message("system", conversation.system)] if conversation.system else []
    return {
        "messages": [message.to_wire(None) for message in (*system, *messages)],
        "nbchat": FORMAT,
        "name": conversation.name,
        "system": conversation.system,
        "params": conversation.params.to_dict(),
        "turns": [turn.to_dict() for turn in conversation.turns],
    }


def _from_dict(content: Mapping[str, Any], name: str) -> Conversation:
    if "nbchat" not in content and isinstance(content.get("messages"), list):
        return _from_messages(content["messages"], name)
    if (form := content.get("nbchat")) != FORMAT:
        raise ValueError(f"it says format {form!r}, this version reads {FORMAT}")
    turns = [an_object(turn, "a turn") for turn in items_of(content, "turns")]
    return Conversation(
        text_of(content, "name") or name,
        optional_text(content, "system"),
        Params.from_dict(an_object(content.get("params", {}), "params")),
        tuple(map(Turn.from_dict, turns)),
    )


def _from_messages(content: object, name: str) -> Conversation:
    """Read a bare list of messages, as other programs write. A question without an answer makes no turn."""
    if not isinstance(content, list):
        raise ValueError(f"it is neither an object nor a list of messages; got {type(content).__name__}")
    messages = [Message.from_dict(message) for message in content]
    system = "\n\n".join(message.text for message in messages if message.role == "system") or None
    turns: list[Turn] = []
    user: Message | None = None
    steps: list[Message] = []
    for message in messages:
        if message.role == "user":
            user, steps = message, []
        elif user is not None and message.role == "assistant" and not message.tool_calls:
            turns.append(Turn(user, Reply((Choice(text=message.text, finish_reason="stop"),)), Params(), tuple(steps)))
            user, steps = None, []
        elif message.role != "system":
            steps.append(message)
    return Conversation(name, system, Params(), tuple(turns))


def _markdown(conversation: Conversation) -> str:
    parts = [f"# {inline_text(conversation.name)}"]
    if conversation.system:
        parts.append(_as_quote(f"**System:** {conversation.system}"))
    for turn in conversation.turns:
        parts += [
            f"## You\n\n{turn.message.text}",
            f"## {inline_text(turn.reply.model or 'Assistant')}\n\n{_answer(turn)}",
        ]
    return "\n\n".join(parts)


def _answer(turn: Turn) -> str:
    choices = turn.reply.choices
    text = "\n\n---\n\n".join(map(_choice, choices))
    return text if turn.reply.status == "complete" else f"{text}\n\n*({turn.reply.status.replace('_', ' ')})*"


def _choice(choice: Choice) -> str:
    """Return a choice as Markdown, with its images and sources."""
    body = render(as_markdown(choice.text or choice.refusal))
    if not choice.images and not choice.sources:
        return body
    from nbchat.markdown.attachments import attachments_markdown

    return "\n\n".join(filter(None, (body, attachments_markdown(choice.images, choice.sources))))


def _as_quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _notebook(conversation: Conversation) -> dict[str, Any]:
    """Return a notebook (format 4.5) whose cells ask the same questions, with the answers as their outputs."""
    cells = [_cell("start", "%load_ext nbchat")]
    if conversation.system:
        cells.append(_cell("system", _system_source(conversation.system)))
    for number, turn in enumerate(conversation.turns):
        plain = "\n\n".join(choice.text or choice.refusal for choice in turn.reply.choices)
        shown = {"text/markdown": _answer(turn), "text/plain": plain_text(plain)}
        cells.append(_cell(f"turn-{number}", _turn_source(turn), shown))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "nbchat": _to_dict(conversation)}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _system_source(text: str) -> str:
    """Return the cell that sets the system text; Python if it has line breaks or backslashes, which a line would alter."""
    if text.splitlines() == [text] and "\\" not in text:
        return f'%chat system "{text}"'
    return f"import nbchat\n\nnbchat.session().system = {text!r}"


def _turn_source(turn: Turn) -> str:
    """Return the cell that asks a turn's message with its parameters, without those that no line can express (`can_express`)."""
    text = turn.message.text
    words = ["%%chat", option_line({name: value for name, value in turn.params.items() if can_express(name)})]
    words += [f"--image={quoted(image.url)}" for image in turn.message.images if image.url.startswith("data:")]
    if "{" in text:
        words.append("--raw")  # values in braces were already inserted
    return " ".join(filter(None, words)) + "\n" + text + ("\n" if text.endswith("\n") else "")


def _cell(cell_id: str, source: str, shown: dict[str, str] | None = None) -> dict[str, Any]:
    outputs = [{"output_type": "display_data", "data": shown, "metadata": {}}] if shown else []
    return {
        "id": cell_id,
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "source": source,
        "outputs": outputs,
    }
