"""Decide which addresses links and images may have.

A link may have an http, https or mailto address or point into the same document; an image may be a `data:` URL.
"""

from __future__ import annotations

import re

__all__ = ["BARE_ADDRESS", "DATA_IMAGE", "bare_address", "safe_address"]

DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
"""An image in a `data:` URL."""

BARE_ADDRESS = re.compile(
    r"(?<![\w@/.])(?:(?ai:https?)://|(?ai:www)\.(?=\w))[^\s<>\"`\\^{|}\u201c\u201d]+"
    r"|(?<![\w.+@/-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}(?![\w@])"
)
"""What renderers turn into a link in plain text (GFM's extended autolinks), with trailing characters."""

_WEB = re.compile(r"(?ai:https?)://([^/?#\s]*)")
_HOST = re.compile(
    r"(?:[\w.~%:\-]+@)?(?:(?=[^\d.])[\w.~\-]+|[\w.~\-]*[^\W\d][\w.~\-]*|(?:\d{1,3}\.){3}\d{1,3})(?::\d{1,5})?"
)
_SCHEME = re.compile(r"[^/?#]*:|[/\\]{2}")
_UNSAFE = re.compile(
    r"""[\x00-\x20"$'()*<>\[\\\]^`{|}\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]|@(?=@)"""
)
_NOT_IN_FRAGMENT = re.compile(r"[^A-Za-z0-9._~/%\-]|%(?![0-9A-Fa-f]{2})")
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_BEHIND = "?!.,:;*_'~"


def safe_address(address: str) -> str | None:
    """Return the address in a form that is safe in Markdown, or None if it must not be a link.

    A relative address would lead into the notebook's own server or folder, so it becomes a fragment of this document,
    which looks the same and does nothing.
    """
    address = address.strip()
    web = _WEB.match(address)
    if (web and _HOST.fullmatch(web[1])) or address[:7].lower() == "mailto:":
        return _UNSAFE.sub(_percent, address)
    if _SCHEME.match(_IGNORED.sub("", address)):
        return None
    return "#" + _NOT_IN_FRAGMENT.sub(_percent, address.removeprefix("#"))


def bare_address(found: str) -> tuple[str, str] | None:
    """Return the part of a `BARE_ADDRESS` match that is the address, and its target; None if it is not a link."""
    words = found.rstrip(_BEHIND)
    while words.endswith(")") and words.count(")") > words.count("("):
        words = words[:-1].rstrip(_BEHIND)
    scheme = "" if _WEB.match(words) else "http://" if words[:4].lower() == "www." else "mailto:"
    address = safe_address(scheme + words)
    return None if address is None else (words, address)


def _percent(char: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in char[0].encode("utf-8", "replace"))
