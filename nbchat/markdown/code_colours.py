"""Colour code in HTML as the front end colours it in cells."""

from __future__ import annotations

import html

__all__ = ["coloured_code"]

_LONGEST = 5000
"""Longest code to colour, in characters; some lexers are slow on hostile text."""

_COLOURS = {
    "Token.Keyword": "keyword",
    "Token.Keyword.Constant": "atom",
    "Token.Literal.Number": "number",
    "Token.Literal.String": "string",
    "Token.Comment": "comment",
    "Token.Operator.Word": "keyword",
    "Token.Operator": "operator",
    "Token.Name.Function": "def",
    "Token.Name.Class": "def",
    "Token.Name.Builtin": "builtin",
    "Token.Name.Tag": "tag",
    "Token.Name.Attribute": "attribute",
    "Token.Name.Decorator": "meta",
}
"""JupyterLab's variables for the colours of code, by Pygments' token types."""


def coloured_code(code: str, language: str, _attributes: str = "") -> str:
    """Return code as HTML whose spans use JupyterLab's theme colours; "" if it can't be coloured.

    Where the variables are unknown, the code has the colour of the text around it.
    """
    if len(code) > _LONGEST:
        return ""
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # Pygments has no types
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]  # Pygments has no types

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return ""
    return "".join(_span(kind, html.escape(text)) for kind, text in lexer.get_tokens(code))


def _span(kind: object, text: str) -> str:
    name = str(kind)
    while name and name not in _COLOURS:
        name = name.rpartition(".")[0]
    if not name:
        return text
    colour = _COLOURS[name]
    weight = ";font-weight:bold" if colour == "keyword" else ""
    return f'<span style="color:var(--jp-mirror-editor-{colour}-color){weight}">{text}</span>'
