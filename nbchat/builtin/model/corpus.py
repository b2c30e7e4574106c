"""The built-in model's corpus: Python's documentation topics as Markdown passages.

Every Python ships `pydoc_data.topics`, the text behind `help("for")`. It is plain text made from reStructuredText:
headings underlined with `*`, `=` or `-`, inline code between double quotes, code blocks and definitions indented. It is
converted to Markdown and cut into passages of an answer's length.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from msgspec import Struct

__all__ = ["Passage", "passages", "topics"]

PASSAGE_WORDS = 55
"""A passage ends with the paragraph that brings it to this many words, or with its section."""

_UNDERLINE = re.compile(r"([*=\-~^])\1{2,}$")
_NOISE = re.compile(
    r"(Changed in version|Added in version|New in version|Deprecated since|Deprecated in version"
    r"|See also|\*\*Source code|-\[ |\[\d+\] |[+|]|={3,}|\(\d+\)$|\*\*PEP|Notes:$)"
)
_FOOTNOTE = re.compile(r" ?\[\d+\]")
_LITERAL = re.compile(r'"("?[^"]+?"?)"(?!\w)')
_BULLET = re.compile(r"(?:\*|\d+\.) +(?=\S)")
_CODE = re.compile(
    r">>>|\.\.\. |[@#$]|(?:import|from|def|class|for|while|if|with|try|raise|return|del|print|pass|async)\b.*[:)\w]$"
    r"|[\w.\[\]]+(?:, \w+)* [-+*/|&]?= |\w[\w.]*\(.*\)$"
)


class Passage(Struct, frozen=True):
    """A few paragraphs of Markdown on one subject: `topic` is pydoc's key, `title` the nearest heading."""

    topic: str
    title: str
    text: str


def topics() -> Mapping[str, str]:
    """Return Python's documentation topics; if this Python lacks them, the docstrings of its builtins."""
    try:
        from pydoc_data.topics import topics as shipped
    except ImportError:
        return {name: str(value.__doc__ or "") for name, value in sorted(vars(builtins).items()) if name[0] != "_"}
    return dict(sorted(shipped.items()))


def passages(source: Mapping[str, str] | None = None) -> Iterator[Passage]:
    """Yield the passages of `source` (None = this Python's topics) in a fixed order, without repetitions."""
    seen: set[str] = set()
    for topic, text in (topics() if source is None else source).items():
        for title, paragraphs in _sections(topic, text):
            for passage in _cut(paragraphs):
                if passage not in seen:
                    seen.add(passage)
                    yield Passage(topic, title, passage)


def _sections(topic: str, text: str) -> Iterator[tuple[str, list[str]]]:
    title, paragraphs, signature = topic, list[str](), ""
    for block, following in pairwise([*_blocks(text), [""]]):
        heading = _heading(block)
        if heading is not None:
            yield title, paragraphs
            title, paragraphs, signature = heading, [], ""
        elif _NOISE.match(block[0].strip()):
            signature = ""
        elif _is_signature(block) and _indent(following) > _indent(block):
            signature = "; ".join(f"`{line.strip()}`" for line in block) + ": "
        elif not (paragraph := _paragraph(block)):
            if paragraphs and paragraphs[-1].endswith(":"):
                paragraphs[-1] = paragraphs[-1][:-1] + "."
        else:
            if _is_definition(signature, paragraph):
                paragraph = signature + paragraph
            paragraphs.append(paragraph)
            signature = ""
    yield title, paragraphs


def _is_definition(signature: str, paragraph: str) -> bool:
    return bool(signature) and not paragraph.startswith(("```", "- "))


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines without a blank line."""
    block: list[str] = []
    for line in [*text.expandtabs().splitlines(), ""]:
        if line.strip():
            block.append(line.rstrip())
        elif block:
            yield block
            block = []


def _indent(block: list[str]) -> int:
    return min(len(line) - len(line.lstrip()) for line in block)


def _heading(block: list[str]) -> str | None:
    if len(block) == 2 and _UNDERLINE.match(block[1]):
        return block[0].replace('"', "`")
    return None


def _is_signature(block: list[str]) -> bool:
    """Whether the lines are a documented name, such as `str.count(sub[, start[, end]])`."""
    return all(re.match(r" *(?:class |async |exception )?[\w.]+(?:\(.*\))?$", line) for line in block)


def _paragraph(block: list[str]) -> str:
    indent = _indent(block)
    lines = [line[indent:] for line in block]
    if any("::=" in line for line in lines):
        return _fenced("text", lines, at_most=3)
    if lines[0].startswith(">>> ") or (indent and not _is_prose(lines)):
        return _fenced("python", lines, at_most=14)
    if _BULLET.match(lines[0]):
        return "\n".join("- " + _prose(item) for item in _items(lines))
    return _prose(lines)


def _fenced(language: str, lines: list[str], at_most: int) -> str:
    """A code block; empty if it is too long for an n-gram model to reproduce sensibly."""
    if len(lines) > at_most:
        return ""
    return f"```{language}\n" + "\n".join(lines) + "\n```"


def _is_prose(lines: list[str]) -> bool:
    if re.match(r"[A-Z]", lines[0]) and lines[-1].endswith((".", ":", ".)")):
        return True
    if any(_CODE.match(line.strip()) for line in lines):
        return False
    words = re.findall(r"\b[a-z]{2,}\b", " ".join(lines))
    return len(words) >= 4 and bool(re.match(r"[A-Z*\"(‘]|\d+\. ", lines[0]))


def _items(lines: list[str]) -> Iterator[list[str]]:
    item: list[str] = []
    for line in lines:
        if match := _BULLET.match(line):
            if item:
                yield item
            item = [line[match.end() :]]
        else:
            item.append(line)
    yield item


def _prose(lines: list[str]) -> str:
    """Join lines of prose into one, with literals in backticks."""
    joined = re.sub(r"(?<=\w)- (?=[a-z])", "-", " ".join(line.strip() for line in lines))
    return re.sub(r"\s+", " ", _LITERAL.sub(_code_span, _FOOTNOTE.sub("", joined))).strip()


def _code_span(match: re.Match[str]) -> str:
    inside = match[1]
    return match[0] if "`" in inside else f"`{inside}`"


def _cut(paragraphs: list[str]) -> Iterator[str]:
    held: list[str] = []
    while paragraphs and paragraphs[0].startswith("```"):  # a grammar is no use before its explanation
        paragraphs = paragraphs[1:]
    for i, paragraph in enumerate(paragraphs):
        held.append(paragraph)
        following = paragraphs[i + 1] if i + 1 < len(paragraphs) else ""
        bound = paragraph.endswith(":") or following.startswith(("```", "- "))
        if sum(len(text.split()) for text in held) >= PASSAGE_WORDS and not bound:
            yield "\n\n".join(held)
            held = []
    if held:
        yield "\n\n".join(held)
