"""How a model's text is spelt so that no reader finds anything in it but itself.

Every sign that could mean something to some Markdown parser, to HTML or to MathJax is written as a character reference.
It shows as the sign where it is text or stands in an attribute, and is dead letters anywhere else.
"""

from __future__ import annotations

import re

from nbchat.markdown.terminal_text import join_surrogates

__all__ = ["clean", "is_live", "spelt_code", "spelt_text"]

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ODD_SPACE = re.compile("[\x0b\x0c\u2028\u2029]")
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u2028-\u202e\u2066-\u2069]")

_MEANT = re.compile(
    r"""[&<>"$\\`*~\[\]|{}@\#^\n\t]
    |_(?:(?<![^\W_]_)|(?![^\W_]))   # within a word it means nothing
    |:(?=/)|(?i:(?<=www))\.        # an address, or what looks like one
    |!\Z                           # a link may stand behind it
    |(?<=[ ])[ ]\Z                 # two blanks at a line's end""",
    re.VERBOSE,
)
_AT_LINE_START = re.compile(r"[-+=:% ]|(?P<number>\d{1,9})[.)]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_LIVE = re.compile(
    r"<[A-Za-z/!?]|!\[|\]\(|^[^\w\n]*\d*[^\w\n]*\[[^\]\n]*\]:|@@\d|\\\\[()\[\]]|\\(?:begin|end)\{",
    re.IGNORECASE | re.MULTILINE,
)
_NOT_PLAIN = re.compile(r"[^\w .,;()+/%?\-=]|_|(?<=www)\.", re.IGNORECASE)


def clean(text: str) -> str:
    """The text with plain line ends, and without what a page must not hold: control characters, half characters.

    What turns the direction of writing goes too: it can make a line read otherwise than it is.
    """
    text = join_surrogates(text).replace("\r\n", "\n").replace("\r", "\n")
    return _BIDI.sub("", _ODD_SPACE.sub(" ", _CONTROL.sub("\ufffd", text)))


def spelt_text(text: str, *, starts_line: bool = False) -> str:
    """Text for the inside of a paragraph, heading or table cell, of a link's words or of a title."""
    if _ODD.search(text):  # from a character reference
        text = clean(text)
    spelt = _MEANT.sub(_reference, text)
    first = _AT_LINE_START.match(spelt) if starts_line else None
    if first is None:
        return spelt
    return f"{first['number'] or ''}&#{ord(first[0][-1])};{spelt[first.end() :]}"


def spelt_code(code: str) -> str:
    """Code for the inside of an HTML element, on one line."""
    return _NOT_PLAIN.sub(_reference, code)


def is_live(code: str) -> bool:
    """Whether anything in the code could be live for a reader that did not take it for code."""
    return _LIVE.search(code) is not None


def _reference(sign: re.Match[str]) -> str:
    return _NAMED.get(sign[0]) or f"&#{ord(sign[0])};"
