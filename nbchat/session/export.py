"""A conversation as a file: Markdown to read, JSON to load again, a notebook to open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbchat.session.present import presenters
from nbchat.session.turn import Turn
from nbchat.values.errors import ParameterError, SessionError
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import PARAMETERS, Params
from nbchat.values.reply import Choice, Reply, Timing
from nbchat.values.usage import Usage

__all__ = ["Record", "read", "write"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What of a session is written down."""

    name: str
    system: str | None
    params: Params
    turns: tuple[Turn, ...]


def write(path: Path, record: Record) -> Path:
    """Write a record in the form that the path's ending names. Raises SessionError."""
    match path.suffix.lower():
        case ".md":
            text = _markdown(record)
        case ".json":
            text = json.dumps(_to_dict(record), ensure_ascii=False, indent=1)
        case ".ipynb":
            text = json.dumps(_notebook(record), ensure_ascii=False, indent=1)
        case ending:
            raise SessionError(f"A conversation is exported as .md, .json or .ipynb; got {ending or 'no ending'}.")
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise SessionError(f"{path} can't be written: {error.strerror or error}.") from None
    return path


def read(path: Path) -> Record:
    """The record of a `.json` file: one that `write` made, or a list of `{role, content}`. Raises SessionError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SessionError(f"{path} can't be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise SessionError(f"{path} is not JSON: only what was exported as .json can be imported.") from None
    try:
        return _from_dict(content) if isinstance(content, Mapping) else _from_messages(path.stem, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SessionError(f"{path} holds no conversation: {error}.") from None


def _to_dict(record: Record) -> dict[str, Any]:
    return {
        "nbchat": FORMAT,
        "name": record.name,
        "system": record.system,
        "params": _params_to_dict(record.params),
        "turns": [
            {
                "message": turn.message.to_dict(),
                "steps": [step.to_dict() for step in turn.steps],
                "params": _params_to_dict(turn.params),
                "reply": _reply_to_dict(turn.reply),
            }
            for turn in record.turns
        ],
    }


def _params_to_dict(params: Params) -> dict[str, Any]:
    return dict(params.items())


def _reply_to_dict(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "status": reply.status,
        "model": reply.model,
        "id": reply.id,
        "cost": reply.cost,
        "notices": list(reply.notices),
        "timing": {"first_token": reply.timing.first_token, "total": reply.timing.total},
        "usage": {
            "state": usage.state,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        },
        "choices": [
            {
                "index": choice.index,
                "finish_reason": choice.finish_reason,
                "text": choice.text,
                "reasoning": choice.reasoning,
                "refusal": choice.refusal,
                "tool_calls": [[call.id, call.name, call.arguments] for call in choice.tool_calls],
            }
            for choice in reply.choices
        ],
    }


def _from_dict(content: Mapping[str, Any]) -> Record:
    if content.get("nbchat") != FORMAT:
        raise ValueError(f"it says format {content.get('nbchat')!r}, this version reads {FORMAT}")
    turns = tuple(
        Turn(
            Message.from_dict(turn["message"]),
            _reply_from_dict(turn["reply"]),
            _params_from_dict(turn["params"]),
            tuple(Message.from_dict(step) for step in turn["steps"]),
        )
        for turn in content["turns"]
    )
    return Record(str(content["name"]), content["system"], _params_from_dict(content["params"]), turns)


def _params_from_dict(content: Mapping[str, Any]) -> Params:
    try:
        known = {name: value for name, value in content.items() if name in PARAMETERS}
        return Params(**known, extra={name: value for name, value in content.items() if name not in PARAMETERS})
    except ParameterError as error:
        raise ValueError(str(error)) from None


def _reply_from_dict(content: Mapping[str, Any]) -> Reply:
    choices = tuple(
        Choice(
            choice["index"],
            choice["text"],
            choice["finish_reason"],
            choice["reasoning"],
            choice["refusal"],
            tuple(ToolCall(*call) for call in choice["tool_calls"]),
        )
        for choice in content["choices"]
    )
    return Reply(
        choices or (Choice(),),
        content["status"],
        content["model"],
        Usage(**content["usage"]),
        content["cost"],
        Timing(**content["timing"]),
        content["id"],
        notices=tuple(content["notices"]),
    )


def _from_messages(name: str, content: list[Any]) -> Record:
    """A bare list of messages, as other programs keep conversations."""
    messages = [Message.from_dict(message) for message in content]
    system = "\n\n".join(message.text for message in messages if message.role == "system") or None
    turns: list[Turn] = []
    asked: Message | None = None
    steps: list[Message] = []
    for message in messages:
        if message.role == "user":
            asked, steps = message, []
        elif asked is not None and message.role == "assistant" and not message.tool_calls:
            turns.append(Turn(asked, Reply((Choice(text=message.text, finish_reason="stop"),)), Params(), tuple(steps)))
            asked, steps = None, []
        elif message.role != "system":
            steps.append(message)
    return Record(name, system, Params(), tuple(turns))


def _markdown(record: Record) -> str:
    parts = [f"# {record.name}"]
    if record.system:
        parts.append(_quoted(f"**System:** {record.system}"))
    for turn in record.turns:
        parts += [f"## You\n\n{turn.message.text}", f"## {turn.reply.model or 'Assistant'}\n\n{_answer(turn)}"]
    return "\n\n".join(parts)


def _answer(turn: Turn) -> str:
    choices = turn.reply.choices
    text = "\n\n---\n\n".join(presenters.clean(choice.text or choice.refusal) for choice in choices)
    return text if turn.reply.status == "complete" else f"{text}\n\n*({turn.reply.status.replace('_', ' ')})*"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _notebook(record: Record) -> dict[str, Any]:
    """A notebook (format 4.5) whose cells ask again what was asked, with the answers under them."""
    cells = [_cell("start", "%load_ext nbchat")]
    if record.system:
        cells.append(_cell("system", f"%chat system {json.dumps(record.system, ensure_ascii=False)}"))
    for number, turn in enumerate(record.turns):
        options = "".join(
            f" {PARAMETERS[name].flag} {_option_value(name, value)}"
            for name, value in turn.params.items()
            if name in _SHOWN
        )
        cells.append(_cell(f"turn-{number}", f"%%chat{options}\n{turn.message.text}", _answer(turn)))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


_SHOWN = ("model", "temperature", "top_p", "n", "max_tokens", "seed")


def _option_value(name: str, value: Any) -> str:
    return PARAMETERS[name].written(value)[0]


def _cell(cell_id: str, source: str, answer: str | None = None) -> dict[str, Any]:
    outputs = []
    if answer is not None:
        data = {"text/markdown": answer, "text/plain": answer}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    return {
        "id": cell_id,
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "source": source,
        "outputs": outputs,
    }
