"""The code blocks of a Markdown text, by their place in it."""

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
    """A fence or indented code, whose lines begin at `start` and end before `end` in the text.

    `info` is a fence's info string, None that of indented code; `closed` tells that a fence's closing line is there.
    """

    start: int
    end: int
    content: str
    info: str | None
    closed: bool


def code_blocks(markdown: str) -> list[CodeBlock]:
    """Every code block of a text, in order, in whatever container."""
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
    """Whether the last line of a fence is its end; `lines` are those of the text."""
    start, end = fence.map or (0, 0)
    closing = _CLOSES.fullmatch(lines[end - 1].removesuffix("\n"))
    return end - start > 1 and closing is not None and closing[1].startswith(fence.markup)
