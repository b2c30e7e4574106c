"""Model text made safe to show as Markdown in a notebook.

A cell that has just run is trusted, and JupyterLab and Notebook 7 do not sanitise trusted Markdown: a `<script>` in
an answer would run, an image would carry the conversation away. `sanitise` leaves nothing in the text that runs,
fetches or navigates.

It changes the source as little as it can, and nothing rests on one parser's view alone. In prose, whatever could be
live is written so that no parser finds anything in it, whether it is code to that parser or not: `&lt;` for the `<`
of a tag, an entity for the sign that makes a link. Inline and indented code that could be live becomes `<code>` with
every sign spelt out, which looks the same. Only fenced code stays as written; so fences are kept apart from all that
could move their ends (`_trusted`), and one that can't be becomes a `<pre>`, spelt out.
"""

from __future__ import annotations

import re

from nbchat.markdown.code_blocks import CodeBlock, Outline
from nbchat.markdown.inline import NO_MATH, html_text, inline_text
from nbchat.markdown.mathtext import MathReading, Span, Spans, in_address, read_math
from nbchat.markdown.mermaid import is_harmless
from nbchat.markdown.prose import TELLING, Edit, Prose, spelt_out
from nbchat.markdown.terminal_text import join_surrogates

__all__ = ["html_text", "inline_text", "sanitise"]

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_LINE_END = re.compile("\r\n?")
_ODD_SPACE = re.compile("[\x0b\x0c\u2028\u2029]")
_SUSPECT = re.compile(r"<[A-Za-z/!?]|\[|\]|\$|\\[\\\[@A-Za-z]|://|www\.|mermaid|[`~]{3}[^`\n]", re.IGNORECASE)
"""What there is at least one of in a text that `sanitise` has anything to do with."""
_LF = "\n"
_ROUNDS = 8
"""How often code is taken out of the way of formulas one by one; then all of it is."""
_DISPLAY = re.compile(r"\$\$|\\\\[\[\]]|\\(?:begin|end)\{[a-z]*\*?\}", re.IGNORECASE)
_SIGNS = "[]()$`<\\!&~"
_SMALL = 20_000
"""Characters. A larger text of which a third is such signs was made to keep parsers busy; it is shown as code."""
_NOT_IN_INFO = re.compile(r"[^\w+#.\-{}=,/: ]|/(?=/)")


def sanitise(markdown: str, *, images: bool = False) -> str:
    """`markdown` with nothing in it that runs, fetches or navigates; ordinary Markdown looks as it did.

    Safe for any text, also one cut anywhere; harmless text comes back as it is. Links lead to http, https and mailto
    addresses and to places in the text. Remote images become links to them, or are shown with `images` (those of
    Markdown's own syntax); images held in the text (`data:`) always show.
    """
    text = _normal(markdown)
    if not _SUSPECT.search(text):
        return text
    if len(text) > _SMALL and sum(map(text.count, _SIGNS)) > len(text) / 3:
        return f"<pre><code>{spelt_out(text).replace(_LF, '&#10;')}</code></pre>"
    return _Document(text, images).sanitised()


def _normal(markdown: str) -> str:
    text = _LINE_END.sub("\n", join_surrogates(markdown))
    return _ODD_SPACE.sub(" ", _CONTROL.sub("\ufffd", text))


class _Document:
    """One text on its way: what is code, what is prose, what to write otherwise."""

    def __init__(self, text: str, images: bool) -> None:
        self._text = text
        outline = Outline(text)
        self._blocks = outline.code
        self._units = Spans((start, end) for start, end, _ in outline.prose)
        self._prose = [
            Prose(text, start, end, definitions=definitions, images=images)
            for start, end, definitions in outline.prose
            if TELLING.search(text, start, end)
        ]
        self._spelt = {
            number for number, block in enumerate(self._blocks) if block.live and not (block.fence and block.certain)
        }

    def sanitised(self) -> str:
        reading, formulas = self._mathematics()
        inert = Spans(reading.inert)
        edits = [edit for prose in self._prose for edit in prose.edits(formulas, inert)]
        edits += [self._inert(*span) for span in reading.inert]
        for number, block in enumerate(self._blocks):
            edits += self._spell(block) if number in self._spelt else self._info(block)
        return _written(self._text, edits)

    def _mathematics(self) -> tuple[MathReading, Spans]:
        """Which formulas there are, once no code is left that could make one with other code."""
        inline = [(span, prose) for prose in self._prose for span in prose.code]
        spans = [(block.start, block.end) for block in self._blocks]
        blocks, inlines = Spans(spans), Spans(span for span, _ in inline)
        code = Spans([*spans, *(span for span, _ in inline)])
        for _ in range(_ROUNDS):
            view = self._masked()
            reading = read_math(view, code, self._units)
            if not reading.spoilt and not self._spell_behind(reading, view):
                break
            self._spelt |= {number for at in reading.spoilt if (number := blocks.at(at)) is not None}
            for number in {number for at in reading.spoilt if (number := inlines.at(at)) is not None}:
                span, prose = inline[number]
                prose.spell(span)
        else:
            self._spell_all(inline)
            reading = read_math(self._masked(), code, self._units)
        return reading, Spans(reading.formulas)

    def _spell_all(self, inline: list[tuple[Span, Prose]]) -> None:
        self._spelt = set(range(len(self._blocks)))
        for span, prose in inline:
            prose.spell(span)

    def _masked(self) -> str:
        """The text with every sign blotted out that will not be there when a parser reads it."""
        spans = [span for prose in self._prose for span in prose.rewritten]
        for number, block in enumerate(self._blocks):
            if number in self._spelt:
                spans.append((block.start, block.end))
            elif block.fence is not None and block.fence.info:
                spans.append(self._info_span(block))
        return _written(self._text, [Edit(start, end, "x" * (end - start)) for start, end in spans])

    def _spell_behind(self, reading: MathReading, view: str) -> bool:
        """Spell the fences that a formula before them opens or closes for another parser; whether there are any yet."""
        hiding = [start for start, end in reading.formulas if self._units.at(start) != self._units.at(end - 1)]
        inert = set(reading.inert)
        displays = [match.start() for match in _DISPLAY.finditer(view) if match.span() not in inert]
        behind = {
            number
            for number, block in enumerate(self._blocks)
            if block.live
            and (
                (hiding and hiding[0] < block.start)
                or (displays and displays[0] < block.start and _DISPLAY.search(block.content))
            )
        }
        found = not behind <= self._spelt
        self._spelt |= behind
        return found

    def _inert(self, start: int, end: int) -> Edit:
        """A delimiter that is not to begin or end a formula."""
        written = self._text[start:end].replace("\\\\", "\\")
        template = "%{:02X}" if in_address(self._text, start) else NO_MATH
        return Edit(start, end, "".join(template.format(ord(char)) if char in "$\\" else char for char in written))

    def _spell(self, block: CodeBlock) -> list[Edit]:
        code = spelt_out(block.content).replace("\n", "&#10;")
        return [Edit(block.start, block.end, f"{block.prefix}<pre><code>{code}</code></pre>")]

    def _info(self, block: CodeBlock) -> list[Edit]:
        """The info string: nothing that could leave the `class` it is written to, no diagram unless harmless."""
        if block.fence is None or not block.fence.info:
            return []
        info = block.fence.info
        safe = _NOT_IN_INFO.sub("", info)
        if "mermaid" in safe.lower() and not (info == "mermaid" and block.closed and is_harmless(block.content)):
            safe = "text"
        if safe == info:
            return []
        return [Edit(*self._info_span(block), safe)]

    def _info_span(self, block: CodeBlock) -> Span:
        mark = block.fence.mark if block.fence else ""
        line_end = self._text.find("\n", block.start)
        start = self._text.index(mark, block.start) + len(mark)
        return start, len(self._text) if line_end < 0 else line_end


def _written(text: str, edits: list[Edit]) -> str:
    """The text with the edits made; of those that overlap, the first and longest."""
    parts = []
    at = 0
    for start, end, written, _ in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if start >= at and written is not None:
            parts += [text[at:start], written]
            at = end
    return "".join(parts) + text[at:]
