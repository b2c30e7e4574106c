"""`%chat help`: an overview on one screen, and the details of one word."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nbchat.cells.options import OWN, ROWS, OwnOption
from nbchat.cells.usage_error import UsageError
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.magics.commands.command import COMMANDS, Command, command, show
from nbchat.markdown.inline import html_text
from nbchat.values.key_shapes import without_keys
from nbchat.values.parameter import Parameter
from nbchat.values.params import PARAMETERS
from nbchat.values.wording import nearest

__all__ = ["overview"]

WIDTH = 100
"""Columns of the overview as text."""

NAME_WIDTH = 14
"""Columns of a group's name."""

OPTION_GROUPS = {
    "Message": ("system", "image", "raw", "session", "once", "unguarded"),
    "Answer": ("into", "schema", "code", "tools", "background", "remote_images"),
    "Many answers": ("variants", "repeat", "score"),
    "Rows": ("each", "truth", "pilot", "concurrency", "budget", "out"),
    "Sending": ("dry_run", "cache", "no_cache", "base_url", "key_env", "timeout"),
}
"""nbchat's own options by group; those of the parameter table are added from it, and ungrouped ones come last."""

COMMAND_GROUPS = {
    "Ask": ("ask", "retry", "continue", "stop"),
    "Code": ("code", "fix", "explain", "doc"),
    "Server": ("connect", "key", "models"),
    "Settings": ("set", "system", "presets", "preset", "save-preset", "panel", "display"),
    "Conversation": ("history", "undo", "choose", "pin", "drop", "context", "clear", "export", "import"),
    "Sessions": ("sessions", "switch", "fork", "find", "forget"),
    "Spending": ("usage", "ledger", "budget", "cache"),
}

EXAMPLES = {
    "%%chat -t 0.2 --max-tokens 300": "one answer",
    "%%chat -m gpt-4o-mini,gpt-4o -t 0,1 --repeat 3 << runs": "a sweep: several values, side by side",
    "%%chat --schema name:str,age:int << people": "structured data: people.data",
    "%%chat --each df.comment << labels": "{item} in the cell is each row's text",
    "%chat set temperature=0.2 top_p=none": "for all later messages",
    "%chat connect openai --model gpt-4o-mini": "choose a server",
}

OTHERS = "More"


class _Group(NamedTuple):
    """A group of options or commands, with its name."""

    name: str
    rows: tuple[Parameter | OwnOption | Command, ...]


def _option_groups() -> list[_Group]:
    groups = [
        _Group("Sampling", tuple(row for row in PARAMETERS.values() if row.sampling)),
        _Group("Request", (*(row for row in PARAMETERS.values() if not row.sampling), OWN["param"])),
        *_grouped(OPTION_GROUPS, OWN),
    ]
    return _with_others(groups, ROWS)


def _command_groups() -> list[_Group]:
    others = (row for name, row in COMMANDS.items() if name != "help")  # mentioned in the last line
    return _with_others(_grouped(COMMAND_GROUPS, COMMANDS), others)


def _grouped(names: Mapping[str, Iterable[str]], rows: Mapping[str, Any]) -> list[_Group]:
    return [_Group(title, tuple(rows[name] for name in members if name in rows)) for title, members in names.items()]


def _with_others(groups: list[_Group], rows: Iterable[Any]) -> list[_Group]:
    placed = {row.name for group in groups for row in group.rows}
    others = tuple(row for row in rows if row.name not in placed)
    return [*groups, *([_Group(OTHERS, others)] if others else [])]


def _word(row: Parameter | OwnOption | Command) -> str:
    """Return a word as shown in the overview: `-t/--temperature`, `--code`, `undo [N]`."""
    if isinstance(row, Command):
        return row.name if len(row.takes) > len("NAME=VALUE …") else f"{row.name} {row.takes}".rstrip()
    return f"-{row.short}/{row.flag}" if row.short else row.flag


PARTS = (
    ("%%chat [OPTIONS] [<< NAME]", "sends the cell below; a Reply is bound to NAME", _option_groups),
    ("%chat [COMMAND]", "without a command: the current state", _command_groups),
)
"""The two magics, what they do, and their options or commands."""

LAST_LINE = "%chat help WORD explains an option, a command or a group."


def overview() -> str:
    """Return all options and commands by group, and examples, as lines of at most `WIDTH` columns."""
    lines = []
    for usage, meaning, groups in PARTS:
        lines.append(f"{usage:<30} {meaning}")
        for group in groups():
            # Spaces within a word are kept from breaking while lines are filled.
            words = ", ".join(_word(row).replace(" ", "\0") for row in group.rows)
            wrapped = textwrap.wrap(
                words,
                WIDTH,
                initial_indent=f"  {group.name:<{NAME_WIDTH}}",
                subsequent_indent=" " * (NAME_WIDTH + 2),
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines += [line.replace("\0", " ") for line in wrapped]
    lines += ["Examples", *(f"  {example:<56} {meaning}" for example, meaning in EXAMPLES.items()), LAST_LINE]
    return "\n".join(lines)


@command("help", "[WORD]")
def _help(shell: Any, rest: str) -> None:
    """List options and commands; with WORD, explain one of them, or a group."""
    show(shell, _details_bundle(_details(rest)) if rest else _overview_bundle())


def _overview_bundle() -> Bundle:
    tables = [
        _table(usage, meaning, [(group.name, (_unbroken(_word(row)) for row in group.rows)) for group in groups()])
        for usage, meaning, groups in PARTS
    ]
    tables.append(_table("Examples", "", [(example, [html_text(meaning)]) for example, meaning in EXAMPLES.items()]))
    return {"text/html": "".join(tables) + chrome.line(LAST_LINE)["text/html"], "text/plain": overview()}


def _table(first: str, second: str, rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    """A table of names and what is said of each, as HTML."""
    head, cell = '<th style="text-align:left">{}</th>', '<td style="text-align:left;vertical-align:top">{}</td>'
    lines = [head.format(_unbroken(first)) + head.format(html_text(second))] if first else []
    lines += [cell.format(_unbroken(name)) + cell.format(", ".join(words)) for name, words in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table class="{chrome.NO_MATH_CLASS}" style="margin:0 0 0.7em">{body}</table>'


def _unbroken(word: str) -> str:
    """A word that lines do not break in, at its hyphens."""
    return f'<span style="white-space:nowrap">{html_text(word)}</span>'


def _details_bundle(found: list[tuple[str, str]]) -> Bundle:
    lines = []
    for usage, meaning in found:
        lines += [usage, *textwrap.wrap(meaning, WIDTH, initial_indent="  ", subsequent_indent="  ")]
    rows = [(usage, [html_text(meaning)]) for usage, meaning in found]
    return {"text/html": _table("", "", rows), "text/plain": "\n".join(lines)}


def _details(word: str) -> list[tuple[str, str]]:
    """Explain a word: an option, a command of the same name, or all words of a group. Raises UsageError."""
    name = word.lstrip("-%").strip().lower()
    for group in (*_option_groups(), *_command_groups()):
        if group.name.lower() == name and name not in COMMANDS:
            return [_explained(row) for row in group.rows]
    rows = [row for row in ROWS if name in (row.name, row.flag.lstrip("-"), row.short) and name]
    found = [*rows, *([COMMANDS[name]] if name in COMMANDS else [])]
    if found:
        return [_explained(row) for row in found]
    known = [*COMMANDS, *(row.flag.lstrip("-") for row in ROWS)]
    raise UsageError(f"There is no help for {without_keys(word)!r}.{nearest(name, known)}")


def _explained(row: Parameter | OwnOption | Command) -> tuple[str, str]:
    """Return how a word is used and what it means."""
    if isinstance(row, Command):
        head, more = f"%chat {row.name} {row.takes}".rstrip(), ""
    elif isinstance(row, Parameter):
        head, more = f"%%chat {_word(row)}", "" if row.kind == "flag" else f" ({row.expected})"
    else:
        head, more = f"%%chat {_word(row)} {row.value}".rstrip(), ""
    return head, row.meaning + more
