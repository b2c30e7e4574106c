"""An answer's Markdown as HTML of our own, for where a front-end renders none: inside tables and cards.

The parser lets no HTML through, and every address passes the rules of `links`; so nothing in it runs, is fetched or
navigates, and every element is closed where it was opened.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from nbchat.markdown.inline import html_text, visible
from nbchat.markdown.links import safe_address

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

__all__ = ["MARKDOWN_TAGS", "markdown_html", "markdown_words"]

MOST_CHARACTERS = 50_000
"""A longer text stands as it is written: the parser takes about 1 ms for 1,000 characters."""

MOST_NESTED = 20
"""Blocks within blocks. The parser leaves out what stands deeper, so a text with that stands as it is written too."""

AS_WRITTEN = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.45"

MARKDOWN_TAGS = frozenset(
    {*("p", "br", "hr", "pre", "code", "em", "strong", "s", "a", "span", "div", "blockquote", "ul", "ol", "li")}
    | {*("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")}
)
"""Every element that there can be."""

LOOKS = {
    **dict.fromkeys(("paragraph_open", "bullet_list_open", "ordered_list_open", "blockquote_open", "table_open"), ""),
    **dict.fromkeys(("fence", "code_block"), "display:block;overflow-x:auto;white-space:pre"),
    "heading_open": "font-size:1.05em",
}
"""A card is small, and its text must not shout: headings are hardly larger, and blocks stand close (`_settle`)."""


@functools.lru_cache(maxsize=256)  # an explorer draws the same answers at each of its moves
def markdown_html(text: str) -> str:
    """The HTML of a text's Markdown, in one element.

    Images stand as their descriptions and formulas as they are written; so does the whole text where it is too long.
    """
    if len(text) <= MOST_CHARACTERS:
        parser = _parser()
        tokens = parser.parse(visible(text))
        if all(token.level < MOST_NESTED - 1 for token in tokens):
            inner = parser.renderer.render(tokens, parser.options, {})
            return f'<div dir="auto" style="overflow-wrap:anywhere;line-height:1.45">{inner}</div>'
    return f'<div dir="auto" style="{AS_WRITTEN}">{html_text(text)}</div>'


def markdown_words(text: str, most: int) -> str:
    """The first words of a text's Markdown in one line, without its marks: about `most` characters are read."""
    blocks = []
    for token in _parser().parse(visible(text[:most])):
        children = token.children or [token]
        blocks.append("".join(" " if child.type.endswith("break") else child.content for child in children))
    return " ".join(" ".join(blocks).split())


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
    parser.core.ruler.push("nbchat", _settle)
    return parser


def _settle(state: StateCore) -> None:
    """Give blocks their looks and links their limits, and put words in the place of images."""
    for number, token in enumerate(state.tokens):
        if (look := LOOKS.get(token.type)) is not None:
            above = "0.6em" if number and not token.level else "0.2em" if number else "0"
            token.attrSet("style", f"margin:{above} 0 0;{look}")
        live: list[bool] = []
        for child in token.children or ():
            if child.type == "image":
                child.type, child.content = "text", f"[image: {child.content}]"
            elif child.type == "link_open":
                live.append(_limit(child))
            elif child.type == "link_close" and not live.pop():
                child.tag = "span"


def _limit(link: Token) -> bool:
    """Whether a link stays one: those to a place in this document have none there."""
    address = safe_address(str(link.attrs.get("href", "")))
    live = address is not None and not address.startswith("#")
    link.tag = "a" if live else "span"
    link.attrs = {"href": address or "", "target": "_blank", "rel": "noopener noreferrer"} if live else {}
    return live
