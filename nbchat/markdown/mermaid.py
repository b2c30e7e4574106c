"""Decide which mermaid diagrams may be drawn.

JupyterLab draws them in the page itself, so a diagram could fetch an image, follow a link or restyle the page. Only
diagrams known to do none of that are drawn: certain kinds, with plain words and arrows, and styles of colours, lengths
and numbers. Any other is shown as text.
"""

from __future__ import annotations

import re

__all__ = ["is_harmless"]

_LARGEST = 20_000
"""Most characters of a diagram; a larger one keeps the browser busy for seconds."""

_KINDS = re.compile(
    r"(?:graph|flowchart)(?:\s+(?:TB|TD|BT|RL|LR))?|sequenceDiagram|classDiagram(?:-v2)?|stateDiagram(?:-v2)?|erDiagram"
    r"|gantt|pie(?:\s+showData)?(?:\s+title\s.*)?|mindmap|timeline|journey|gitGraph(?:\s*(?:LR|TB|BT))?:?"
)
_COMMENT = re.compile(r"%%(?!\s*\{).*")
_STATEMENT_END = re.compile(r"[;\n]")
_PLAIN = re.compile(r"[\w\s.,;:'\"()\[\]{}<>|/=+*?!%~^#&\-\u2010-\u2027\u2030-\u205e\u20a0-\uffff]*")
_LEADING = re.compile(  # addresses, HTML, character references, CSS that fetches, statements that lead somewhere
    r"//|<(?!br */?>)(?=[a-z!?/])|[&#][\w#]+;|!\s*\[|\]\(|::\s*icon|%%\{|(?:url|image|image-set|src|element|attr)\s*\("
    r"|(?:data|javascript|vbscript|file|blob):(?=\S)|\bhref\b",
    re.IGNORECASE,
)
_NO_STATEMENT = re.compile(
    r"\s*(?:click|callback|links?|details|properties|call|todayMarker|cssClass|accTitle|accDescr|title:|config:|---\s*$)",
    re.IGNORECASE,
)
_STEREOTYPE = re.compile(
    r"<<(?:interface|abstract|enumeration|service|record|entity|fork|join|choice)>>", re.IGNORECASE
)
"""Words in angle brackets that are allowed because they are no HTML elements: nbconvert writes a diagram into its page
unchanged."""

_COLOUR = r"(?:#[0-9a-f]{3,8}|[a-z]{3,24}|(?:rgb|rgba|hsl|hsla)\([\d.,% ]*\))"
_HEX = re.compile(r"#[0-9a-fA-F]{3,8}\b")
_STYLE_LINE = re.compile(r"^[ \t]*(?:style|classDef|linkStyle)\b.*", re.MULTILINE)
_STYLED = re.compile(r"\s*(?:style|classDef|linkStyle|rect|box)\b", re.IGNORECASE)
_STYLE = re.compile(
    rf"\s*(?:(?:style|classDef|linkStyle)\s+[\w,\s]+?\s+(?:(?:fill|stroke|color|background|stroke-width|stroke-dasharray"
    rf"|stroke-opacity|fill-opacity|opacity|font-size|font-weight|font-style|rx|ry)\s*:\s*"
    rf"(?:{_COLOUR}|[\d.]+(?:px|em|pt|%)?(?:\s+[\d.]+(?:px)?)*)(?:\s*,\s*|\s*$))+|(?:rect|box)\s+{_COLOUR}?(?:\s+[\w ]*)?)\s*",
    re.IGNORECASE,
)


def is_harmless(diagram: str) -> bool:
    """Whether drawing a diagram certainly neither fetches nor links to anything."""
    lines = [line for line in diagram.split("\n") if line.strip() and not _COMMENT.fullmatch(line.strip())]
    if not lines or len(diagram) > _LARGEST or not _KINDS.fullmatch(lines[0].strip().rstrip(";")):
        return False
    plain = _STEREOTYPE.sub("", "\n".join(lines).replace(r"\n", " "))
    # `#fff;` is a colour in a line of style, elsewhere a character reference.
    words = _STYLE_LINE.sub(lambda line: _HEX.sub("", line[0]), plain)
    if not _PLAIN.fullmatch(plain) or _LEADING.search(words):
        return False
    return all(map(_is_still, _STATEMENT_END.split(plain)))


def _is_still(statement: str) -> bool:
    if _STYLED.match(statement):
        return _STYLE.fullmatch(statement) is not None
    return _NO_STATEMENT.match(statement) is None
