"""Escape a model's text so that it is inert in any renderer.

Every character with a meaning in any Markdown dialect, in HTML or in MathJax is written as a character reference, which
displays as that character in text and attributes, and is inert anywhere else.
"""

from __future__ import annotations

import re

from nbchat.values.surrogates import paired

__all__ = ["clean", "escaped_code", "escaped_text", "is_live"]

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ODD_SPACE = re.compile("[\x0b\x0c\u2028\u2029]")
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u2028-\u202e\u2066-\u2069]")

_MEANT = re.compile(
    r"""[&<>"$\\`*~\[\]|{}@\#^\n\t]
    |_(?:(?<![^\W_]_)|(?![^\W_]))   # within a word it means nothing
    |:(?=/)|(?i:(?<=www))\.        # an address, or what looks like one
    |!\Z                           # a link may follow it
    |(?<=[ ])[ ]\Z                 # two blanks at a line's end""",
    re.VERBOSE,
)
_AT_LINE_START = re.compile(r"[-+=:% ]|(?P<number>\d{1,9})[.)]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_LIVE = re.compile(
    r"""<[A-Za-z/!?]|!\[|\]\(|@@\d|\\\\[()\[\]]|\\(?:begin|end)\{
    |^(?:[^\w\n\[]|[\d_]|\[[^\]\n]*\](?!:))*\[[^\]\n]*\]:  # a definition of a link, in a list or task too""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_NOT_PLAIN = re.compile(r"[^\w .,;()+/%?\-=]|_|(?<=www)\.", re.IGNORECASE)


def clean(text: str) -> str:
    """Normalise line breaks and remove control characters and lone surrogates.

    Bidirectional control characters are removed too, since they can make a line read differently.
    """
    text = paired(text).replace("\r\n", "\n").replace("\r", "\n")
    return _BIDI.sub("", _ODD_SPACE.sub(" ", _CONTROL.sub("\ufffd", text)))


def escaped_text(text: str, *, starts_line: bool = False) -> str:
    """Escape text for a paragraph, heading, table cell, link text or title."""
    if _ODD.search(text):  # decoded from a character reference
        text = clean(text)
    escaped = _MEANT.sub(_reference, text)
    first = _AT_LINE_START.match(escaped) if starts_line else None
    if first is None:
        return escaped
    return f"{first['number'] or ''}&#{ord(first[0][-1])};{escaped[first.end() :]}"


def escaped_code(code: str) -> str:
    """Escape code for an HTML element, on one line."""
    return _NOT_PLAIN.sub(_reference, code)


def is_live(code: str) -> bool:
    """Whether code contains anything special for a renderer that does not recognise it as code."""
    return _LIVE.search(code) is not None


def _reference(sign: re.Match[str]) -> str:
    return _NAMED.get(sign[0]) or f"&#{ord(sign[0])};"
