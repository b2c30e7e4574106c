"""Where links and images may lead.

A link may lead to http, https and mailto addresses and to a place in the same document; an image may be a picture
held in the text itself. An address keeps its look, but what other characters could do in an HTML attribute, or in
JupyterLab's placeholders for mathematics (`@@0@@`, see `mathtext`), is percent-encoded.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

__all__ = ["DATA_IMAGE", "Target", "has_host", "read_definition", "read_target", "safe_address"]

DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
"""A picture held in its own address."""

_WEB = re.compile(r"(?i)https?://([^/?#\s]*)")
_HOST = re.compile(
    r"(?:[\w.~%:\-]+@)?(?:\[[0-9A-Fa-f:.]+\]|(?=[^\d.])[\w.~\-]+|[\w.~\-]*[^\W\d][\w.~\-]*|(?:\d{1,3}\.){3}\d{1,3})"
    r"(?::\d{1,4})?"
)
_BEHIND = "?!.,:;*_'\"~()"
_BARE_HOST = re.compile(r"[^\s/?#]{1,255}")
_SCHEME = re.compile(r"[^/?#]*:|[/\\]{2}")
_UNSAFE = re.compile(
    r"""[\x00-\x20"$<>\\^`{|}\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]|@(?=@)"""
)
_NOT_IN_FRAGMENT = re.compile(r"[^A-Za-z0-9._~/%\-]|%(?![0-9A-Fa-f]{2})")
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")

_BARE = r"(?:[^\s\\()<>\x00-\x1f]|\\.|\((?:[^\s\\()<>]|\\.|\([^\s\\()<>]*+\))*+\)){0,4096}+"
_TITLE = r"""(?:"(?:[^"\\]|\\.){0,1000}+"|'(?:[^'\\]|\\.){0,1000}+'|\((?:[^()\\]|\\.){0,1000}+\))"""
_TARGET = re.compile(
    rf"\([ \t]*+\n?[ \t]*+(?:<((?:[^<>\n\\]|\\.){{0,4096}}+)>|({DATA_IMAGE.pattern}|{_BARE}))"
    rf"(?:(?:[ \t]++\n?|\n)[ \t]*+({_TITLE}))?[ \t]*+\n?[ \t]*+\)",
    re.DOTALL,
)
_DEFINITION = re.compile(
    rf":[ \t]*+\n?[ \t]*+(?:<((?:[^<>\n\\]|\\.){{0,4096}}+)>|([^\s<]\S{{0,4096}}+))(?:[ \t]++({_TITLE}))?[ \t]*+(?=\n|\Z)"
)
_PLAIN_TITLE = re.compile(r""""[^"{}$@\\`<>&\[\]\n]*"|'[^'"{}$@\\`<>&\[\]\n]*'""")


class Target(NamedTuple):
    """What stands behind a link's text.

    `end` is the offset behind it, `address` what it means, `title` None or with its quotes, `written` the address as it
    stands there ("<>" for one in angle brackets).
    """

    end: int
    address: str
    title: str | None
    written: str

    def rewritten(self, address: str) -> str | None:
        """The address with its title to be written instead; None when it can stay as it is."""
        title = self.title if self.title is None or _PLAIN_TITLE.fullmatch(self.title) else None
        if address == self.written and title == self.title:
            return None
        return address if title is None else f"{address} {title}"


def read_target(text: str, at: int) -> Target | None:
    """The `(address "title")` at the offset; None when what is there is not that."""
    return _read(_TARGET.match(text, at))


def read_definition(text: str, at: int) -> Target | None:
    """The `: address "title"` of a link definition that ends its line; None when what is there is not that."""
    return _read(_DEFINITION.match(text, at))


def _read(match: re.Match[str] | None) -> Target | None:
    if match is None:
        return None
    written = match[2] if match[1] is None else match[1]
    return Target(match.end(), html.unescape(_ESCAPE.sub(r"\1", written)), match[3], match[2] or "<>")


def safe_address(address: str) -> str | None:
    """The address as it may be written, or None when it must not be live.

    What is relative would lead into the notebook's own server or folder, so it becomes a place in this document: it
    looks the same and does nothing.
    """
    address = address.strip()
    web = _WEB.match(address)
    if (web and _HOST.fullmatch(web[1])) or address[:7].lower() == "mailto:":
        return _balanced(_UNSAFE.sub(_percent, address))
    if _SCHEME.match(_IGNORED.sub("", address)):
        return None
    return "#" + _NOT_IN_FRAGMENT.sub(_percent, address.removeprefix("#"))


def has_host(text: str, at: int, end: int) -> bool:
    """Whether the bare address whose host begins at the offset, in text up to `end`, has one.

    JupyterLab takes an address that is none for a path on the notebook's own server.
    """
    match = _BARE_HOST.match(text, at, end)
    if match is None:
        return False
    ends = match.end() == end or text[match.end()].isspace()
    host = match[0].rstrip(_BEHIND) if ends else match[0]
    return _HOST.fullmatch(host) is not None


def _percent(char: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in char[0].encode("utf-8", "replace"))


def _balanced(address: str) -> str:
    """The address with its parentheses encoded unless they pair up, as a link's own must."""
    depth = 0
    for char in address:
        depth += (char == "(") - (char == ")")
        if not 0 <= depth <= 2:
            return address.replace("(", "%28").replace(")", "%29")
    return address if not depth else address.replace("(", "%28").replace(")", "%29")
