"""Which mermaid diagrams may be drawn.

JupyterLab draws them in the page itself, so a diagram could fetch an image, follow a link or restyle the page. One
that might is shown as text instead.
"""

from __future__ import annotations

import re

__all__ = ["is_harmless"]

_LARGEST = 20_000
"""Characters. A larger diagram keeps the browser busy for seconds."""

_STYLE_LINE = re.compile(r"^[ \t]*(?:style|classDef|linkStyle)\b[^\n]*", re.MULTILINE)
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b")
_STEREOTYPE = re.compile(
    r"<<(?:interface|abstract|enumeration|service|record|entity|fork|join|choice)>>", re.IGNORECASE
)
"""Of the words that may stand so, those that are no HTML element: nbconvert writes a diagram into its page as it is."""
_HARMFUL = re.compile(
    r"<(?!br ?/?>)(?=[a-z!?/])"  # HTML in a label
    r"|//|@|url\s*\(|(?:data|javascript|vbscript|file):\S|\bhref\b|!\s*\[|\]\("  # addresses
    r"|(?:^|[;\n])\s*(?:click|callback|links?)\b|%%\s*\{|^\s*---\s*$"  # statements that lead somewhere, and settings
    r"|[&#][\w#]+;|\\(?!n)|\$\$|[\x00-\x08\x0b-\x1f\x7f]",  # what could spell any of these otherwise
    re.IGNORECASE | re.MULTILINE,
)


def is_harmless(diagram: str) -> bool:
    """Whether drawing it can neither fetch nor lead anywhere; when in doubt it can."""
    if not diagram.strip() or len(diagram) > _LARGEST:
        return False
    plain = _STEREOTYPE.sub("", _STYLE_LINE.sub(lambda line: _COLOUR.sub("", line[0]), diagram))
    return _HARMFUL.search(plain) is None
