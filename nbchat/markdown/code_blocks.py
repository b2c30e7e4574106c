"""Find the code blocks of a Markdown text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from markdown_it.token import Token

from nbchat.markdown.parsing import block_tokens

__all__ = ["CodeBlock", "code_blocks", "is_closed"]

_CLOSES = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*\r?")
_LINE_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")


class CodeBlock(NamedTuple):
    """A fence or indented code: `text[start:end]`, whole lines.

    `info` is a fence's info string, None for indented code; `closed` is whether a fence has its closing line.
    """

    start: int
    end: int
    content: str
    info: str | None
    closed: bool


def code_blocks(markdown: str) -> list[CodeBlock]:
    """Return every code block of a text in order, including those in lists and quotes."""
    lines = _LINE_END.split(markdown)
    starts = [0, *accumulate(map(len, lines))]
    found = []
    for token in block_tokens(markdown):
        if token.type in ("fence", "code_block") and token.map is not None:
            first, end = token.map
            info = token.info if token.type == "fence" else None
            found.append(CodeBlock(starts[first], starts[end], token.content, info, is_closed(token, lines)))
    return found


def is_closed(fence: Token, lines: Sequence[str]) -> bool:
    """Whether a fence has its closing line; `lines` are those of the text."""
    start, end = fence.map  # type: ignore[misc]  # a block has its lines
    closing = _CLOSES.fullmatch(lines[end - 1].removesuffix("\n"))
    return end - start > 1 and closing is not None and closing[1].startswith(fence.markup)
