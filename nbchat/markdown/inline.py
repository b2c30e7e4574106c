"""Escape foreign text for nbchat's own lines: a model's name, a server's error, a title.

`inline_text` is for Markdown, `html_text` for HTML; use `render` for text that is itself Markdown.
"""

from __future__ import annotations

import html
import re

from nbchat.values.limits import clipped
from nbchat.values.surrogates import paired

__all__ = ["NO_MATH", "html_text", "inline_text", "visible"]

NO_MATH = "<span class=tex2jax_ignore>&#{};</span>"
"""A character that MathJax must not read: JupyterLab pairs up `$` even when it is escaped or written as an entity.

It contains no quotes, so that it can't break out of an attribute.
"""

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SPACE = re.compile(r"\s+")
_MEANT = re.compile(
    r"""[!"#$&'()*<>@\[\\\]^_`{|}~]|:(?=/)|(?<=www)\.|\A[-+=.]|(?<=\A\d)\.|(?<=\A\d\d)\.""", re.IGNORECASE
)


def inline_text(text: str, limit: int = 200) -> str:
    """Return `text` as one line of Markdown without any markup in effect.

    Emphasis, links, HTML, math and addresses are inert; line breaks and runs of blanks become one space; control and
    bidirectional characters are removed. At most `limit` characters are kept, the last of them `…`.
    """
    line = clipped(_UNSEEN.sub("", _SPACE.sub(" ", paired(text))).strip(), limit)
    return _MEANT.sub(_literal, line)


def html_text(text: str, limit: int | None = None) -> str:
    """Escape `text` for HTML, including attribute values. Line breaks are kept; `limit` None = unlimited."""
    clean = visible(text)
    return html.escape(clean if limit is None else clipped(clean, limit))


def visible(text: str) -> str:
    """Remove control and bidirectional characters from `text`, except line breaks and tabs."""
    return _UNSEEN.sub(lambda char: char[0] if char[0] in "\n\t" else "", paired(text).replace("\r\n", "\n"))


def _literal(char: re.Match[str]) -> str:
    return (NO_MATH if char[0] in "$\\" else "&#{};").format(ord(char[0]))
