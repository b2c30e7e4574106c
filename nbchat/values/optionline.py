"""Parameters as the options of a `%%chat` line: how a panel, a preset or a notebook file writes them.

`nbchat.cells.options.parse` reads such a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbchat.values.params import PARAMETERS, Parameter, json_line

__all__ = ["CLOSERS", "can_say", "escaped", "option_line", "quoted", "unescaped"]

CLOSERS = {"{": "}", "[": "]"}
"""What begins a word that is JSON, and what ends it: such a word needs no quotes."""


def option_line(params: Mapping[str, Any]) -> str:
    """These parameters as `%%chat` options. They mean the same if `can_say`.

    What the table lacks becomes `--param`, and so do texts that would be read otherwise: JSON can say them all.
    """
    words: list[str] = []
    for name, value in params.items():
        parameter = PARAMETERS.get(name)
        if parameter is None:
            words += ["--param", quoted(f"{name}={json_line(value)}")]
        elif parameter.kind == "flag":
            words.append(parameter.flag if value else "--no-" + parameter.flag[2:])
        elif not _is_plain(parameter, value):
            words += ["--param", quoted(f"{name}={json_line(list(value) if parameter.kind == 'texts' else value)}")]
        else:
            flag = f"-{parameter.short}" if parameter.short else parameter.flag
            for text in parameter.written(value):
                word = quoted(escaped(text) if parameter.kind == "texts" else text)
                as_option = re.match("-[A-Za-z-]", text)  # a value that might be read as the next option
                words += [f"{parameter.flag}={word}"] if as_option else [flag, word]
    return " ".join(words)


def can_say(name: str) -> bool:
    """Whether a line can name this parameter: those of the table, and others without a blank or `=` in their names."""
    return name in PARAMETERS or ("=" not in name and name.split() == [name])


def _is_plain(parameter: Parameter, value: Any) -> bool:
    """Whether a text can stand as the option's value: not the word for unset, several values, or more than a line."""
    if parameter.kind not in ("text", "texts"):
        return True
    texts = value if parameter.kind == "texts" else (value,)
    if any(text.strip().lower() == "none" for text in texts):
        return False
    return parameter.kind == "texts" or not ((parameter.sampling and "," in value) or _BREAKS.search(value))


_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def quoted(word: str) -> str:
    """A word as it must be written on a line. Inverse of `nbchat.cells.words.split`."""
    if word and not any(character.isspace() or character in "\"'" for character in word) and word[0] not in CLOSERS:
        return word
    quote = "'" if "'" not in word else '"'
    inside = word.rstrip("\\")  # behind the quotes, a backslash at the end can't be taken for an escape
    return quote + inside.replace(quote, "\\" + quote) + quote + word[len(inside) :]


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_SPELLED = {character: "\\" + letter for letter, character in _ESCAPES.items()}


def escaped(text: str) -> str:
    """A text on one line, its breaks, tabs and other control characters spelled out. Inverse of `unescaped`."""
    return re.sub(
        r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: _SPELLED.get(found[0], f"\\u{ord(found[0]):04x}"), text
    )


def unescaped(text: str) -> str:
    r"""A stop sequence or system text as people write it: `\n`, `\t`, `\r`, `\\`, `\u2028` are as in Python."""
    return re.sub(r"\\(?:([ntr\\])|u([0-9a-fA-F]{4}))", _unescape, text)


def _unescape(escape: re.Match[str]) -> str:
    return _ESCAPES[escape[1]] if escape[1] else chr(int(escape[2], 16))
