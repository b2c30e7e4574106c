"""Render a model's Markdown as canonical Markdown that is safe to show.

A cell that has just run is trusted, and JupyterLab and Notebook 7 do not sanitise trusted Markdown: a `<script>` in an
answer would run, and an image could exfiltrate the conversation. So no text is passed through. It is parsed and
rewritten: all markup is nbchat's, and the model's text in between is escaped so that it is inert in any context and for
any renderer (`escaping`). It does not matter how another parser would have read the original.

Code with special characters stays a fence, with highlighting, only where every renderer must recognise the fence: on
separate lines, in at most one list or quote. Anywhere else it becomes an escaped `<pre>`.
"""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it.token import Token

from nbchat.markdown.addresses import BARE_ADDRESS, DATA_IMAGE, bare_address, safe_address
from nbchat.markdown.code_blocks import is_closed
from nbchat.markdown.escaping import clean, escaped_code, escaped_text, is_live
from nbchat.markdown.formulas import canonical_tex
from nbchat.markdown.mermaid import is_harmless
from nbchat.markdown.parsing import MOST_NESTED, Document, parse

__all__ = ["render"]

_NO_MATH = r"<span class=tex2jax_ignore>\g<0></span>"
"""A character that MathJax must not read: it pairs up dollars in one text, even as character references.

It contains no quotes, so that it can't break out of an attribute.
"""

_DOLLAR = re.compile("&#36;")
_OPENS_MATH = re.compile(r"&#92;(?=[()]|&#9[13];|&#36;|begin|ref|eqref|\Z)")
_TICKS = re.compile("`+")
_LONGEST_MARK = 20
_ENDS_VERBATIM = re.compile(r"\\end\s*\{\s*verbatim", re.IGNORECASE)
"""Text that would end code in nbconvert's LaTeX."""
_CONTAINERS = {"blockquote_open", "bullet_list_open", "ordered_list_open"}
_MATH = re.compile(r"[$\t]|\\\\[()\[\]]|\\(?:begin|end)\{", re.IGNORECASE)
"""What JupyterLab takes for formula delimiters, even in code unless in an unindented fence; and tabs."""
_NOT_IN_INFO = re.compile(r"[^\w+#.\-]", re.ASCII)
_NOT_IN_ALT = re.compile(r"[^\w .,:;()'+/\-]+")
_PLAIN_CODE = re.compile(r"(?! )[^`|$\n]+(?<! )")
_PLAIN_ADDRESS = re.compile(r"(?ai)https?://[a-z0-9.:/?=%#+,;\-]+")
_TASK = re.compile(r"\[[ xX]\] ")
_TAGS = {"em": "*", "strong": "**", "s": "~~", **dict.fromkeys(("sub", "sup", "kbd", "mark", "u"), "")}


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the garbage collector: among a long text's tokens, which form no cycles, it takes as long as the parser."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collection()
def render(markdown: str, *, images: bool = False) -> str:
    """Return `markdown` so that it looks as intended but nothing in it runs, fetches or navigates.

    Safe for any text, even if cut anywhere. Links are kept to http, https and mailto addresses and to fragments. Remote
    images become links, or are shown with `images`; `data:` images are always shown.
    """
    document = parse(markdown)
    return _pre(clean(markdown)) if document is None else "\n".join(_Writer(document, images).blocks(_Place()))


def _pre(code: str, language: str = "") -> str:
    """Return code as an HTML element on one line."""
    named = f" class=language-{language}" if language else ""
    return f"<pre><code{named}>{escaped_code(code)}</code></pre>"


class _Place(NamedTuple):
    """The context of a block: in a container, nested containers (`deep`), on a list item's first line, in a tight list."""

    nested: bool = False
    deep: bool = False
    on_item: bool = False
    tight: bool = False


class _Writer:
    """Writes the blocks of a document as lines. `_at` is the next token."""

    def __init__(self, document: Document, images: bool) -> None:
        self._document = document
        self._tokens = document.tokens
        self._images = images
        self._at = 0

    def blocks(self, place: _Place) -> list[str]:
        """Return the lines of all blocks up to the end of the container."""
        lines: list[str] = []
        before = ("", "")  # type and marker of the previous block
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.nesting < 0:
                break
            block, marker = self._block(token, place if not lines else place._replace(on_item=False), before)
            if not block:
                continue
            if lines and not (place.tight and before[0] != "blockquote_open"):
                lines.append(">" if place.tight else "")
            lines += block
            before = token.type, marker
        return lines

    def _block(self, token: Token, place: _Place, before: tuple[str, str]) -> tuple[list[str], str]:
        """Return the lines of one block, and its marker if it is a list."""
        deep = place.deep
        if token.type in _CONTAINERS and not place.nested:
            inside = self._inside()
            deep = any(other.type in _CONTAINERS for other in inside)
            if token.map and any(other.level >= MOST_NESTED - 1 for other in inside):
                self._at += len(inside) + 1
                return [_pre("\n".join(self._document.lines[slice(*token.map)]))], ""
        match token.type:
            case "paragraph_open":
                return self._inline(place), ""
            case "heading_open":
                words = " ".join(self._inline(place, one_line=True))
                return [f"{'#' * int(token.tag[1])} {words}".rstrip()], ""
            case "fence" | "code_block":
                return self._code(token, place), ""
            case "blockquote_open":
                inner = self.blocks(_Place(nested=True, deep=deep))
                return [f"> {line}" if line else ">" for line in inner or [""]], ""
            case "bullet_list_open" | "ordered_list_open":
                return self._list(token, deep, before)
            case "table_open":
                return self._table(place), ""
            case "hr":
                return ["___"], ""
        return [], ""

    def _inside(self) -> list[Token]:
        """The tokens inside the block that has just been opened, without its closing one."""
        end = self._at
        while self._tokens[end].level:
            end += 1
        return self._tokens[self._at : end]

    def _list(self, token: Token, deep: bool, before: tuple[str, str]) -> tuple[list[str], str]:
        marker = token.markup
        if before == (token.type, marker):  # two adjacent lists
            marker = {"-": "*", "*": "-", "+": "-", ".": ")", ")": "."}[marker]
        ordered = token.type == "ordered_list_open"
        number = int(token.attrs.get("start", 1))
        tight = self._is_tight()
        lines: list[str] = []
        while self._tokens[self._at].type == "list_item_open":
            sign = f"{min(number, 999_999_999)}{marker}" if ordered else marker
            width = len(sign) + 1
            inner = self.blocks(_Place(nested=True, deep=deep, on_item=True, tight=tight))
            if lines and not tight:
                lines.append("")
            lines.append(f"{sign} {inner[0]}" if inner else sign)
            lines += [f"{' ' * width}{line}" if line else "" for line in inner[1:]]
            number += 1
        self._at += 1
        return lines, marker

    def _is_tight(self) -> bool:
        """Whether the list that starts here needs no blank lines; without paragraphs they are harmless."""
        level = self._tokens[self._at].level
        at = self._at
        while (token := self._tokens[at]).level >= level:
            if token.type == "paragraph_open" and token.level == level + 1:
                return token.hidden
            at += 1
        return False

    def _table(self, place: _Place) -> list[str]:
        lines: list[str] = []
        aligned: list[str] = []
        cells: list[str] = []
        while (token := self._tokens[self._at]).type != "table_close":
            self._at += 1
            if token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    aligned.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
                cells.append(" ".join(self._inline(place, one_line=True, in_table=True)))
            elif token.type == "tr_close":
                lines.append(f"| {' | '.join(cells)} |")
                cells = []
            elif token.type == "thead_close":
                rule = {"left": ":--", "right": "--:", "center": ":-:"}
                lines.append(f"| {' | '.join(rule.get(side, '---') for side in aligned)} |")
        self._at += 1
        return lines

    def _code(self, token: Token, place: _Place) -> list[str]:
        code = token.content.removesuffix("\n")
        language = _NOT_IN_INFO.sub("", "".join(token.info.split()[:1]))[:40]
        if language.lower().startswith("mermaid"):
            drawn = language == "mermaid" and is_closed(token, self._document.lines) and is_harmless(code)
            language = language if drawn else "text"
        mark = "`" * max([3, *(1 + len(run) for run in _TICKS.findall(code))])
        hidden = place.deep or place.on_item  # possibly hidden from some renderer
        if (
            len(mark) > _LONGEST_MARK
            or (hidden and is_live(code))
            or (place.nested and _MATH.search(code))
            or _ENDS_VERBATIM.search(code)
        ):
            return [_pre(token.content, language)]
        return [mark + language, *code.split("\n"), mark] if token.content else [mark + language, mark]

    def _inline(self, place: _Place, *, one_line: bool = False, in_table: bool = False) -> list[str]:
        """Return the lines of the next inline token, up to the end of its block."""
        children = self._tokens[self._at].children or []
        self._at += 2
        words = _Inline(children, images=self._images, in_table=in_table, one_line=one_line).written(
            task=place.on_item and not one_line
        )
        return words.split("\n") if words else []


class _Inline:
    """Writes the text of one paragraph, heading or table cell."""

    def __init__(self, tokens: list[Token], *, images: bool, in_table: bool, one_line: bool) -> None:
        self._tokens = tokens
        self._images = images
        self._in_table = in_table
        self._one_line = one_line
        self._out: list[str] = []
        self._in_link = False
        self._closers: dict[int, str] = {}  # by token index: the closing text of the mark or link that ends there
        dollars = sum(token.content.count("$") for token in tokens if token.type == "text")
        self._no_dollars = dollars > 1 or (dollars == 1 and any(token.type == "formula" for token in tokens))

    def written(self, *, task: bool) -> str:
        """Return the text; `task`: it may start with a task list's checkbox."""
        pairs = self._pairs()
        for number, token in enumerate(self._tokens):
            if token.nesting > 0:
                self._open(number, pairs[number])
            elif token.nesting < 0:
                self._put(self._closers[number])
                if token.type == "link_close" and self._closers[number]:
                    self._in_link = False
            else:
                self._leaf(token, task=task and not number)
        return "".join(self._out)

    def _pairs(self) -> dict[int, int]:
        pairs = {}
        opened = []
        for number, token in enumerate(self._tokens):
            if token.nesting > 0:
                opened.append(number)
            elif token.nesting < 0:
                pairs[opened.pop()] = number
        return pairs

    @property
    def _starts_line(self) -> bool:
        return not self._out or self._out[-1].endswith("\n")

    def _put(self, text: str) -> None:
        if text.startswith(("$", "`")) and self._out and self._out[-1].endswith("$"):
            # So that two formulas do not form one delimiter; and JupyterLab mistakes what precedes code for code.
            self._out.append("&#8288;")
        self._out.append(text)

    def _open(self, number: int, end: int) -> None:
        token = self._tokens[number]
        if token.type == "link_open":
            address = safe_address(str(token.attrs.get("href", "")))
            if address is None or self._in_link:
                self._closers[end] = ""
                return
            self._in_link = True
            title = escaped_text(str(token.attrs.get("title", "")))
            address = address.replace("&", "&amp;")
            self._closers[end] = f']({address} "{title}")' if title else f"]({address})"
            self._put("[")
            return
        mark = _TAGS[token.tag]
        if mark and self._is_plain(number, end):
            self._closers[end] = mark
            self._put(mark)
        else:
            tag = "del" if token.tag == "s" else token.tag
            self._closers[end] = f"</{tag}>"
            self._put(f"<{tag}>")

    def _is_plain(self, start: int, end: int) -> bool:
        """Whether every renderer recognises emphasis there: words inside, blanks or punctuation around."""
        before = self._out[-1][-1] if self._out and self._out[-1] else "\n"
        first, last = self._tokens[start + 1], self._tokens[end - 1]
        after = self._tokens[end + 1] if end + 1 < len(self._tokens) else None
        return (
            before in " \n("
            and first.type == last.type == "text"
            and first.content[:1].isalnum()
            and (last.content[-1:].isalnum() or last.content[-1:] in ".,:;?%)")
            and (after is None or after.type == "softbreak" or (after.type == "text" and after.content[:1] in " .,;?)"))
        )

    def _leaf(self, token: Token, *, task: bool) -> None:
        match token.type:
            case "text":
                self._text(token.content, task=task)
            case "softbreak" if self._one_line or not self._starts_line:  # a blank line would end the paragraph
                self._out.append(" " if self._one_line else "\n")
            case "hardbreak":
                self._break()
            case "code_inline":
                plain = _PLAIN_CODE.fullmatch(token.content) and not is_live(token.content)
                self._put(f"`{token.content}`" if plain else f"<code>{escaped_code(token.content)}</code>")
            case "formula":
                self._put(canonical_tex(token.content, display=token.markup == "$$", in_table=self._in_table))
            case "image":
                self._image(token)

    def _break(self) -> None:
        if self._one_line:
            self._out.append("<br>")
        elif self._starts_line or self._out[-1].endswith(">"):
            self._out.append("&#8288;<br>")  # alone on its line, a tag would start an HTML block
        else:
            self._out.append("  \n")

    def _text(self, text: str, *, task: bool) -> None:
        if task and _TASK.match(text):
            self._out.append(text[:4])
            text = text[4:]
        at = 0
        for found in BARE_ADDRESS.finditer(text) if not self._in_link else ():
            if (address := bare_address(found[0])) is not None:
                self._words(text[at : found.start()], starts_line=task or self._starts_line)
                words, target = address
                if _PLAIN_ADDRESS.fullmatch(words):
                    self._put(f"<{words}>")
                else:
                    self._put("[")
                    self._words(words)
                    self._put(f"]({target.replace('&', '&amp;')})")
                at = found.start() + len(words)
        self._words(text[at:], starts_line=task or self._starts_line)

    def _words(self, text: str, *, starts_line: bool = False) -> None:
        if text:
            escaped = _OPENS_MATH.sub(_NO_MATH, escaped_text(text, starts_line=starts_line))
            self._out.append(_DOLLAR.sub(_NO_MATH, escaped) if self._no_dollars else escaped)

    def _image(self, token: Token) -> None:
        """Write an image: `data:` images are shown, remote ones become links, or inside a link their description."""
        source = str(token.attrs.get("src", ""))
        held = DATA_IMAGE.fullmatch(source) is not None
        address = source if held else safe_address(source)
        remote = address is not None and address[:4].lower() == "http"
        words = token.content.strip() or "image"
        if address is not None and (held or (remote and self._images)):
            alt = _NOT_IN_ALT.sub(" ", token.content)
            self._put(f"![{alt}]({address.replace('&', '&amp;')})")
        elif address is not None and remote and not self._in_link:
            self._put("[")
            self._words(words)
            self._put(f"]({address.replace('&', '&amp;')})")
        else:
            self._words(words if self._in_link else f"[image: {words}]", starts_line=self._starts_line)
