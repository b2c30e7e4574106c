"""Parse a model's text, once for every output format.

markdown-it-py reads CommonMark with GFM's tables and strikethrough and lets no HTML through; here it is extended by
what models often write: formulas, `<br>`, `<sub>` and `<kbd>`, bare addresses.
"""

from __future__ import annotations

import bisect
import functools
import re
from types import SimpleNamespace
from typing import Any

from markdown_it import MarkdownIt, helpers
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from nbchat.markdown.addresses import DATA_IMAGE, safe_address
from nbchat.markdown.escaping import clean
from nbchat.markdown.formulas import ENVIRONMENTS, is_bracketed, is_formula, is_no_price, on_one_line
from nbchat.markdown.link_labels import label_end

__all__ = ["MOST_NESTED", "Document", "block_references", "block_tokens", "parse", "parser"]

MOST_NESTED = 40
"""Most nested blocks, a list and its item counting as two. The parser omits anything deeper."""

_LEAST_WORK, _WORK_PER_CHARACTER = 250_000, 1.5
_LONGEST_FORMULA = 10_000
_TAG = re.compile(
    r"(?ai)<(?:br */?>|(?P<name>su[bp]|kbd|mark|u)>(?P<inside>(?:(?!<(?:su[bp]|kbd|mark|u)\b)[^\n]){1,200}?)</(?P=name)>)"
)
_OPENS_DISPLAY = re.compile(r"\$\$|\\[\[b]")
_FENCE = r"[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*(?P<mark>`{3,}|~{3,})[^\n]*"
_DISPLAY = re.compile(
    rf"^{_FENCE}$"
    r"""
    |`[^`\n]+`
    |(?P<open>\$\$|\\\\?\[|\\begin\{[A-Za-z]+\*?\})
    |(?P<close>\\\\?\]|\\end\{[A-Za-z]+\*?\})
    |\\.
    |(?P<blank>\n[ \t>]*(?=\n))""",
    re.VERBOSE | re.MULTILINE,
)
_SIGN = re.compile(r"[\n!$&*<\[\\\]_`~]")
_BRACKET = re.compile(r"\\{1,2}[(\[]")  # some renderers need a double backslash, and some models write it
_ENVIRONMENT = re.compile(r"\\begin\{([A-Za-z]+)\*?\}")
_CLOSING = str.maketrans("([", ")]")
_MARGIN = re.compile(r"\n[ \t>]*")
_ROW = re.compile(rf"^(?:{_FENCE}|[ \t>]*\|[^$\n]*\$.*)", re.MULTILINE)
_CELL_FORMULA = re.compile(r"(?<![\\$])\$(?![\s$])([^$\n|]*\|[^$\n]*)(?<![\s\\])\$(?![$\d])")


class Document:
    """A parsed text: the `text` as parsed, its `tokens`, and its source `lines` (to which the tokens' `map` refers)."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens

    @functools.cached_property
    def lines(self) -> list[str]:
        """The source lines."""
        return self.text.split("\n")


def parse(markdown: str) -> Document | None:
    """Parse a text; None if parsing it would take unreasonably long, because it is hostile or not Markdown.

    The limit is on the estimated work; ordinary answers need a third of it.
    """
    text = clean(markdown)
    if _work(text) > max(_LEAST_WORK, _WORK_PER_CHARACTER * len(text)):
        return None
    if _OPENS_DISPLAY.search(text):
        text = _displays_joined(text)
    if "$" in text and "|" in text:
        text = _without_bars(text)
    return Document(text, parser().parse(text))


def block_tokens(markdown: str) -> list[Token]:
    """Return the block tokens of a text, without inline parsing."""
    return _block_parser().parse(markdown)


def block_references(markdown: str) -> dict[str, tuple[int, int]]:
    """Return the definitions of links in a text: the lines of each, by its normalised label."""
    env: dict[str, Any] = {}
    _block_parser().parse(markdown, env)
    return {label: tuple(found["map"]) for label, found in env.get("references", {}).items()}


def _work(text: str) -> int:
    """Estimate the microseconds of parsing a text in the worst case."""
    work = 4 * text.count("[") + 5 * sum(map(text.count, "*_~$\\&")) + 3 * sum(map(text.count, "]!<`@"))
    work *= 2 if "[" in text else 1  # what follows a bracket is parsed again if none closes it
    work += 10 * text.count("\n") + 2 * text.count(">") + text.count("|")
    work += 8 * sum(map(text.count, ("- ", "* ", "+ ", ". ", ") ", "# ")))  # lists and headings, and some that are not
    if targets := text.count("]("):  # each may be scanned up to the next blank
        work += targets * max(map(len, text.split())) // 50
    return work


def _without_bars(text: str) -> str:
    """Replace the bars in formulas of table rows, outside of code."""
    fence = _Fence()

    def replaced(line: re.Match[str]) -> str:
        fence.meet(line)
        is_row = not fence.mark and line[0].rstrip(" \t").endswith("|")
        return _CELL_FORMULA.sub(_without_pipes, line[0]) if is_row else line[0]

    return _ROW.sub(replaced, text)


class _Fence:
    """The code fence that is open while a text is read; `mark` empty = none."""

    mark = ""

    def meet(self, line: re.Match[str]) -> None:
        """Take in a line, which opens or closes a fence if its group `mark` says so."""
        mark = line["mark"]
        if not self.mark:
            self.mark = mark or ""
        elif mark and mark.startswith(self.mark) and line[0].strip(" \t>") == mark:
            self.mark = ""


def _without_pipes(formula: re.Match[str]) -> str:
    """Replace bars in a formula, which would end a table cell."""
    return (
        formula[0].replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        if is_formula(formula[1], display=False)
        else formula[0]
    )


def _displays_joined(text: str) -> str:
    """Join each multi-line formula into one line, since its lines may look like blocks."""
    parts = []
    at = 0
    fence = _Fence()
    opened: re.Match[str] | None = None
    for token in _DISPLAY.finditer(text):
        if token["mark"]:
            fence.meet(token)
            opened = None
        elif fence.mark:
            continue
        elif token["blank"] is not None:
            opened = None
        elif opened is None:
            opened = token if token["open"] else None
        elif token[0] == _closer(opened[0]):
            if "\n" in (formula := text[opened.start() : token.end()]):
                parts += [text[at : opened.start()], on_one_line(_MARGIN.sub("\n", formula))]
                at = token.end()
            opened = None
    return "".join(parts) + text[at:]


def _closer(opener: str) -> str:
    """The closing delimiter of a formula."""
    return opener if opener[0] == "$" else opener.translate(_CLOSING).replace(r"\begin", r"\end")


class _Parser(MarkdownIt):
    """markdown-it that keeps addresses as written; the output code checks and changes them."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802  # markdown-it's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802  # markdown-it's name
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802  # markdown-it's name
        return safe_address(url) is not None or DATA_IMAGE.fullmatch(url) is not None


@functools.cache
def parser() -> MarkdownIt:
    """Return the parser that `parse` uses."""
    made = _Parser("commonmark", {"html": False, "maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
    made.helpers = SimpleNamespace(**{**vars(helpers), "parseLinkLabel": label_end})  # type: ignore[assignment]  # read by attribute only
    made.core.ruler.at("inline", _inline)
    made.inline.ruler.at("text", _text)
    made.inline.ruler.before("escape", "formula", _formula)
    made.inline.ruler.before("autolink", "tag", _tag)
    return made


@functools.cache
def _block_parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "maxNesting": MOST_NESTED}).enable("table")
    made.core.ruler.enableOnly(["normalize", "block"])
    return made


def _inline(state: StateCore) -> None:
    """Rule: parse each inline token; one that is mere words quickly."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if _SIGN.search(token.content):
                state.md.inline.parse(token.content, state.md, state.env, token.children)
            elif token.content:
                token.children.append(Token("text", "", 0, content=token.content))


def _add_pending(state: StateInline, text: str) -> None:
    state.pending += text


_append_pending = getattr(StateInline, "append_pending", _add_pending)  # from markdown-it-py 4.3 on, in linear time


def _text(state: StateInline, silent: bool) -> bool:
    """Rule: a run of text up to the next sign that has a meaning to any rule."""
    sign = _SIGN.search(state.src, state.pos)
    end = sign.start() if sign else state.posMax
    if end == state.pos:
        return False
    if not silent:
        _append_pending(state, state.src[state.pos : end])
    state.pos = end
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    r"""Rule: a token `formula` for `$…$` and `\(…\)`, with `markup` `$$` for a display formula."""
    opener = _opener(state)
    if not opener:
        return False
    start, closer = state.pos + len(opener), _closer(opener)
    end = _find(state, closer, start)
    if end < 0:
        return False
    inside = state.src[start:end]
    if opener.startswith(r"\begin") and opener in inside:
        return False  # the end belongs to a later one
    display = opener != "$" and opener[-1] != "("
    after = state.src[end + len(closer) : end + len(closer) + 1]
    if not is_formula(inside, display=display) or not (
        is_no_price(state.src[state.pos - 1 : state.pos], inside, after) if opener == "$" else _is_meant(opener, inside)
    ):
        return False
    if not silent:
        token = state.push("formula", "span", 0)
        token.content = opener + inside + closer if opener.startswith(r"\begin") else inside
        token.markup = "$$" if display else "$"
    state.pos = end + len(closer)
    return True


def _is_meant(opener: str, inside: str) -> bool:
    return opener[-1] not in "([" or is_bracketed(inside)


def _opener(state: StateInline) -> str:
    sign = state.src[state.pos]
    if sign == "$":
        return "$$" if state.src.startswith("$$", state.pos) else "$"
    if sign != "\\":
        return ""
    if bracket := _BRACKET.match(state.src, state.pos):
        return bracket[0]
    environment = _ENVIRONMENT.match(state.src, state.pos)
    return environment[0] if environment and environment[1] in ENVIRONMENTS else ""


def _find(state: StateInline, closer: str, start: int) -> int:
    """The offset of the closing delimiter of a formula that starts at `start`; -1 = none nearby."""
    known = state.env.setdefault("closers", {})
    if (state.src, closer) not in known:  # found once for all openers
        escaped = "" if closer[0] == "\\" else r"(?<!\\)(?:\\\\)*"
        ends = re.finditer(f"{escaped}(?={re.escape(closer)})", state.src)
        known[state.src, closer] = [end.end() for end in ends]
    places = known[state.src, closer]
    place = bisect.bisect_left(places, start)
    limit = min(state.posMax, start + _LONGEST_FORMULA)
    return -1 if place == len(places) or places[place] + len(closer) > limit else places[place]


def _tag(state: StateInline, silent: bool) -> bool:
    """`<br>` as a line break; `<sub>`, `<sup>`, `<kbd>`, `<mark>` and `<u>` around text of one line."""
    found = _TAG.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent and found["name"] is None:
        state.push("hardbreak", "br", 0)
    elif not silent:
        name, most = found["name"].lower(), state.posMax
        state.pos, state.posMax = found.span("inside")
        state.push(f"{name}_open", name, 1)
        state.md.inline.tokenize(state)
        state.push(f"{name}_close", name, -1)
        state.posMax = most
    state.pos = found.end()
    return True
