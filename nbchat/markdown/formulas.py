r"""Recognise formulas in a model's text: tell them from prices, and decide which TeX may be typeset.

Models write `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and environments. All are shown in the two forms that every notebook
front end supports: `$…$` and `$$…$$`, each on one line. A formula whose TeX could read a file, define a command or link
somewhere is shown as text.
"""

from __future__ import annotations

import re

__all__ = ["ENVIRONMENTS", "canonical_tex", "is_bracketed", "is_formula", "is_no_price", "on_one_line"]

ENVIRONMENTS = frozenset(
    {"equation", "align", "gather", "multline", "eqnarray", "flalign", "alignat", "split", "cases", "dcases"}
    | {"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array", "aligned", "gathered"}
    | {"alignedat", "subarray", "rcases", "displaymath", "math", "multlined", "drcases", "xalignat", "xxalignat", "CD"}
)
"""Environments that are mathematics; anything else between `\\begin` and `\\end` is a LaTeX document."""

_OUTERMOST = re.compile(
    r"\\begin\{((?:equation|align|gather|multline|eqnarray|flalign|alignat)\*?)\}.*\\end\{\1\}", re.DOTALL
)
_FORBIDDEN = re.compile(
    r"""\\(?:
        [@A-Za-z]*(?i:input|include|import|openin|openout|readline|write|catcode|csname|shell|scantokens|primitive
                   |lua|special|package|listing|verbatim|filecontents|document|immediate|expandafter|afterassignment)[A-Za-z]*
        |read|newread|[gex]?def|edef|gdef|xdef|let|futurelet|global|long|outer|newcommand|renewcommand|providecommand
        |DeclareMathOperator|newenvironment|renewenvironment|Declare[A-Za-z]*|New[A-Za-z]*|Renew[A-Za-z]*|loop|repeat
        |href|url|style|class|cssId|data|html[A-Za-z]*|require|unicode|bbox|mmlToken|mathchoice|font|file|File[A-Za-z]*
        |If[A-Z][A-Za-z]*|pdf[A-Za-z]*|XeTeX[A-Za-z]*|includegraphics|ExplSyntax[A-Za-z]*|everymath|everydisplay
        |output|jobname|meaning|string|detokenize|noexpand|the|char|mathchar[A-Za-z]*|Load[A-Za-z]*|Require[A-Za-z]*
    )(?![A-Za-z])|\^\^""",
    re.VERBOSE,
)
_NOT_MATHEMATICS = re.compile(rf"\\(?:begin|end)(?![A-Za-z])(?!\{{(?:{'|'.join(sorted(ENVIRONMENTS))})\*?\}})")
_COMMAND = re.compile(r"\\[A-Za-z]|[\^]")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}")
_LONG_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3}")
_SIGN = re.compile(r"\\[A-Za-z]|[\^_=+*/<>|&]|(?<=[\w)\s])-")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_DOLLARS = re.compile(r"(?<!\\)(?:\\\\)*(\$+)")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_PERCENT = re.compile(r"(?<!\\)((?:\\\\)*)%")
_SPACING = re.compile(r"\\\\(?:\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mu|mm|cm|in)\s*\]|(?=[()\[\]]))")
_BLANKS = re.compile(r"\s+")
_APART = re.compile(r"(<)(?=[A-Za-z/!?])|(!)(?=\[)|(\])(?=[(\[:])|(:)(?=//)|(@)(?=@)|(?<!\\)(?:\\\\)+(?=[{}$])")
_MARKS = {ord("`"): "'", ord('"'): "\u201d"}


def is_formula(inside: str, *, display: bool) -> bool:
    """Whether the text between formula delimiters may be typeset."""
    tex = on_one_line(inside)
    if not any(map(str.isalnum, tex)) or _FORBIDDEN.search(inside) or _NOT_MATHEMATICS.search(inside):
        return False
    dollars = _DOLLARS.findall(tex)
    if dollars and (not display or len(dollars) % 2 or "$$" in dollars or "$" in (tex[0], tex[-1])):
        return False
    depth = 0
    for brace in _BRACE.findall(tex):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def is_no_price(before: str, inside: str, after: str) -> bool:
    """Whether `$inside$` is a formula rather than two prices or shell variables.

    Pandoc's rule (no space inside the dollars, no digit after them), with exceptions: anything with TeX commands is a
    formula, and anything that starts with a digit and contains ordinary words is a price.
    """
    if _COMMAND.search(inside):
        return not (after.isdigit() and inside[0].isdigit() and _LONG_WORD.search(inside))
    if after.isdigit() or (after.isalpha() and (before.isalnum() or not inside[-1].isalnum())):
        return False
    if inside[0].isspace() != inside[-1].isspace() or (inside[0] == "{" and after == "{"):
        return False
    if inside[0].isspace() or inside[0].isdigit():
        return not (_WORD.search(inside) and (" " in inside.strip() or _LONG_WORD.search(inside)))
    return True


def is_bracketed(inside: str) -> bool:
    r"""Whether `\(inside\)` or `\[inside\]` is a formula rather than escaped brackets around words or a number."""
    return _SIGN.search(inside) is not None or (
        _LONG_WORD.search(inside) is None and re.search("[A-Za-z]", inside) is not None
    )


def on_one_line(tex: str) -> str:
    """Remove comments and line breaks from TeX."""
    return _BLANKS.sub(" ", _COMMENT.sub(r"\1", tex) if "\n" in tex else tex).strip()


def canonical_tex(inside: str, *, display: bool, in_table: bool = False) -> str:
    """Return the formula with its delimiters, in a form that no renderer can misread."""
    tex = _SPACING.sub(lambda found: r"\\" if found[0].endswith("]") else r"\\{}", on_one_line(inside))
    tex = _APART.sub(lambda found: f"{found[0]} ", _PERCENT.sub(r"\1\\%", tex)).translate(_MARKS)
    if in_table:
        tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    if tex.endswith("\\"):
        tex += "{}" if (len(tex) - len(tex.rstrip("\\"))) % 2 == 0 else " {}"
    if display:
        return tex if _OUTERMOST.fullmatch(tex) else f"$${tex}$$"
    return f"${tex}$"
