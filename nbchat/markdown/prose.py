"""The text of one paragraph, heading or table cell: what in it is code, and what must be written otherwise.

A scan from left to right with CommonMark's precedences (escapes, code spans and autolinks bind closest, then links),
over the source itself, so that every change is exact and the rest stays as it was.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from typing import NamedTuple

from nbchat.markdown.inline import NO_MATH
from nbchat.markdown.links import DATA_IMAGE, Target, has_host, read_definition, read_target, safe_address
from nbchat.markdown.mathtext import Span, Spans, in_address

__all__ = ["TELLING", "Edit", "Prose", "is_live", "spelt_out"]

TELLING = re.compile(r"[\\`~<\[\]$&]|://|www\.", re.IGNORECASE)
"""What there is at least one of where a `Prose` has anything to say."""


_LIVE = re.compile(
    r"<(?=[A-Za-z/!?])|!\[|\][(:]|(?i:ftp)://|(?:://|www\.)[^\s<]*(?:[$@]|\\\\[(\[]|\\begin)|@\\@", re.IGNORECASE
)
_TOKEN = re.compile(
    r"""(?P<macro>\\+(?=(?:href|url|style|class|cssId|data|includegraphics|require|unicode|bbox|mmlToken|csname|html[A-Z][a-z]+)
                 (?![A-Za-z])))
    |(?P<escape>\\[!-/:-@\[-`{-~])
    |(?P<ticks>`+)
    |(?P<tildes>~{3,})
    |(?P<auto><(?:https?://[^\s<>"'`$@\\^{}|\x00-\x1f]+|(?:mailto:)?[\w.!\#%&*+/=?~\-]+@[A-Za-z0-9.\-]+)>)
    |(?P<tag><(?=[A-Za-z/!?]))
    |(?P<image>!\[)
    |(?P<open>\[)
    |(?P<close>\])
    |(?P<web>https?://|www\.)
    |(?P<scheme>(?<=[A-Za-z0-9+.\-])(?<!http)(?<!https):(?=//))
    |(?P<dollar>\$|&\#0*36;|&\#x0*24;|&dollar;)
    |(?P<slash>&\#0*92;|&\#x0*5c;|&bsol;)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TICKS = re.compile("`+")
_FAILURES = 200
"""As many addresses that are none are looked at in one paragraph; a hostile one has thousands, each as long as can be."""
_MATH_SIGN = re.compile(r"[$\\{}@`]")
_MARGIN = re.compile(r"[ \t\n>*+\-0-9.)\[\]xX]*")
_WIDEST = 1000
_TASK = re.compile(r"[ \t>*+\-0-9.)]*\[[ xX]\][ \t]+(?:([-+*>])|[0-9]{1,9}([.)]))")
_SPACE = re.compile(r"\s")
_JOINER = "\u2060"
_PLAIN_ALT = re.compile(r"[^\"$@\\<>&\[\]`\n]*")
_NOT_IN_ALT = re.compile(r"[^\w .,:;()'+/\-]+")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ]")
_CONTINUED = re.compile(r"\n[ \t>]*")


class Edit(NamedTuple):
    """Characters from `start` to `end` to be written as `text`, or within a formula as `math`. None: as they are."""

    start: int
    end: int
    text: str | None
    math: str | None = None


def is_live(code: str) -> bool:
    """Whether anything in it could be live if some Markdown parser did not take it for code."""
    return _LIVE.search(code) is not None


def spelt_out(code: str) -> str:
    """`code` for the inside of `<code>`: every sign as a character reference, so that no parser finds meaning in it."""
    return _NOT_PLAIN.sub(lambda char: f"&#{ord(char[0])};" if char[0] < "\x80" else char[0], code)


class _Opener(NamedTuple):
    at: int
    image: bool


class Prose:
    """One stretch of inline text, from `start` to `end` of `text`.

    `code` are its code spans; `rewritten` are spans that are written anew whether in a formula or not, so that no
    mathematics can begin or end in them. `definitions` tells that link definitions may stand at its beginning (a
    paragraph).
    """

    def __init__(self, text: str, start: int, end: int, *, definitions: bool = False, images: bool = False) -> None:
        self.span: Span = (start, end)
        self.code: list[Span] = []
        self.rewritten: list[Span] = []
        self._text = text
        self._start = start
        self._end = end
        self._images = images
        self._edits: list[Edit] = []
        self._dollars: list[Span] = []
        self._ticks: dict[int, list[int]] | None = None
        self._openers: list[_Opener] = []
        self._failures = 0
        self._dead = 0  # openers before this number can't begin a link: a link holds no link
        self._defines = start if definitions else -1  # where a link definition may begin
        self._scan()

    def edits(self, formulas: Spans, inert: Spans) -> list[Edit]:
        """What to write otherwise, when these are the formulas and the delimiters already dealt with.

        The edits may overlap; the outermost counts.
        """
        free = [span for span in self._dollars if formulas.at(span[0]) is None and inert.at(span[0]) is None]
        chosen = [Edit(*span, NO_MATH.format(36)) for span in free] if len(free) > 1 else []
        for edit in self._edits:
            written = edit.text if formulas.at(edit.start) is None else edit.math
            if written is not None:
                chosen.append(Edit(edit.start, edit.end, written))
        return chosen

    def spell(self, span: Span) -> None:
        """Write this code span as HTML, with every sign spelt out."""
        written = self._text[slice(*span)]
        ticks = len(written) - len(written.lstrip("`"))
        code = _CONTINUED.sub(" ", written[ticks:-ticks])
        if code.strip() and code[0] == code[-1] == " ":
            code = code[1:-1]
        self._rewrite(*span, f"<code>{spelt_out(code)}</code>")

    def _scan(self) -> None:
        at = self._start
        if self._defines >= 0 and (task := _TASK.match(self._text, at, self._end)):
            # To marked, blocks may begin behind a task's box; to CommonMark that is text.
            mark = task.start(task.lastindex or 1)
            self._edits.append(Edit(mark, mark + 1, f"&#{ord(self._text[mark])};"))
        while token := _TOKEN.search(self._text, at, self._end):
            at = self._take(token)
        for opener in self._openers:
            if opener.image:
                self._edits.append(Edit(opener.at, opener.at + 1, "&#33;", "! "))
            else:
                self._edits.append(Edit(opener.at, opener.at + 1, "&#91;", "{[}" if self._leads(opener.at) else None))

    def _runs(self, length: int) -> list[int]:
        """Where the runs of so many backticks begin."""
        if self._ticks is None:
            self._ticks = defaultdict(list)
            for run in _TICKS.finditer(self._text, self._start, self._end):
                self._ticks[run.end() - run.start()].append(run.start())
        return self._ticks[length]

    def _take(self, token: re.Match[str]) -> int:
        """Deal with one token; where to go on."""
        start, end = token.span()
        kind = token.lastgroup
        if kind == "ticks":
            return self._code_span(start, end)
        if kind == "tildes":
            self._no_fence(start, end)
        if kind == "close":
            return self._close(start)
        if kind in ("open", "image"):
            self._openers.append(_Opener(start, kind == "image"))
        elif (
            kind == "auto"
            and (colon := self._text.find("://", start, end)) > 0
            and not has_host(self._text, colon + 3, end - 1)
        ):
            self._edits.append(Edit(start, start + 1, "&lt;", "< "))
            return start + 1
        elif kind == "tag":
            self._edits.append(Edit(start, end, "&lt;", "< "))
        elif kind == "auto":
            self._edits.append(Edit(start, start + 1, None, "< "))
        elif kind == "scheme":
            self._edits.append(Edit(start, end, "&#58;"))
        elif kind == "web":
            sign = end - 1 if self._text[end - 1] == "." else end - 3
            if not has_host(self._text, end, self._end):
                self._edits.append(Edit(sign, sign + 1, f"&#{ord(self._text[sign])};"))
        elif kind == "macro":
            self._edits.append(Edit(end, end, _JOINER, _JOINER))
        elif kind == "slash":
            self._edits.append(
                Edit(end, end, _JOINER) if _TOKEN.match("\\" + self._text[end : end + 20]) else Edit(end, end, None)
            )
        elif kind == "dollar" and self._text[start - 1 : start] != "\\":
            self._dollars.append((start, end))
        elif kind == "escape":
            self._escape(start)
        return end

    def _escape(self, at: int) -> None:
        char, after = self._text[at + 1], self._text[at + 2 : at + 3]
        if char == "$":
            self._dollars.append((at, at + 2))
        elif char == "@":
            self._edits.append(
                Edit(at, at + 2, _JOINER + "@")
            )  # `@\\@0@@` would become one of JupyterLab's placeholders
        elif char == "<" and (after.isalpha() or after in "/!?"):
            self._edits.append(Edit(at, at + 2, "&lt;", "\\< "))
        elif char == "!" and after == "[":
            self._edits.append(Edit(at, at + 2, "&#33;", "\\! "))
        elif char == "]" and after in ("(", ":"):
            self._disarm(at + 1)

    def _rewrite(self, start: int, end: int, text: str) -> None:
        self.rewritten.append((start, end))
        self._edits.append(Edit(start, end, text, text))

    def _change(self, start: int, end: int, text: str) -> None:
        """Write a link's end anew; in a formula it only gets a space, unless it could end the formula."""
        if _MATH_SIGN.search(self._text, start, end):
            self._rewrite(start, end, text)
        else:
            self._edits.append(Edit(start, end, text, self._text[start:end].replace("(", " (", 1)))

    def _disarm(self, close: int) -> None:
        """Keep the sign after a closing bracket from making it a link or a definition."""
        sign = self._text[close + 1]
        self._edits.append(Edit(close + 1, close + 2, f"&#{ord(sign)};", " " + sign))

    def _code_span(self, start: int, end: int) -> int:
        same = self._runs(end - start)
        later = bisect_right(same, start)
        if later == len(same):
            self._no_fence(start, end)
            return end
        close = same[later] + end - start
        self.code.append((start, close))
        code = self._text[end : same[later]]
        if is_live(code) or "\n" in code:  # what begins its lines could begin a block to another parser
            self.spell((start, close))
        return close

    def _no_fence(self, start: int, end: int) -> None:
        """Spell a run that opens no fence here but might to another parser, which counts the containers otherwise."""
        if end - start > 2 and self._leads(start):
            self._rewrite(start, end, f"&#{ord(self._text[start])};" * (end - start))

    def _nothing(self, start: int, end: int) -> str:
        """What to leave in place of dropped signs: something, where the signs around them would mean more together."""
        if _SPACE.search(self._text, start, end):
            return " "
        before, after = self._text[max(0, start - 1) : start], self._text[end : end + 1]
        joins = before in ("!", "]", "<", "&", "\\") or (end - start > 1 and after in ("[", "(", ":"))
        return "&#8288;" if joins else ""

    def _leads(self, at: int) -> bool:
        """Whether nothing but marks of containers stands before the offset on its line."""
        line = max(self._start, self._text.rfind("\n", self._start, at) + 1)
        return at - line > _WIDEST or _MARGIN.fullmatch(self._text, line, at) is not None

    def _close(self, at: int) -> int:
        sign = self._text[at + 1 : at + 2] if at + 1 < self._end else ""
        opener = self._openers.pop() if self._openers else None
        alive = opener is not None and (opener.image or len(self._openers) >= self._dead)
        self._dead = min(self._dead, len(self._openers))
        if sign == ":":
            if opener is not None and opener.image:
                self._edits.append(Edit(opener.at, opener.at + 1, "&#33;", "! "))
            return self._definition(opener, at)
        target = read_target(self._text, at + 1) if sign == "(" and alive and self._failures < _FAILURES else None
        if target is not None and target.end <= self._end and opener is not None:
            return self._image(opener, at, target) if opener.image else self._link(opener, at, target)
        if sign == "(":
            self._failures += alive
            self._disarm(at)
        if opener is not None and opener.image:
            self._edits.append(Edit(opener.at, opener.at + 1, "&#33;", "! "))
        return at + 1

    def _definition(self, opener: _Opener | None, at: int) -> int:
        """A colon behind a bracket: a link definition if it stands where one may, else text."""
        target = read_definition(self._text, at + 1) if self._failures < _FAILURES else None
        address = safe_address(target.address) if target is not None and target.end <= self._end else None
        first = (
            opener is not None
            and 0 <= self._defines <= opener.at
            and _MARGIN.fullmatch(self._text, self._defines, opener.at) is not None
        )
        if target is None or address is None or not first or is_live(address):
            self._failures += 1
            self._disarm(at)
            return at + 1
        rewritten = target.rewritten(address)
        if rewritten is not None:
            self._rewrite(at + 1, target.end, f": {rewritten}")
        self._defines = target.end
        return target.end

    def _link(self, opener: _Opener, at: int, target: Target) -> int:
        address = safe_address(target.address)
        if address is None or in_address(self._text, opener.at):  # there, marked sees two bare addresses
            self._disarm(at)
            return at + 1
        self._dead = len(self._openers)
        self._aim(at, target, address)
        return target.end

    def _aim(self, at: int, target: Target, address: str) -> None:
        rewritten = target.rewritten(address)
        if rewritten is not None and " " not in rewritten and _SPACE.search(self._text, at + 1, target.end):
            rewritten += " "  # a space parts addresses from formulas, see `in_address`
        if rewritten is None:
            self._edits.append(Edit(at + 1, at + 2, None, " ("))
        else:
            self._change(at + 1, target.end, f"({rewritten})")

    def _image(self, opener: _Opener, at: int, target: Target) -> int:
        """A picture in the text may show; a remote one becomes a link to it, within a link its words."""
        alt = self._text[opener.at + 2 : at]
        address = safe_address(target.address)
        remote = address is not None and address[:4].lower() == "http"
        data = DATA_IMAGE.fullmatch(target.address) and not in_address(self._text, opener.at)
        if data or (remote and self._images):
            clean = alt if _PLAIN_ALT.fullmatch(alt) else _NOT_IN_ALT.sub(" ", alt)
            written = target.rewritten(target.address if data else str(address))
            if clean != alt or written is not None:
                whole = f"![{clean}]({written or self._text[at + 2 : target.end - 1]})"
                self._rewrite(opener.at, target.end, whole)
            return target.end
        if not remote or address is None:
            self._edits.append(Edit(opener.at, opener.at + 1, "&#33;", "! "))
            self._disarm(at)
            return at + 1
        if any(not other.image for other in self._openers[self._dead :]):
            self._edits.append(Edit(opener.at, opener.at + 2, self._nothing(opener.at, opener.at + 2), "! ["))
            self._change(at, target.end, self._nothing(at, target.end) if alt.strip() else "image")
            return target.end
        self._edits.append(Edit(opener.at, opener.at + 1, self._nothing(opener.at, opener.at + 1), "! "))
        if not alt.strip():
            self._edits.append(Edit(at, at, "image"))
        self._dead = len(self._openers)
        self._aim(at, target, address)
        return target.end
