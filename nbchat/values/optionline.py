"""Write parameters as the options of a `%%chat` line, for the panel, presets and notebook files.

`nbchat.cells.options.parse` reads such a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbchat.values.parameter import Parameter, json_line
from nbchat.values.params import PARAMETERS

__all__ = ["CLOSERS", "can_express", "escaped", "option_line", "quoted", "unescaped"]

CLOSERS = {"{": "}", "[": "]"}
"""The first and last character of a word that is JSON and therefore needs no quotes."""


def option_line(params: Mapping[str, Any]) -> str:
    """Return parameters as `%%chat` options. Lossless for names that `can_express` accepts.

    Parameters outside the table become `--param`, and so do texts that an option would misread, since JSON is exact.
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


def can_express(name: str) -> bool:
    """Whether an option line can name this parameter: any in the table, and others without white space or `=`."""
    return name in PARAMETERS or ("=" not in name and name.split() == [name])


def _is_plain(parameter: Parameter, value: Any) -> bool:
    """Whether the text can be the option's value: not the word for unset, not several values, not several lines."""
    if parameter.kind not in ("text", "texts"):
        return True
    texts = value if parameter.kind == "texts" else (value,)
    if any(text.strip().lower() == "none" for text in texts):
        return False
    return parameter.kind == "texts" or not ((parameter.sampling and "," in value) or re.search(_BREAKS, value))


_BREAKS = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


def quoted(word: str) -> str:
    """Quote a word for an option line. Inverse of `nbchat.cells.words.split`."""
    if word and word[0] not in CLOSERS and not re.search(r"""[\s"']|[\w)\]][\[(]|=[{\[]""", word):
        return word
    quote = "'" if "'" not in word else '"'
    inside = word.rstrip("\\")  # a trailing backslash goes after the quotes, where it is no escape
    return quote + inside.replace(quote, "\\" + quote) + quote + word[len(inside) :]


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_SPELLED = {character: "\\" + letter for letter, character in _ESCAPES.items()}


def escaped(text: str) -> str:
    """Escape line breaks, tabs and other control characters. Inverse of `unescaped`."""
    return re.sub(
        r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: _SPELLED.get(found[0], f"\\u{ord(found[0]):04x}"), text
    )


def unescaped(text: str) -> str:
    r"""Decode the escapes of a stop sequence or system text: `\n`, `\t`, `\r`, `\\`, `\u2028`, as in Python."""
    return re.sub(r"\\(?:([ntr\\])|u([0-9a-fA-F]{4}))", _unescape, text)


def _unescape(escape: re.Match[str]) -> str:
    return _ESCAPES[escape[1]] if escape[1] else chr(int(escape[2], 16))
