"""Render a model's Markdown as HTML, for tables, cards and widgets, in which front ends render no Markdown.

It comes from the same parse as `render`'s Markdown. The parser lets no HTML through and every address is checked, so
nothing in it runs, is fetched or navigates, and every element is closed.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Sequence
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from nbchat.markdown.addresses import safe_address
from nbchat.markdown.code_colours import coloured_code
from nbchat.markdown.escaping import clean
from nbchat.markdown.formulas import canonical_tex
from nbchat.markdown.inline import html_text
from nbchat.markdown.json_answers import as_markdown
from nbchat.markdown.parsing import MOST_NESTED, parse, parser
from nbchat.values.limits import one_line

__all__ = ["MARKDOWN_TAGS", "first_words", "markdown_html", "markdown_words"]

MOST_CHARACTERS = 50_000
"""Longest text to render, in characters; a longer one is shown as written."""

AS_WRITTEN = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.45"
NO_MATH = "tex2jax_ignore mathjax_ignore"
MATH = "tex2jax_process mathjax_process"

MARKDOWN_TAGS = frozenset(
    {*("p", "br", "hr", "pre", "code", "em", "strong", "s", "a", "span", "div", "blockquote", "ul", "ol", "li", "sub")}
    | {*("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "sup", "kbd", "mark", "u")}
)
"""Every element that the output can contain."""

LOOKS = {
    **dict.fromkeys(("paragraph_open", "bullet_list_open", "ordered_list_open", "blockquote_open"), ""),
    "table_open": "display:block;width:0;min-width:100%;overflow-x:auto;overflow-wrap:normal",
    **dict.fromkeys(("fence", "code_block"), "display:block;width:0;min-width:100%;overflow-x:auto;white-space:pre"),
    "heading_open": "font-size:1.05em",
}
"""Styles for small cards: headings are hardly larger than text, and blocks are close together (see `_settle`)."""


@functools.lru_cache(maxsize=256)  # an explorer draws the same answers after each change
def markdown_html(text: str, *, coloured: bool = True) -> str:
    """Return a text's Markdown as HTML, in one element; `coloured` colours code, in up to ten times the bytes.

    Images are replaced by their descriptions; formulas are typeset if the page can. A text that is too long or too deeply
    nested is shown as written.
    """
    tokens = _tokens(as_markdown(text)) if len(text) <= MOST_CHARACTERS else None
    if tokens is None:
        return f'<div dir="auto" class="{NO_MATH}" style="{AS_WRITTEN}">{html_text(text)}</div>'
    _settle(tokens)
    options: Any = {**parser().options, "highlight": coloured_code if coloured else None}
    inner = _Renderer().render(tokens, OptionsDict(options), {})
    return f'<div dir="auto" class="{NO_MATH}" style="overflow-wrap:break-word;line-height:1.45">{inner}</div>'


def markdown_words(text: str, most: int) -> str:
    """Return the first words of a text's Markdown on one line, without markup; reads about `most` characters."""
    blocks = []
    for token in _tokens(text[:most]) or ():
        children = token.children or [token]
        blocks.append("".join(" " if child.type.endswith("break") else child.content for child in children))
    return " ".join(" ".join(blocks).split())


@functools.lru_cache(maxsize=512)  # a list of turns is drawn again after each turn
def _words_of_start(start: str) -> str:
    return markdown_words(start, len(start))


def first_words(text: str, most: int) -> str:
    """Return the beginning of an answer as one line without markup, for a list."""
    return one_line(_words_of_start(text[: 2 * most]) or text, most)


def _tokens(text: str) -> list[Token] | None:
    document = parse(text)
    if document is None or any(token.level >= MOST_NESTED - 1 for token in document.tokens):
        return None
    return document.tokens


class _Renderer(RendererHTML):
    """markdown-it's renderer, extended by formulas."""

    def formula(self, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
        """Render a formula for MathJax."""
        display = tokens[index].markup == "$$"
        tex = canonical_tex(tokens[index].content, display=display).strip("$")
        written = tex if tex.startswith("\\begin") and display else rf"\[{tex}\]" if display else rf"\({tex}\)"
        return f'<span class="{MATH}">{html.escape(written)}</span>'


def _settle(tokens: list[Token]) -> None:
    """Style blocks, restrict links, and replace images by their descriptions."""
    for number, token in enumerate(tokens):
        if (look := LOOKS.get(token.type)) is not None:
            above = "0.6em" if number and not token.level else "0.2em" if number else "0"
            token.attrSet("style", f"margin:{above} 0 0;{look}")
        elif token.type in ("th_open", "td_open") and not token.attrs:
            token.attrSet("style", "text-align:left")
        live: list[bool] = []
        for child in token.children or ():
            child.content = clean(child.content)  # character references have been decoded
            if child.type == "image":
                child.type, child.content = "text", f"[image: {child.content}]"
            elif child.type == "link_open":
                live.append(_limit(child, nested=any(live)))
            elif child.type == "link_close" and not live.pop():
                child.tag = "span"


def _limit(link: Token, *, nested: bool) -> bool:
    """Restrict a link; return whether it remains one (fragments have no target here, and HTML nests no links)."""
    address = safe_address(str(link.attrs.get("href", "")))
    live = not nested and address is not None and not address.startswith("#")
    link.tag = "a" if live else "span"
    link.attrs = {"href": address or "", "target": "_blank", "rel": "noopener noreferrer"} if live else {}
    return live
